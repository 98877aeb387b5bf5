"""What was done before, as the guards count it."""

from dataclasses import dataclass
from datetime import datetime

from homeostat.contracts.verification import OutcomeName


@dataclass(frozen=True, slots=True)
class PastChange:
    """One field that an act changed. ``taken_back``: the operator itself undid or released it."""

    object_uid: str
    path: str
    before: str
    before_by: str
    after: str
    taken_back: bool


@dataclass(frozen=True, slots=True)
class PastAct:
    """One act of any record on a target, for guards; derived from the records, never from memory."""

    record: str
    policy: str
    workload_uid: str
    step: str
    attempt: int
    at: datetime
    settled_at: datetime | None
    outcome: OutcomeName | None
    open: bool
    changes: tuple[PastChange, ...] = ()


@dataclass(frozen=True, slots=True)
class GuardFacts:
    """What the guards are computed from. ``complete`` False: the records could not all be read."""

    complete: bool
    acts: tuple[PastAct, ...] = ()
