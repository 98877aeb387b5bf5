"""What was done before, as the guards count it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from homeostat.contracts.guardrails import StormIn, StormOf
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
    """One act of any record on a target, for guards; derived from the records, never from memory.

    ``failure_domains`` are those of the workload when it was acted on; empty: not known.
    """

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
    failure_domains: frozenset[str] = frozenset()

    @property
    def is_under_way(self) -> bool:
        """Whether it, its verification or its undo has not ended."""
        return self.open and self.settled_at is None


@dataclass(frozen=True, slots=True)
class PromiseRef:
    """One expectation of one intent."""

    intent_uid: str
    expectation: str


@dataclass(frozen=True, slots=True)
class PastEpisode:
    """One stretch of violation that has a record, by the expectation that began it."""

    record: str
    promise: PromiseRef
    since: datetime


@dataclass(frozen=True, slots=True)
class Population:
    """How many there are, how many of them are unhealthy, and of how many that is not known."""

    total: int
    unhealthy: int
    unknown: int


Health = Mapping[tuple[StormOf, StormIn], Population]
"""What is promised, and what carries it, counted."""


@dataclass(frozen=True, slots=True)
class GuardFacts:
    """What the guards are computed from. ``complete`` False: the records could not all be read.

    ``health`` None: nobody counted. ``everywhere`` are the acts in all namespaces; None where those records could not
    all be read, or nobody asked.
    """

    complete: bool
    acts: tuple[PastAct, ...] = ()
    episodes: tuple[PastEpisode, ...] = ()
    health: Health | None = None
    everywhere: tuple[PastAct, ...] | None = None
