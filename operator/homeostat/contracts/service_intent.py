"""ServiceIntent: what a service must deliver, and the state of that promise."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from .common import (
    Conditions,
    DecimalText,
    Duration,
    Name,
    ObjectName,
    ObjectRef,
    PromQL,
    Resource,
    Sentence,
    StatusPart,
    Timestamp,
    cel,
    map_list,
    parse_duration,
)


class AdminState(StrEnum):
    """Administrative state after 3GPP TS 28.312."""

    ACTIVATED = "Activated"
    DEACTIVATED = "Deactivated"


class ConditionOperator(StrEnum):
    """How an observed value is compared with the promised one (TS 28.312 and TM Forum TIO)."""

    IS_EQUAL_TO = "IsEqualTo"
    IS_LESS_THAN = "IsLessThan"
    IS_GREATER_THAN = "IsGreaterThan"
    IS_EQUAL_TO_OR_LESS_THAN = "IsEqualToOrLessThan"
    IS_EQUAL_TO_OR_GREATER_THAN = "IsEqualToOrGreaterThan"
    IS_WITHIN_RANGE = "IsWithinRange"
    IS_OUTSIDE_RANGE = "IsOutsideRange"


CEILINGS = frozenset({ConditionOperator.IS_LESS_THAN, ConditionOperator.IS_EQUAL_TO_OR_LESS_THAN})
RANGES = frozenset({ConditionOperator.IS_WITHIN_RANGE, ConditionOperator.IS_OUTSIDE_RANGE})


class NoData(StrEnum):
    """What an expectation counts as while it has no trustworthy data; never a reason to act."""

    HOLD = "Hold"
    VIOLATE = "Violate"
    FALLBACK = "Fallback"


class Reduce(StrEnum):
    """How the series of one answer become one value."""

    MAX = "Max"
    MIN = "Min"
    AVG = "Avg"
    SUM = "Sum"


class ConfigReload(StrEnum):
    """How a workload takes up a changed ConfigMap."""

    RESTART = "Restart"
    HOT = "Hot"
    ANNOTATION = "Annotation"


class HotReload(Resource):
    """The HTTP calls by which each pod takes up, and reports, its configuration; made through the API server."""

    port: Annotated[int, Field(ge=1, le=65535, description="Port of the pod.")]
    reload_path: Annotated[
        str,
        Field(default="/-/reload", pattern=r"^/[^\s?#]*$", max_length=200, description="POST here makes it reload."),
    ]
    digest_path: Annotated[
        str,
        Field(
            default="/-/config-digest",
            pattern=r"^/[^\s?#]*$",
            max_length=200,
            description="GET here answers the SHA-256, in hexadecimal, of the text of the key in force.",
        ),
    ]


class Scalability(StrEnum):
    """In which way the capacity of a workload may be changed."""

    REPLICAS = "Replicas"
    INSTANCE = "Instance"
    NONE = "None"


class Sessions(Resource):
    """The work in progress that an instance must not be ended in, and when it counts as over.

    Both queries are asked about named pods: ``$pods`` is filled with a regular expression of their names.
    """

    query: Annotated[
        PromQL, Field(description="PromQL for the work in progress on $pods, such as calls, dialogs or PDU sessions.")
    ]
    drained: Annotated[DecimalText, Field(default="0", description="Largest value that counts as drained.")]
    registrations: Annotated[
        PromQL | None,
        Field(
            default=None,
            description="PromQL for what the instances hold together, such as registrations. After an instance was "
            "ended, the next one waits until the ready ones hold as much as before.",
        ),
    ]
    patience: Annotated[
        Duration,
        Field(default="10m", description="Longest wait for an instance to drain; after it nothing more is ended."),
    ]


class Target(Resource):
    """A workload that carries the service."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "self.configReload != 'Hot' || has(self.hotReload)",
                    "configReload Hot needs hotReload: the port and the paths by which a pod reloads and reports",
                ),
                cel(
                    "self.configReload != 'Annotation' || has(self.reloadAnnotation)",
                    "configReload Annotation needs reloadAnnotation: the annotation that the workload's controller "
                    "watches",
                ),
                cel(
                    "!has(self.reloadAnnotation) || "
                    "!self.reloadAnnotation.matches('^([^/]*[.])?(kubernetes[.]io|k8s[.]io|homeostat[.]dev)/')",
                    "reloadAnnotation is for a controller of the workload: those of Kubernetes and Homeostat are not",
                    fieldPath=".reloadAnnotation",
                ),
            ]
        }
    )

    name: Annotated[Name, Field(description="Name by which policies refer to this target.")]
    ref: Annotated[ObjectRef, Field(description="The workload: any kind that selects pods, in the same namespace.")]
    scalability: Annotated[
        Scalability,
        Field(
            default=Scalability.REPLICAS,
            description="Replicas: replicas may be added and removed. Instance: each replica is an instance of its "
            "own, so a change always asks a person. None: the number is never changed.",
        ),
    ]
    sessions: Annotated[
        Sessions | None,
        Field(
            default=None,
            description="Work that must be over before an instance is ended, whatever ends it. With it instances are "
            "ended one at a time.",
        ),
    ]
    config_reload: Annotated[
        ConfigReload,
        Field(
            default=ConfigReload.RESTART,
            description="How the workload takes up a changed ConfigMap: by a rolling restart, a call to its pods, or "
            "an annotation that its own controller watches.",
        ),
    ]
    hot_reload: Annotated[
        HotReload | None, Field(default=None, description="Where a pod reloads and reports; for configReload Hot.")
    ]
    reload_annotation: Annotated[
        str | None,
        Field(
            default=None,
            pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$",
            max_length=317,
            description="Annotation of the workload itself that its controller watches, such as a reloader or a "
            "vendor's operator: it gets the SHA-256 of the key's new text; for configReload Annotation.",
        ),
    ]


