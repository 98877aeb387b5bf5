"""What holds every step of a policy back."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from .common import (
    DecimalText,
    Duration,
    Resource,
    map_list,
)
from .disallowed import DisallowedAttribute
from .windows import ChangeWindow


class Frequency(Resource):
    """So many acts in so long."""

    limit: Annotated[int, Field(ge=1, le=1000, description="Most acts.")]
    per: Annotated[Duration, Field(description="In this time.")]


class Replicas(Resource):
    """Bounds on the number of replicas of any target."""

    min: Annotated[int, Field(default=1, ge=0, le=10000, description="Fewest.")]
    max: Annotated[int, Field(default=10, ge=1, le=10000, description="Most.")]


FieldManager = Annotated[str, Field(pattern=r"^[!-~]+$", max_length=128)]
"""A name as it stands under metadata.managedFields[].manager."""


class StormOf(StrEnum):
    """What is counted to tell a storm."""

    INTENTS = "Intents"
    REPLICAS = "Replicas"


class StormIn(StrEnum):
    """Where it is counted."""

    NAMESPACE = "Namespace"
    CLUSTER = "Cluster"


class StormGuard(Resource):
    """So much is unhealthy at once that the cause is elsewhere: nothing new is done."""

    of: Annotated[
        StormOf,
        Field(
            default=StormOf.INTENTS,
            description="Intents: activated ones that are not fulfilled. Replicas: of the targets of these, those that "
            "are not ready.",
        ),
    ]
    in_: Annotated[
        StormIn,
        Field(
            default=StormIn.NAMESPACE,
            alias="in",
            description="Namespace: that of the policy. Cluster: all that the operator looks after.",
        ),
    ]
    max: Annotated[
        str,
        Field(
            default="40%",
            pattern=r"^([1-9][0-9]?|100)%$",
            max_length=4,
            description="At this share of them, or above, nothing new is done.",
        ),
    ]
    min_population: Annotated[
        int, Field(default=3, ge=1, le=1_000_000, description="Fewer than this are too few to tell a storm.")
    ]

    @property
    def percent(self) -> int:
        """``max`` as a number."""
        return int(self.max.rstrip("%"))


class FlapBudget(Resource):
    """How often one expectation may break anew before it is left alone."""

    limit: Annotated[int, Field(default=10, ge=1, le=1000, description="Most episodes, the present one included.")]
    per: Annotated[Duration, Field(default="1h", description="Of those that began in this time.")]


class UnknownDomain(StrEnum):
    """What follows where the failure domain of a target is not known."""

    PERMIT = "Permit"
    DENY = "Deny"


class DomainGuard(Resource):
    """One failure domain is changed at a time."""

    when_unknown: Annotated[
        UnknownDomain,
        Field(
            default=UnknownDomain.PERMIT,
            description="Whether a target may be acted on whose failure domain is not known, neither stated nor by the "
            "label topology.kubernetes.io/zone of its workload or pods.",
        ),
    ]


class Guardrails(Resource):
    """What holds every step back; a guard that cannot be computed denies."""

    replicas: Annotated[Replicas, Field(default_factory=Replicas, description="Bounds on replicas.")]
    largest_step: Annotated[
        int,
        Field(
            default=100,
            ge=1,
            le=1000,
            description="Largest change of replicas in one act, in percent of those present.",
        ),
    ]
    headroom: Annotated[
        DecimalText,
        Field(
            default="0.7",
            description="Largest share of the CPU limit that the remaining pods may use, at present load, where "
            "replicas are taken away: the second indicator beside the promise itself.",
        ),
    ]
    cooldown: Annotated[
        Duration,
        Field(default="5m", description="Rest per target between the end of one verification and the next act."),
    ]
    frequency: Annotated[
        Frequency | None, Field(default=None, description="Most acts per target, over all policies. Live needs it.")
    ]
    concurrency: Annotated[
        int,
        Field(default=1, ge=1, le=100, description="Most remediations of this policy that act at the same time."),
    ]
    flapping: Annotated[
        FlapBudget,
        Field(default_factory=FlapBudget, description="An expectation that breaks again and again is left alone."),
    ]
    storm_guard: Annotated[
        StormGuard,
        Field(default_factory=StormGuard, description="Where much is unhealthy at once, nothing new is done."),
    ]
    failure_domain: Annotated[
        DomainGuard,
        Field(default_factory=DomainGuard, description="While one failure domain is changed, no other one is."),
    ]
    windows: Annotated[
        list[ChangeWindow],
        Field(
            default_factory=list,
            max_length=16,
            description="Freezes, and windows for changes. An act that is held back goes on by itself afterwards.",
            json_schema_extra=map_list(),
        ),
    ]
    disallowed: Annotated[
        list[DisallowedAttribute],
        Field(default_factory=list, max_length=32, description="Attributes that no act may change."),
    ]
    take_from: Annotated[
        list[FieldManager],
        Field(
            default_factory=list,
            max_length=16,
            description="Field managers, such as helm, whose fields may be changed. An autoscaler is never overruled.",
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ]
