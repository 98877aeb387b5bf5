"""What a policy may do, step by step, and what follows each outcome."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from homeostat.contracts.actions.action import Action
from homeostat.contracts.actions.kinds import Risk

from .common import EXPRESSION_HELP, CamelName, DecimalText, Duration, Expression, Name, Resource


class Release(Resource):
    """When added capacity is taken back; without it every scale-out is for ever."""

    after_met: Annotated[Duration, Field(description="How long the promise must have been kept without a break.")]
    headroom: Annotated[
        DecimalText,
        Field(
            default="0.7",
            description="Largest share of the CPU limit that the remaining pods may use after the release, at "
            "present load.",
        ),
    ]


class Undo(StrEnum):
    """After which outcome the step's change is taken back by itself."""

    ON_WORSE = "OnWorse"
    ON_INEFFECTIVE = "OnIneffective"
    NEVER = "Never"


class Follow(StrEnum):
    """What follows an outcome."""

    NEXT = "Next"
    STOP = "Stop"
    ESCALATE = "Escalate"


class Then(Resource):
    """What follows each outcome of the step."""

    ineffective: Annotated[Follow, Field(default=Follow.NEXT, description="After Ineffective.")]
    worse: Annotated[Follow, Field(default=Follow.ESCALATE, description="After Worse, once it is undone.")]


class Repeat(Resource):
    """How often one step may run in an episode."""

    limit: Annotated[int, Field(default=1, ge=1, le=10, description="Most attempts of this step in one episode.")]


class Step(Resource):
    """One rung of the escalation."""

    name: Annotated[Name, Field(description="Name of the step.")]
    causes: Annotated[
        list[CamelName],
        Field(
            default_factory=list,
            max_length=8,
            description="Causes that this step is for: built in are Saturated, Misconfigured and TargetDown; others "
            "come from causes. Empty: any known cause but a telemetry fault.",
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ]
    if_: Annotated[
        Expression | None,
        Field(
            default=None,
            alias="if",
            description="CEL that must be true for the step to be considered, such as target.replicas < 6. What it "
            f"reads and is not known never counts as true. {EXPRESSION_HELP}",
        ),
    ]
    action: Annotated[Action, Field(description="What is done.")]
    risk: Annotated[Risk | None, Field(default=None, description="Raises the action's own risk; cannot lower it.")]
    repeat: Annotated[Repeat, Field(default_factory=Repeat, description="How often in one episode.")]
    undo: Annotated[Undo, Field(default=Undo.ON_WORSE, description="When the change is taken back by itself.")]
    release: Annotated[Release | None, Field(default=None, description="When added capacity is taken back.")]
    then: Annotated[Then, Field(default_factory=Then, description="What follows each outcome.")]
