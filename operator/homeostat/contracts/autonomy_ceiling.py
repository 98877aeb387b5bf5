"""AutonomyCeiling: what no intent and no policy of a cluster exceeds; for administrators."""

from typing import Annotated

from pydantic import ConfigDict, Field

from homeostat.contracts.boundaries import BoundaryRule
from homeostat.contracts.levels import AutonomyLevel
from homeostat.contracts.remediation_policy import Mode

from .common import Duration, Resource

CEILING_NAME = "cluster"
"""Name of the one ceiling that counts."""


class Stop(Resource):
    """Why nothing is written; while it stands, nothing is done, undone or released."""

    by: Annotated[str, Field(min_length=1, max_length=253, description="Who stops it.")]
    reason: Annotated[str, Field(min_length=1, max_length=1024, description="Why, for those who read the records.")]


class GlobalRate(Resource):
    """So many acts in so long, over all policies and namespaces."""

    limit: Annotated[int, Field(default=20, ge=1, le=1000, description="Most acts.")]
    per: Annotated[Duration, Field(default="1m", description="In this time.")]


class AutonomyCeilingSpec(Resource):
    """What nobody exceeds."""

    mode: Annotated[
        Mode,
        Field(
            default=Mode.SHADOW,
            description="Largest mode: in Shadow every policy records what it would have done, and none acts.",
        ),
    ]
    autonomy_level: Annotated[
        AutonomyLevel,
        Field(default=3, description="Largest level of autonomy, 0 to 5: see docs/autonomy.md."),
    ]
    never: Annotated[
        list[BoundaryRule],
        Field(
            default_factory=list,
            max_length=16,
            description="Never done, whatever a policy says, and whoever approves.",
            json_schema_extra={"x-kubernetes-list-type": "atomic"},
        ),
    ]
    rate: Annotated[
        GlobalRate,
        Field(
            default_factory=GlobalRate, description="Most acts in the whole cluster, over all policies and namespaces."
        ),
    ]
    stop: Annotated[
        Stop | None,
        Field(
            default=None,
            description="The stop switch: while it stands nothing is written, no act, no undo, no release.",
        ),
    ]


class AutonomyCeiling(Resource):
    """The most that is allowed in this cluster: mode, level, rate, what is never done, and the stop switch."""

    model_config = ConfigDict(extra="ignore")

    spec: Annotated[AutonomyCeilingSpec, Field(description="What nobody exceeds.")]
