"""Conditions made from aspects, with the time of the last transition kept; those of a record (pure)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from homeostat.contracts.common import Condition, ConditionStatus
from homeostat.contracts.remediation import CLOSED_PHASES, Phase, RemediationStatus
from homeostat.contracts.verification import OutcomeName
from homeostat.flow.holds import Hold
from homeostat.flow.resources import Refusal
from homeostat.flow.wording import clip

LONGEST_SUMMARY = 240
"""Characters of the one line that kubectl shows in a column."""

LONGEST_MESSAGE = 1024
"""Characters of a condition's message."""

_BAD_ENDS = frozenset({Phase.FAILED, Phase.ESCALATED, Phase.REJECTED, Phase.EXPIRED, Phase.ROLLED_BACK})


@dataclass(frozen=True, slots=True)
class Aspect:
    """A condition before it is compared with the last one; ``holds`` None: it is not known."""

    type: str
    holds: bool | None
    reason: str
    message: str = ""


def conditions(
    previous: Sequence[Condition], aspects: Iterable[Aspect], generation: int, at: datetime
) -> list[Condition]:
    """Make conditions; the time of a transition stays where the status did not change."""
    known = {condition.type: condition for condition in previous}
    return [_condition(known.get(aspect.type), aspect, generation, at) for aspect in aspects]


def _condition(known: Condition | None, aspect: Aspect, generation: int, at: datetime) -> Condition:
    status = ConditionStatus.UNKNOWN if aspect.holds is None else ConditionStatus(str(aspect.holds))
    return Condition(
        type=aspect.type,
        status=status,
        reason=aspect.reason,
        message=clip(aspect.message, LONGEST_MESSAGE),
        last_transition_time=known.last_transition_time if known and known.status is status else at,
        observed_generation=generation,
    )


def refused(refusal: Refusal) -> str:
    """What is wrong and where, as one sentence or two."""
    where = f"{refusal.field}: " if refusal.field and refusal.field not in refusal.message else ""
    ending = "" if refusal.message.endswith((".", "!", "?")) else "."
    return f"{where}{refusal.message}{ending}"


def held(hold: Hold | None) -> Aspect:
    """Whether people hold back every act: by a stop, a pause or planned work."""
    if hold is None:
        return Aspect("Held", False, "NothingHeld", "Nothing is stopped or paused, and no planned work is known.")
    return Aspect("Held", True, hold.reason, f"Nothing is done: {hold.message}.")


def record_conditions(previous: Sequence[Condition], status: RemediationStatus, at: datetime) -> list[Condition]:
    """Conditions of a record, for ``kubectl wait``: whether it has ended, and whether it ended well."""
    closed = status.phase in CLOSED_PHASES
    succeeded: bool | None = None
    if status.outcome is not None and closed:
        succeeded = status.outcome is OutcomeName.EFFECTIVE and status.phase is Phase.SUCCEEDED
    elif status.phase in _BAD_ENDS:
        succeeded = False
    reason = status.reason or status.phase
    aspects = [
        Aspect("Closed", closed, status.phase, status.message),
        Aspect("Succeeded", succeeded, status.outcome or reason, status.message),
    ]
    return conditions(previous, aspects, 1, at)
