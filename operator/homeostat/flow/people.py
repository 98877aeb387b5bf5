"""What people have decided about a record, and what of it is still to be done (pure)."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from homeostat.contracts.decisions import DecisionType, PersonDecision
from homeostat.contracts.operations import Authority, Plan
from homeostat.contracts.remediation import CLOSED_PHASES, AnsweredDecision, Phase, Remediation
from homeostat.contracts.verification import ReleaseState

_REMARKS = frozenset({DecisionType.ACKNOWLEDGE, DecisionType.REVIEW})


def current_plan(record: Remediation) -> Plan | None:
    """The plan in hand: the newest, or the one the record began with."""
    return record.status.plan or record.spec.plan


def acts_are_owed(record: Remediation) -> bool:
    """Whether the operator may still act by itself for a record: it is not closed, or a release is owed."""
    release = record.status.release
    return record.status.phase not in CLOSED_PHASES or (release is not None and release.state is ReleaseState.WAITING)


def unanswered(record: Remediation, *kinds: DecisionType) -> tuple[PersonDecision, ...]:
    """Decisions of these kinds that were not taken up yet, in order."""
    answered = {a.id for a in record.status.answered}
    return tuple(d for d in record.spec.decisions if d.type in kinds and d.id not in answered)


def ending_decision(record: Remediation) -> PersonDecision | None:
    """The decision by which a person ends what the operator does; a TakeOver goes before a Cancel."""
    if not acts_are_owed(record):
        return None
    ends = (*unanswered(record, DecisionType.TAKE_OVER), *unanswered(record, DecisionType.CANCEL))
    return next(iter(ends), None)


def undo_requests(record: Remediation) -> tuple[PersonDecision, ...]:
    """Decisions Undo that have not been answered yet; none where a person has taken over."""
    return () if is_taken_over(record) else unanswered(record, DecisionType.UNDO)


def remarks(record: Remediation) -> tuple[PersonDecision, ...]:
    """Acknowledgements and reviews that were not taken up yet."""
    return unanswered(record, *_REMARKS)


def is_taken_over(record: Remediation) -> bool:
    """Whether the rest of the episode is a person's."""
    return any(d.type is DecisionType.TAKE_OVER for d in record.spec.decisions)


def rejection(record: Remediation) -> PersonDecision | None:
    """Who said no to what waits; one is enough, however many have approved."""
    if record.status.phase is not Phase.AWAITING_APPROVAL:
        return None
    return next(iter(unanswered(record, DecisionType.REJECT)), None)


def approvals(record: Remediation) -> tuple[PersonDecision, ...]:
    """The approvals of the plan in hand, one for each person, in order."""
    plan = current_plan(record)
    if plan is None or plan.authority is not Authority.APPROVAL:
        return ()
    given = [d for d in record.spec.decisions if d.type is DecisionType.APPROVE and d.plan_digest == plan.digest]
    by_person: dict[str, PersonDecision] = {}
    for decision in given:
        by_person.setdefault(decision.by, decision)
    return tuple(by_person.values())


def missing_approvers(record: Remediation) -> int:
    """How many more people must approve the plan in hand."""
    return max(0, record.spec.terms.approval.approvers - len(approvals(record)))


def approved_plan(record: Remediation, now: datetime) -> Plan | None:
    """The plan in hand, where it needs an approval, has it, and may still be acted upon."""
    plan = current_plan(record)
    if plan is None or plan.authority is not Authority.APPROVAL or missing_approvers(record):
        return None
    return plan if plan.valid_until is None or now < plan.valid_until else None


def latest_review(record: Remediation) -> PersonDecision | None:
    """What people think of a remediation afterwards: the last review counts."""
    return next((d for d in reversed(record.spec.decisions) if d.type is DecisionType.REVIEW), None)


def answering(record: Remediation, decisions: Iterable[PersonDecision], now: datetime) -> list[AnsweredDecision]:
    """The answered decisions of a record with these among them."""
    known = {a.id for a in record.status.answered}
    fresh = [AnsweredDecision(id=d.id, at=now) for d in decisions if d.id not in known]
    return [*record.status.answered, *fresh]


def names(people: Sequence[str]) -> str:
    """People as a sentence lists them: ``alice``, ``alice and bob``, ``alice, bob and carol``."""
    *others, last = people or ("",)
    return f"{', '.join(others)} and {last}" if others else last
