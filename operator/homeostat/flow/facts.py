"""The frozen values that one stage hands to the next.

What is stored in a custom resource has its type in ``contracts``; here is what only lives between stages.
Times are wall-clock moments in UTC, unless a name says otherwise; values are floats that are finite by construction.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from homeostat.contracts.actions.kinds import Reversal, Risk
from homeostat.contracts.operations import OperationState, Plan, TargetIdentity
from homeostat.contracts.remediation import Candidate, Diagnosis, Evidence, GuardVerdict
from homeostat.contracts.service_intent import ExpectationStateName, Fulfilment
from homeostat.contracts.steps import Follow
from homeostat.contracts.target import Target
from homeostat.flow.resources import (
    CompiledSource,
)


class Unknown(StrEnum):
    """Why there is no trustworthy value; the reason that is shown in conditions and records."""

    SOURCE_DOWN = "SourceDown"
    TIMED_OUT = "TimedOut"
    BAD_ANSWER = "BadAnswer"
    QUERY_REFUSED = "QueryRefused"
    WARNINGS = "Warnings"
    NO_DATA = "NoData"
    NOT_A_NUMBER = "NotANumber"
    INFINITE = "Infinite"
    MANY_SERIES = "ManySeries"
    OUT_OF_RANGE = "OutOfRange"
    STALE = "Stale"
    PARTIAL = "Partial"
    TOO_FEW_EVENTS = "TooFewEvents"
    NO_READY_PODS = "NoReadyPods"
    NOT_YET_OBSERVED = "NotYetObserved"


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an instant answer; ``value`` may be NaN or infinite, as the source said it."""

    labels: Mapping[str, str]
    value: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole answer to one instant query, or why there is none."""

    series: tuple[Series, ...] = ()
    warnings: tuple[str, ...] = ()
    failure: Unknown | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """One trustworthy value of an indicator, or the reason why there is none.

    ``load`` is the events per second behind a ratio; ``age_seconds`` is that of the oldest sample used, against the
    source's own clock.
    """

    value: float | None
    unknown: Unknown | None = None
    message: str = ""
    load: float | None = None
    as_of: datetime | None = None
    age_seconds: float | None = None

    def __post_init__(self) -> None:
        """A reading is a value or a reason, never both or neither."""
        if (self.value is None) == (self.unknown is None):
            raise ValueError("a reading is either a value or a reason why there is none")


@dataclass(frozen=True, slots=True)
class Look:
    """One look at an expectation: what was read, and whether it met the promise and its clear value."""

    at: datetime
    reading: Reading
    met: bool | None
    cleared: bool | None


@dataclass(frozen=True, slots=True)
class Track:
    """Memory of one expectation: its state and the last looks, oldest first."""

    state: ExpectationStateName = ExpectationStateName.UNKNOWN
    since: datetime | None = None
    reason: str = ""
    message: str = ""
    looks: tuple[Look, ...] = ()


@dataclass(frozen=True, slots=True)
class Assessment:
    """Whether an intent is kept, expectation by expectation."""

    at: datetime
    fulfilment: Fulfilment
    tracks: Mapping[str, Track]

    def violated(self) -> tuple[str, ...]:
        """Names of the expectations that are Violated by data, in the intent's order."""
        return tuple(n for n, t in self.tracks.items() if t.state is ExpectationStateName.VIOLATED)


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod of a target. ``cpu_limit`` is the sum over its containers in cores; None if any states none."""

    name: str
    uid: str
    ready: bool
    ready_since: datetime | None
    terminating: bool
    cpu_limit: float | None
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class Workload:
    """State of one target as the API server tells it. ``exists`` False: there is no such object.

    ``unavailable_in_rollout``: so many of its pods its update strategy may take out of service at once.
    ``failure_domains`` are those that its pods run in; empty: not known.
    """

    target: str
    exists: bool
    identity: TargetIdentity | None = None
    resource_version: str = ""
    replicas: int | None = None
    ready_replicas: int = 0
    settled: bool = False
    scalable: bool = False
    unavailable_in_rollout: int = 0
    pods: tuple[Pod, ...] = ()
    failure_domains: tuple[str, ...] = ()
    message: str = ""

    @property
    def ready_pods(self) -> tuple[Pod, ...]:
        """Pods that serve: ready and not about to go."""
        return tuple(p for p in self.pods if p.ready and not p.terminating)


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """A scalar of a ConfigMap's YAML key that changed, and when; values as YAML text, empty where there was none."""

    config_map: str
    key: str
    path: str
    before: str
    after: str
    at: datetime
    by: str = ""


