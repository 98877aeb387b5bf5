"""What a policy may do, step by step, and what follows each outcome."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from homeostat.contracts.actions.action import Action
from homeostat.contracts.actions.kinds import Risk

from .common import EXPRESSION_HELP, CamelName, DecimalText, Duration, Expression, Name, Resource, cel


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
    """What follows an outcome.

    Next: the step after it. Stop: the remediation ends. Escalate: it ends, and a person is told to look.
    Wait: nothing, until what holds the step back is lifted.
    """

    NEXT = "Next"
    STOP = "Stop"
    ESCALATE = "Escalate"
    WAIT = "Wait"


_AfterSuccess = Literal[Follow.STOP, Follow.NEXT]
_AfterTrying = Literal[Follow.NEXT, Follow.STOP, Follow.ESCALATE]


class Then(Resource):
    """What follows each outcome: Next goes on with the step after it, Stop ends, Escalate ends and calls a person."""

    effective: Annotated[
        _AfterSuccess,
        Field(
            default=Follow.STOP,
            description="After Effective. Next: the step after it runs too, for the cause that was found, although the "
            "promise is kept again.",
        ),
    ]
    ineffective: Annotated[
        _AfterTrying,
        Field(default=Follow.NEXT, description="After Ineffective, once repeat.limit is reached."),
    ]
    worse: Annotated[_AfterTrying, Field(default=Follow.ESCALATE, description="After Worse, once it is undone.")]
    inconclusive: Annotated[
        _AfterTrying,
        Field(
            default=Follow.ESCALATE,
            description="After Inconclusive: the telemetry did not tell whether it helped; the change is kept.",
        ),
    ]
    no_capacity: Annotated[
        _AfterTrying,
        Field(
            default=Follow.NEXT,
            description="After NoCapacity: the cluster could not give what was asked for; what is pending is undone.",
        ),
    ]
    failed: Annotated[
        _AfterTrying,
        Field(
            default=Follow.STOP,
            description="After Failed: the act could not be made, in as many tries as retries allows. An act of which "
            "it is not known whether it was made, or that was made in part, always calls a person.",
        ),
    ]
    blocked: Annotated[
        Follow,
        Field(
            default=Follow.NEXT,
            description="While a guard or a boundary holds it back. Next: the steps after it are considered at once, "
            "and while none of them can run either, it is decided again from time to time. Wait: it keeps its turn; "
            "nothing after it is considered until it is free.",
        ),
    ]


class Repeat(Resource):
    """How often one step may run in an episode."""

    limit: Annotated[
        int,
        Field(
            default=1,
            ge=1,
            le=10,
            description="Most runs of this step in one episode: it runs again after Ineffective, and after no other "
            "outcome.",
        ),
    ]


class Retries(Resource):
    """How often an act that could not be made is tried again; nothing was changed by such a try."""

    limit: Annotated[
        int,
        Field(
            default=4,
            ge=0,
            le=10,
            description="Most further tries of one run, after a conflict or a refusal by the API server. Each is "
            "planned and guarded afresh.",
        ),
    ]
    backoff: Annotated[
        Duration,
        Field(default="1s", description="Wait before the first further try; doubled each time, cut by up to a half."),
    ]


_RELEASE_ENDS_IT = "release needs then.effective Stop: what is released is what the remediation ended with"
_RELEASE_OF_CAPACITY = "release takes added capacity back: only scale, and patch of an autoscaler's floor, add any"


class Step(Resource):
    """One rung of the escalation."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "!has(self.release) || !has(self.then) || self.then.effective != 'Next'",
                    _RELEASE_ENDS_IT,
                ),
                cel(
                    "!has(self.release) || has(self.action.scale) || has(self.action.patch)",
                    _RELEASE_OF_CAPACITY,
                    fieldPath=".release",
                ),
            ]
        }
    )

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
    timeout: Annotated[
        Duration | None,
        Field(
            default=None,
            description="Longest time of one run, from its first try, retries included, until the act is done and in "
            "force. Not made by then: Failed. Made but not in force: Ineffective. It takes the place of "
            "verification.propagation, which counts from the act alone; an effect in progress is not cut short.",
        ),
    ]
    retries: Annotated[
        Retries, Field(default_factory=Retries, description="How often an act that could not be made is tried again.")
    ]
    repeat: Annotated[Repeat, Field(default_factory=Repeat, description="How often in one episode.")]
    undo: Annotated[Undo, Field(default=Undo.ON_WORSE, description="When the change is taken back by itself.")]
    release: Annotated[
        Release | None,
        Field(
            default=None,
            description="When added capacity is taken back: replicas that scale added, or the floor of an autoscaler "
            "that patch raised.",
        ),
    ]
    then: Annotated[Then, Field(default_factory=Then, description="What follows each outcome.")]

    @model_validator(mode="after")
    def _release_works(self) -> Self:
        if self.release is not None and self.then.effective is Follow.NEXT:
            raise ValueError(_RELEASE_ENDS_IT)
        if self.release is not None and self.action.scale is None and self.action.patch is None:
            raise ValueError(_RELEASE_OF_CAPACITY)
        return self
