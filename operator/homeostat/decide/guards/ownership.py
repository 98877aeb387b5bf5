"""Whether someone else decides about what the plan changes."""

from datetime import timedelta

from homeostat.contracts.actions.kinds import ActionType
from homeostat.flow.facts import Owner
from homeostat.flow.field_changes import changes_of
from homeostat.flow.wording import format_span

from .question import Finding, Question, deny, permit

_ROUNDS = 2
"""Times that a field may be set back after an act before the next act on it is denied."""

_REMEMBERED = timedelta(hours=24)
"""How long a field that was set back is remembered, as far as the records that tell it are kept."""


def managed_by(question: Question) -> Finding:
    """Others who set the same: to overrule a controller is to be overruled by it in turn.

    A person's last write stands in nobody's way but that of a patch, which reaches beyond the target.
    """
    ownership = question.ownership
    if ownership is None or ownership.unknown:
        why = ownership.unknown if ownership else "nobody looked"
        return deny("OwnersUnknown", f"who else sets what would be changed is not known: {why}")
    owner = next((owner for owner in ownership.owners if not _may_overrule(question, owner)), None)
    if owner is not None:
        return deny("TargetManagedBy", f"{owner.name}: {owner.advice}")
    if ownership.owners:
        return permit(f"may be changed, though {', '.join(sorted({owner.name for owner in ownership.owners}))}")
    return permit("nobody else sets what would be changed")


def _may_overrule(question: Question, owner: Owner) -> bool:
    if owner.is_person and question.plan.action is not ActionType.PATCH:
        return True
    return bool(owner.managers) and set(owner.managers) <= set(question.terms.guardrails.take_from)


def ping_pong(question: Question) -> Finding:
    """Whether someone sets the same field back each time: after two rounds there is no third.

    A round is an act on a field that then had its old value again, without the operator's doing.
    """
    for change in changes_of(question.plan):
        others = _set_back_by(question, change.path, change.before)
        if len(others) >= _ROUNDS:
            where = f"{change.path} of {question.plan.target.kind}/{question.plan.target.name}"
            return deny(
                "PingPong",
                f"{others[-1] or 'someone'} set {where} back after each of the last {len(others)} acts on it: settle "
                f"with them who decides about it; it is left alone until {format_span(_REMEMBERED)} after these acts",
            )
    return permit("nobody sets it back again and again")


def _set_back_by(question: Question, path: str, present: str) -> list[str]:
    """Field managers that gave a field the value it had before an act again, one for each time."""
    changes = [
        change
        for act in sorted(question.facts.acts, key=lambda act: act.at)
        if act.at > question.now - _REMEMBERED
        for change in act.changes
        if (change.object_uid, change.path) == (question.plan.target.uid, path)
    ]
    later = [*((change.before, change.before_by) for change in changes[1:]), (present, question.plan.before_by)]
    return [
        by
        for change, (found, by) in zip(changes, later, strict=False)
        if found == change.before and not change.taken_back
    ]