@dataclass(frozen=True, slots=True)
class ConfigNote:
    """The present content of a ConfigMap's key: SHA-256 of its text, since when, whether the promise was kept under it.

    ``changes`` are all that are still remembered, oldest first.
    """

    digest: str
    since: datetime
    good: bool
    changes: tuple[ConfigChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """All that was seen of one intent in one look."""

    at: datetime
    readings: Mapping[str, Reading]
    workloads: Mapping[str, Workload]


@dataclass(frozen=True, slots=True)
class Situation:
    """What diagnosis needs beyond the observation, asked only when a promise is broken.

    ``cpu_share`` maps each target to the share of the CPU limit used by its busiest ready pod, 0 to about 1.
    ``answers`` maps ``cause/evidence`` of the policy's hypotheses to the answer of its query.
    ``load_before`` is the trigger's median load while the promise was still kept.
    ``onset`` is when the breach began (the episode's ``since``), so that what was changed afterwards, by the operator
    or by people who already help, is not taken for its cause; without it, the moment of the observation.
    """

    observation: Observation
    trigger: str
    cpu_share: Mapping[str, Reading]
    answers: Mapping[str, Answer] = field(default_factory=dict)
    changes: tuple[ConfigChange, ...] = ()
    load_before: float | None = None
    source: str = ""
    onset: datetime | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What diagnosis found: ranked causes and the evidence, ready for the record."""

    diagnosis: Diagnosis
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Variables:
    """What the expressions of a step may speak of at one moment; numbers are floats.

    ``unknown`` maps a path of fields to the reason why nothing under it has a value; the empty path stands for all.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    unknown: Mapping[tuple[str, ...], str] = field(default_factory=dict)


NOTHING_KNOWN = Variables(unknown={(): "nothing was observed yet"})
"""Makes every expression that reads anything unknown."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a step is previewed for: one target of an intent as it is now, and the source of its measurements.

    ``decided`` is the intended value of a plan that is looked at again before it is carried out; what an expression
    gave for it stands, since what that was worked out from moves all the time.
    """

    namespace: str
    target: Target
    workload: Workload
    source: "CompiledSource | None" = None
    variables: Variables = NOTHING_KNOWN
    decided: str = ""


@dataclass(frozen=True, slots=True)
class Owner:
    """Someone else who sets what a plan would change, and what can be done about it.

    ``managers`` are the field managers it writes as: a policy whose ``takeFrom`` names them all may overrule it. With
    none it cannot be overruled. A person has decided once, and does not decide again and again as a controller does.
    """

    name: str
    advice: str
    managers: tuple[str, ...] = ()
    is_person: bool = False


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who else sets what a plan would change. ``unknown`` says why that could not be found out.

    ``written_by`` is the field manager that wrote the present value; empty where none is known.
    """

    owners: tuple[Owner, ...] = ()
    written_by: str = ""
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a step would change if it ran now, or why it cannot.

    ``already`` True: the target has the intended value, so there is nothing to do. ``asks`` says why a person is asked
    whatever the boundaries say; empty where these decide. ``ownership`` None: nobody looked for other owners.
    ``risk`` and ``reversal`` are given where the one who looked knows better than the action's own text.
    """

    target: TargetIdentity | None = None
    field: str = ""
    before: str = ""
    intended: str = ""
    description: str = ""
    refused: str = ""
    message: str = ""
    already: bool = False
    asks: str = ""
    ownership: Ownership | None = None
    risk: Risk | None = None
    reversal: Reversal | None = None


class Ruling(StrEnum):
    """What was decided."""

    ACT = "Act"
    ASK = "Ask"
    RECORD_ONLY = "RecordOnly"
    NOTHING = "Nothing"


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision with everything that was considered. ``plan`` is None where nothing can be done.

    ``held`` is what the policy says of the step that is held back and ends the search, if one does.
    """

    ruling: Ruling
    reason: str
    message: str
    candidates: tuple[Candidate, ...]
    guards: tuple[GuardVerdict, ...]
    plan: Plan | None = None
    held: Follow | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one effect."""

    state: OperationState
    audit_id: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class CallAnswer:
    """What a system outside the cluster answered: HTTP status, and the beginning of its text."""

    status: int
    text: str