class Owner(Resource):
    """Who answers for the service; copied into every record."""

    team: Annotated[str, Field(max_length=120, description="Team that owns the service.")]
    assignment_group: Annotated[str, Field(default="", max_length=120, description="Group that gets tickets.")]
    service: Annotated[str, Field(default="", max_length=120, description="Service identifier in the inventory.")]


class TelemetrySourceRef(Resource):
    """A TelemetrySource in the same namespace."""

    name: Annotated[ObjectName, Field(description="Name of the TelemetrySource.")]


class Ratio(Resource):
    """A share of good events, both sides as PromQL; counted events also show the load."""

    good: Annotated[PromQL, Field(description="Good events per second. $window is filled in.")]
    total: Annotated[PromQL, Field(description="All events per second. $window is filled in.")]


class ValueRange(Resource):
    """Two bounds, both inside the range."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("double(self.lower) <= double(self.upper)", "lower cannot be above upper"),
            ]
        }
    )

    lower: Annotated[DecimalText, Field(description="Lower bound, inside.")]
    upper: Annotated[DecimalText, Field(description="Upper bound, inside.")]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if Decimal(self.lower) > Decimal(self.upper):
            raise ValueError("lower cannot be above upper")
        return self


class Sustain(Resource):
    """How many of the last looks must agree before the state changes."""

    breaches: Annotated[int, Field(default=3, ge=1, le=60, description="Looks that must breach.")]
    of: Annotated[int, Field(default=5, ge=1, le=60, description="Last looks that are counted.")]


class Fallback(Resource):
    """Another way to the same value while the first has no data."""

    query: Annotated[PromQL, Field(description="PromQL used while the indicator has no trustworthy data.")]


class Expectation(Resource):
    """One measurable promise."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("has(self.query) != has(self.ratio)", "give exactly one indicator: query or ratio"),
                cel(
                    "(self.condition in ['IsWithinRange', 'IsOutsideRange']) == has(self.range)"
                    " && has(self.range) != has(self.value)",
                    "IsWithinRange and IsOutsideRange take range {lower, upper}; every other condition takes value",
                ),
                cel("!has(self.minEvents) || has(self.ratio)", "minEvents counts the total of a ratio: give ratio"),
                cel("(self.noData == 'Fallback') == has(self.fallback)", "noData Fallback and fallback go together"),
                cel(
                    "!has(self.clear) || (has(self.value) && self.condition != 'IsEqualTo')",
                    "clear goes with a value that is a bound: a range and an equality have no separate clear value",
                ),
                cel(
                    "!has(self.clear) || !has(self.value) || (self.condition in ['IsLessThan', 'IsEqualToOrLessThan']"
                    " ? double(self.clear) <= double(self.value) : double(self.clear) >= double(self.value))",
                    "clear is the stricter value: at or below a ceiling, at or above a floor",
                ),
                cel("self.sustain.breaches <= self.sustain.of", "sustain.breaches cannot exceed sustain.of"),
            ]
        }
    )

    name: Annotated[Name, Field(description="Name by which triggers and guards refer to this promise.")]
    query: Annotated[PromQL | None, Field(default=None, description="PromQL that gives the value. $window is filled.")]
    ratio: Annotated[Ratio | None, Field(default=None, description="Good events over all events.")]
    window: Annotated[Duration, Field(default="30s", description="What $window stands for in the queries.")]
    reduce: Annotated[
        Reduce | None,
        Field(default=None, description="How several series become one value; without it, one series is expected."),
    ]
    condition: Annotated[ConditionOperator, Field(description="How the observed value must compare.")]
    value: Annotated[DecimalText | None, Field(default=None, description="The promised value.")]
    range: Annotated[ValueRange | None, Field(default=None, description="The promised range, bounds inside.")]
    clear: Annotated[
        DecimalText | None,
        Field(default=None, description="Stricter value at which a violation is over (hysteresis); default: value."),
    ]
    sustain: Annotated[
        Sustain, Field(default_factory=Sustain, description="N of the last M looks that make or end a violation.")
    ]
    no_data: Annotated[
        NoData,
        Field(
            default=NoData.HOLD,
            description="What counts while there is no trustworthy data: Hold says Unknown; Violate says NotFulfilled, "
            "but never acts; Fallback asks fallback.query.",
        ),
    ]
    fallback: Annotated[Fallback | None, Field(default=None, description="For noData Fallback.")]
    min_events: Annotated[
        int | None,
        Field(default=None, ge=1, le=1_000_000_000, description="Least events in the window for a ratio to count."),
    ]
    granularity: Annotated[
        Duration,
        Field(
            default="1s",
            description="How fine the data is. Looks that last less than two granules are refused.",
        ),
    ]
    max_age: Annotated[
        Duration | None,
        Field(
            default=None,
            description="Oldest sample that counts as fresh; default: the larger of two scrapes and the observation "
            "period. A recording rule needs it: it hides the age of what it was made from.",
        ),
    ]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.query is None) == (self.ratio is None):
            raise ValueError("give exactly one indicator: query or ratio")
        if (self.condition in RANGES) != (self.range is not None) or (self.value is None) == (self.range is None):
            raise ValueError("range conditions take range {lower, upper}; every other condition takes value")
        if (self.no_data is NoData.FALLBACK) != (self.fallback is not None):
            raise ValueError("noData Fallback and fallback go together")
        if self.sustain.breaches > self.sustain.of:
            raise ValueError("sustain.breaches cannot exceed sustain.of")
        self._check_clear()
        return self

    def _check_clear(self) -> None:
        if self.clear is None:
            return
        if self.value is None or self.condition is ConditionOperator.IS_EQUAL_TO:
            raise ValueError("clear goes with a value that is a bound")
        stricter = Decimal(self.clear) - Decimal(self.value)
        if (stricter > 0) if self.condition in CEILINGS else (stricter < 0):
            raise ValueError("clear is the stricter value: at or below a ceiling, at or above a floor")


