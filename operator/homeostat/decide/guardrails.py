"""What holds a plan back; asked at the decision and again right before the act. A guard that cannot tell denies."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.actions.patch import AUTOSCALER_BOUNDS, group_of
from homeostat.contracts.common import parse_duration
from homeostat.contracts.operations import Plan
from homeostat.contracts.remediation import GuardVerdict, GuardVerdictName, Terms
from homeostat.contracts.remediation_policy import Mode
from homeostat.flow.facts import GuardFacts, Owner, Ownership, PastAct, Reading, Workload
from homeostat.flow.field_changes import changes_of, read_values
from homeostat.flow.wording import clip, format_span, format_time

_ROUNDS = 2
"""Times that a field may be set back after an act before the next act on it is denied."""

_REMEMBERED = timedelta(hours=24)
"""How long a field that was set back is remembered, as far as the records that tell it are kept."""


@dataclass(frozen=True, slots=True)
class _Question:
    record: str
    terms: Terms
    plan: Plan
    workload: Workload | None
    ownership: Ownership | None
    facts: GuardFacts
    now: datetime
    mode: Mode
    cpu_share: Reading | None

    @property
    def uid(self) -> str:
        """Uid of the workload; ValueError where there is none to ask about."""
        if self.workload is None or self.workload.identity is None:
            raise ValueError("the workload's identity is not known")
        return self.workload.identity.uid

    def acts(self) -> tuple[PastAct, ...]:
        """Acts on this workload by any record and policy."""
        return tuple(act for act in self.facts.acts if act.workload_uid == self.uid)

    def is_planned(self, act: PastAct) -> bool:
        """Whether it is the very attempt that is asked about: recorded already, and asked about again."""
        return (act.record, act.step, act.attempt) == (self.record, self.plan.step, self.plan.attempt)

    @property
    def headroom(self) -> str:
        """Largest share of the CPU limit that may be used once replicas are gone: the step's, else the guardrails'."""
        step = next((step for step in self.terms.steps if step.name == self.plan.step), None)
        return step.release.headroom if step and step.release else self.terms.guardrails.headroom

    def present(self) -> int:
        """Replicas now; ValueError where they are not known."""
        if self.workload is None or self.workload.replicas is None:
            raise ValueError("the present number of replicas is not known")
        return self.workload.replicas

    def replicas(self) -> tuple[int, int]:
        """Replicas now and as planned."""
        return self.present(), int(self.plan.intended)


@dataclass(frozen=True, slots=True)
class _Finding:
    denied: str
    message: str


def check_guards(
    *,
    record: str,
    policy: str,
    terms: Terms,
    plan: Plan,
    workload: Workload | None,
    ownership: Ownership | None,
    facts: GuardFacts,
    now: datetime,
    mode: Mode = Mode.LIVE,
    cpu_share: Reading | None = None,
) -> tuple[GuardVerdict, ...]:
    """Every guard's verdict on a plan, in a fixed order; whatever is not Permit holds it back.

    ``workload`` is the target of the step, also where the plan changes a ConfigMap that it uses; ``ownership`` says who
    else sets what the plan changes, None that nobody looked; ``cpu_share`` is what its busiest pod uses of its CPU
    limit, needed only where replicas are taken away. Windows of time are half-open: what lies exactly one cooldown, or
    one frequency period, back no longer counts.
    """
    question = _Question(record, terms, plan, workload, ownership, facts, now, mode, cpu_share)
    return tuple(_verdict(name, guard, question, policy) for name, guard in _GUARDS)


def _verdict(name: str, guard: Callable[[_Question], _Finding], question: _Question, policy: str) -> GuardVerdict:
    if name in _NEED_RECORDS and not question.facts.complete:
        message = f"the records could not all be read, so what was done under {policy} and others is not known"
        return GuardVerdict(
            name=name, verdict=GuardVerdictName.INDETERMINATE, reason="RecordsIncomplete", message=message
        )
    try:
        finding = guard(question)
    except Exception as error:  # whatever goes wrong in a guard, it must deny
        message = clip(f"the guard could not be computed: {error}")
        return GuardVerdict(name=name, verdict=GuardVerdictName.INDETERMINATE, reason="GuardFailed", message=message)
    verdict = GuardVerdictName.DENY if finding.denied else GuardVerdictName.PERMIT
    return GuardVerdict(name=name, verdict=verdict, reason=finding.denied, message=clip(finding.message))


def _permit(message: str) -> _Finding:
    return _Finding("", message)


def _deny(reason: str, message: str) -> _Finding:
    return _Finding(reason, message)


def _target_exists(question: _Question) -> _Finding:
    workload, plan = question.workload, question.plan
    if workload is None or not workload.exists or workload.identity is None:
        return _deny("TargetMissing", f"the workload of step {plan.step} does not exist or could not be read")
    identity = workload.identity
    if plan.action is ActionType.SCALE and plan.target.uid != identity.uid:
        return _deny("TargetReplaced", f"{identity.kind}/{identity.name} is not the object that was planned for")
    return _permit(f"{identity.kind}/{identity.name} is there")


def _managed_by(question: _Question) -> _Finding:
    """Others who set the same: to overrule a controller is to be overruled by it in turn.

    A person's last write stands in nobody's way but that of a patch, which reaches beyond the target.
    """
    ownership = question.ownership
    if ownership is None or ownership.unknown:
        why = ownership.unknown if ownership else "nobody looked"
        return _deny("OwnersUnknown", f"who else sets what would be changed is not known: {why}")
    owner = next((owner for owner in ownership.owners if not _may_overrule(question, owner)), None)
    if owner is not None:
        return _deny("TargetManagedBy", f"{owner.name}: {owner.advice}")
    if ownership.owners:
        return _permit(f"may be changed, though {', '.join(sorted({owner.name for owner in ownership.owners}))}")
    return _permit("nobody else sets what would be changed")


def _may_overrule(question: _Question, owner: Owner) -> bool:
    if owner.is_person and question.plan.action is not ActionType.PATCH:
        return True
    return bool(owner.managers) and set(owner.managers) <= set(question.terms.guardrails.take_from)


def _ping_pong(question: _Question) -> _Finding:
    """Whether someone sets the same field back each time: after two rounds there is no third.

    A round is an act on a field that then had its old value again, without the operator's doing.
    """
    for change in changes_of(question.plan):
        others = _set_back_by(question, change.path, change.before)
        if len(others) >= _ROUNDS:
            where = f"{change.path} of {question.plan.target.kind}/{question.plan.target.name}"
            return _deny(
                "PingPong",
                f"{others[-1] or 'someone'} set {where} back after each of the last {len(others)} acts on it: settle "
                f"with them who decides about it; it is left alone until {format_span(_REMEMBERED)} after these acts",
            )
    return _permit("nobody sets it back again and again")


def _set_back_by(question: _Question, path: str, present: str) -> list[str]:
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


def _bounds(question: _Question) -> _Finding:
    bounds = question.terms.guardrails.replicas
    intended = _replicas_after(question)
    outside = [replicas for replicas in intended if not bounds.min <= replicas <= bounds.max]
    if not intended:
        return _permit("no replicas are changed")
    if outside:
        return _deny("OutOfBounds", f"{outside[0]} replicas are outside {bounds.min} to {bounds.max}")
    return _permit(f"{' to '.join(map(str, intended))} replicas are within {bounds.min} to {bounds.max}")


def _replicas_after(question: _Question) -> list[int]:
    """The replicas that the plan sets, or the bounds that it gives an autoscaler, the lower first."""
    plan = question.plan
    if plan.action is ActionType.SCALE:
        return [int(plan.intended)]
    return [bound for bound in _autoscaler_bounds(plan) if bound is not None]


def _autoscaler_bounds(plan: Plan) -> tuple[int | None, int | None]:
    paths = AUTOSCALER_BOUNDS.get((group_of(plan.target.api_version), plan.target.kind))
    if plan.action is not ActionType.PATCH or paths is None:
        return None, None
    values = read_values(plan.intended)
    least, most = (None if values.get(path) is None else int(str(values[path])) for path in paths)
    return least, most


def _largest_step(question: _Question) -> _Finding:
    """How far the replicas move, at once or as an autoscaler is forced to by a higher floor."""
    if question.plan.action is ActionType.SCALE:
        present, intended = question.replicas()
        change = abs(intended - present)
    elif (least := _autoscaler_bounds(question.plan)[0]) is not None:
        present = question.present()
        change = max(0, least - present)
    else:
        return _permit("no replicas are changed")
    percent = question.terms.guardrails.largest_step
    if change <= 1 or change * 100 <= present * percent:
        return _permit(f"a change by {change} is at most {percent} % of {present}")
    return _deny("StepTooLarge", f"a change by {change} is more than {percent} % of {present} replicas")


def _second_indicator(question: _Question) -> _Finding:
    """Capacity is taken away only where, beside the promise, CPU use shows that what stays is enough."""
    if question.plan.action is not ActionType.SCALE:
        return _permit("no replicas are changed")
    present, intended = question.replicas()
    if intended >= present:
        return _permit("no replicas are taken away")
    share, limit = question.cpu_share, float(question.headroom)
    if share is None or share.value is None:
        why = share.message if share else "it was not asked for"
        return _deny("SecondIndicatorMissing", f"replicas go only where CPU use is known to allow it ({why})")
    after = share.value * present / max(1, intended)
    told = f"with {intended} replicas {after:.2f} of the CPU limit would be used, at most {question.headroom} may"
    return _permit(told) if after <= limit else _deny("NoHeadroom", told)


def _cooldown(question: _Question) -> _Finding:
    """Rest since the end of the last verification on this workload.

    The next attempt or step of the same episode is not held back by its own record's attempts: those were verified
    before it, which is what the rest is for. An act whose verification has not ended holds others back.
    """
    rest = parse_duration(question.terms.guardrails.cooldown)
    acts = [act for act in question.acts() if act.record != question.record]
    running = next((act for act in acts if act.open and act.settled_at is None), None)
    if running is not None:
        return _deny("CoolingDown", f"the act of {running.record} is still being verified")
    if not acts:
        return _permit("no other episode acted on it")
    ended, last = max(((act.settled_at or act.at), act.record) for act in acts)
    since = question.now - ended
    if since < rest:
        return _deny(
            "CoolingDown",
            f"{last} ended at {format_time(ended)}; the rest of {format_span(rest)} lasts until "
            f"{format_time(ended + rest)}",
        )
    return _permit(f"last act settled {format_span(since)} ago")


def _frequency(question: _Question) -> _Finding:
    frequency = question.terms.guardrails.frequency
    if frequency is None:
        if question.mode is Mode.SHADOW:
            return _permit("no limit is set; only Shadow may go without")
        return _deny(
            "FrequencyUnset", "guardrails.frequency is not set, and Live needs it: such as {limit: 4, per: 1h}"
        )
    per: timedelta = parse_duration(frequency.per)
    recent = [act for act in question.acts() if act.at > question.now - per and not question.is_planned(act)]
    count = f"{len(recent)} of {frequency.limit} acts in {format_span(per)}"
    if len(recent) < frequency.limit:
        return _permit(count)
    return _deny("TooFrequent", f"{count} were made on it, over all policies")


def _concurrency(question: _Question) -> _Finding:
    others = sorted({act.record for act in question.acts() if act.open and act.record != question.record})
    if others:
        return _deny("TargetBusy", f"{others[0]} is open and acts on the same workload")
    return _permit("no other open remediation acts on it")


_GUARDS: tuple[tuple[str, Callable[[_Question], _Finding]], ...] = (
    ("TargetExists", _target_exists),
    ("ManagedBy", _managed_by),
    ("PingPong", _ping_pong),
    ("Bounds", _bounds),
    ("LargestStep", _largest_step),
    ("SecondIndicator", _second_indicator),
    ("Concurrency", _concurrency),
    ("Cooldown", _cooldown),
    ("Frequency", _frequency),
)
_NEED_RECORDS = frozenset({"PingPong", "Cooldown", "Frequency", "Concurrency"})
