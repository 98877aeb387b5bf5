"""ServiceIntent: what a service must deliver, and the state of that promise."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from homeostat.contracts.expectation import Expectation
from homeostat.contracts.levels import AutonomyLevel
from homeostat.contracts.target import Target

from .common import (
    Conditions,
    Duration,
    ObjectName,
    Resource,
    Sentence,
    StatusPart,
    Timestamp,
    map_list,
    parse_duration,
)


class AdminState(StrEnum):
    """Administrative state after 3GPP TS 28.312."""

    ACTIVATED = "Activated"
    DEACTIVATED = "Deactivated"


class Owner(Resource):
    """Who answers for the service; copied into every record."""

    team: Annotated[str, Field(max_length=120, description="Team that owns the service.")]
    assignment_group: Annotated[str, Field(default="", max_length=120, description="Group that gets tickets.")]
    service: Annotated[str, Field(default="", max_length=120, description="Service identifier in the inventory.")]


class TelemetrySourceRef(Resource):
    """A TelemetrySource in the same namespace."""

    name: Annotated[ObjectName, Field(description="Name of the TelemetrySource.")]


class ServiceIntentSpec(Resource):
    """What the service must deliver."""

    description: Annotated[Sentence, Field(default="", description="What is promised, in a sentence for people.")]
    owner: Annotated[Owner | None, Field(default=None, description="Who answers for it; copied into every record.")]
    admin_state: Annotated[
        AdminState,
        Field(default=AdminState.ACTIVATED, description="Deactivated: not evaluated, nothing is done for it."),
    ]
    autonomy_level: Annotated[
        AutonomyLevel | None,
        Field(
            default=None,
            description="Largest level of autonomy, 0 to 5, for what is done on its behalf (TS 28.100); without it, "
            "the intent caps nothing. See docs/autonomy.md.",
        ),
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