class ServiceIntentSpec(Resource):
    """What the service must deliver."""

    description: Annotated[Sentence, Field(default="", description="What is promised, in a sentence for people.")]
    owner: Annotated[Owner | None, Field(default=None, description="Who answers for it; copied into every record.")]
    admin_state: Annotated[
        AdminState,
        Field(default=AdminState.ACTIVATED, description="Deactivated: not evaluated, nothing is done for it."),
    ]
    telemetry_source_ref: Annotated[
        TelemetrySourceRef | None,
        Field(default=None, description="Where it is measured; without it, the operator's default source."),
    ]
    observation_period: Annotated[Duration, Field(default="15s", description="Time from look to look.")]
    targets: Annotated[
        list[Target],
        Field(min_length=1, max_length=16, description="Workloads of the service.", json_schema_extra=map_list()),
    ]
    expectations: Annotated[
        list[Expectation],
        Field(min_length=1, max_length=16, description="Measurable promises.", json_schema_extra=map_list()),
    ]

    @model_validator(mode="after")
    def _granules(self) -> Self:
        period = parse_duration(self.observation_period)
        for expectation in self.expectations:
            looked = period * expectation.sustain.of
            if looked < 2 * parse_duration(expectation.granularity):
                raise ValueError(
                    f"expectations[{expectation.name}].granularity: {expectation.sustain.of} looks of "
                    f"{self.observation_period} are shorter than two granules of {expectation.granularity}"
                )
        return self


