"""What holds every step of a policy back."""

from typing import Annotated

from pydantic import Field

from .common import (
    DecimalText,
    Duration,
    Resource,
)


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
    take_from: Annotated[
        list[FieldManager],
        Field(
            default_factory=list,
            max_length=16,
            description="Field managers, such as helm, whose fields may be changed. An autoscaler is never overruled.",
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ]