class Fulfilment(StrEnum):
    """Whether the intent as a whole is kept (TS 28.312: FULFILLED, NOT_FULFILLED), or cannot be known."""

    FULFILLED = "Fulfilled"
    NOT_FULFILLED = "NotFulfilled"
    UNKNOWN = "Unknown"


class ExpectationStateName(StrEnum):
    """State of one expectation."""

    MET = "Met"
    VIOLATED = "Violated"
    UNKNOWN = "Unknown"


class ExpectationStatus(StatusPart):
    """State of one expectation at its last transition."""

    name: Annotated[str, Field(max_length=52, description="Name of the expectation.")]
    state: Annotated[ExpectationStateName, Field(description="Met, Violated or Unknown.")]
    reason: Annotated[str, Field(default="", max_length=64, description="Why, in a word: Stale, Partial, NotANumber.")]
    message: Annotated[str, Field(default="", max_length=1024, description="Why, as a sentence.")]
    observed: Annotated[str, Field(default="", max_length=40, description="Value at the last transition.")]
    since: Annotated[Timestamp | None, Field(default=None, description="When this state began.")]
    as_of: Annotated[Timestamp | None, Field(default=None, description="When the value was observed.")]


class RecordRef(StatusPart):
    """A Remediation by name and uid."""

    name: Annotated[str, Field(max_length=253, description="Name of the Remediation.")]
    uid: Annotated[str, Field(default="", max_length=64, description="Its uid, once created.")]


class Episode(StatusPart):
    """One stretch of violation, from onset to recovery."""

    number: Annotated[int, Field(ge=1, description="Counts the episodes of this intent.")]
    since: Annotated[Timestamp, Field(description="Onset.")]
    open: Annotated[bool, Field(default=True, description="Whether it still lasts.")]
    trigger: Annotated[str, Field(default="", max_length=52, description="Expectation that began it.")]
    policy: Annotated[str, Field(default="", max_length=52, description="Policy that governs it; empty if none does.")]
    record: Annotated[RecordRef | None, Field(default=None, description="Its Remediation.")]


class ServiceIntentStatus(StatusPart):
    """State of the promise; written on transitions only."""

    observed_generation: Annotated[int, Field(default=0, ge=0, description="Generation that this status is about.")]
    fulfilment: Annotated[Fulfilment, Field(default=Fulfilment.UNKNOWN, description="Whether the promise is kept.")]
    summary: Annotated[str, Field(default="", max_length=240, description="The state in one line.")]
    conditions: Conditions
    expectations: Annotated[
        list[ExpectationStatus],
        Field(default_factory=list, max_length=16, json_schema_extra=map_list(), description="State of each."),
    ]
    episode: Annotated[Episode | None, Field(default=None, description="The current or last episode.")]


class ServiceIntent(Resource):
    """What a service must deliver: measurable promises about workloads, and whether they are kept."""

    model_config = ConfigDict(extra="ignore")

    spec: Annotated[ServiceIntentSpec, Field(description="What the service must deliver.")]
    status: Annotated[
        ServiceIntentStatus, Field(default_factory=ServiceIntentStatus, description="Whether it is delivered.")
    ]
