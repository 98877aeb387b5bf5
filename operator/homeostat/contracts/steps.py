"""What a policy may do, step by step: actions, and what follows their outcomes."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from .common import (
    CamelName,
    DecimalText,
    Duration,
    Name,
    ObjectName,
    PromQL,
    Resource,
    cel,
)


class Risk(StrEnum):
    """Risk of an action; authors may raise an action's default, never lower it."""

    LOW = "Low"
    MEDIUM = "Medium"
    HIGH = "High"


class ActionType(StrEnum):
    """Kinds of action."""

    SCALE = "Scale"
    RECONFIGURE = "Reconfigure"


class ScaleAction(Resource):
    """Change the number of replicas through the /scale subresource."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("!has(self.min) || !has(self.max) || self.min <= self.max", "min cannot exceed max")
            ]
        }
    )

    target: Annotated[Name, Field(description="Target of the intent.")]
    by: Annotated[
        str,
        Field(
            pattern=r"^[+-][1-9][0-9]{0,3}%?$",
            max_length=6,
            description="Step: +2 replicas, or +50% of the present number, rounded away from zero.",
        ),
    ]
    min: Annotated[int | None, Field(default=None, ge=0, le=10000, description="Fewest replicas after the step.")]
    max: Annotated[int | None, Field(default=None, ge=1, le=10000, description="Most replicas after the step.")]


class SetValue(Resource):
    """A value to write."""

    path: Annotated[
        str, Field(pattern=r"^(/[^/]+)+$", max_length=512, description="JSON Pointer to a scalar that exists.")
    ]
    value: Annotated[str, Field(max_length=1024, description="The scalar as YAML text: 500, true, 'text'.")]


class ReconfigureAction(Resource):
    """Change one scalar in a YAML key of a ConfigMap, then have the target take it up."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("has(self.set) != has(self.restore)", "give exactly one of set {path, value} and restore")
            ]
        }
    )

    target: Annotated[Name, Field(description="Target that uses the ConfigMap.")]
    config_map: Annotated[ObjectName, Field(description="ConfigMap in the same namespace.")]
    key: Annotated[str, Field(min_length=1, max_length=253, description="Key that holds YAML.")]
    set: Annotated[SetValue | None, Field(default=None, description="Write this value.")]
    restore: Annotated[
        str | None,
        Field(
            default=None,
            pattern=r"^(/[^/]+)+$",
            max_length=512,
            description="JSON Pointer to a scalar: write the value it had in the last content under which the "
            "promise was kept; refused where none is known.",
        ),
    ]

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.set is None) == (self.restore is None):
            raise ValueError("give exactly one of set {path, value} and restore")
        return self


class Action(Resource):
    """Exactly one action."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("has(self.scale) != has(self.reconfigure)", "give exactly one action: scale or reconfigure")
            ]
        }
    )

    scale: Annotated[ScaleAction | None, Field(default=None, description="Change the number of replicas.")]
    reconfigure: Annotated[ReconfigureAction | None, Field(default=None, description="Change a configuration value.")]

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.scale is None) == (self.reconfigure is None):
            raise ValueError("give exactly one action: scale or reconfigure")
        return self

    @property
    def type(self) -> ActionType:
        """Which action it is."""
        return ActionType.SCALE if self.scale is not None else ActionType.RECONFIGURE

    @property
    def target(self) -> str:
        """Name of the intent's target that is acted on."""
        if self.scale is not None:
            return self.scale.target
        assert self.reconfigure is not None  # noqa: S101 - the validator admits exactly one
        return self.reconfigure.target


class Drain(Resource):
    """When the instances that would go carry nothing any more."""

    query: Annotated[
        PromQL,
        Field(
            description="PromQL for the work left on the pods that would go; $pods (a regular expression) is filled."
        ),
    ]
    at_most: Annotated[DecimalText, Field(default="0", description="Largest value that counts as drained.")]


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
    drain: Annotated[Drain | None, Field(default=None, description="What to wait for before pods are taken away.")]


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
    action: Annotated[Action, Field(description="What is done.")]
    risk: Annotated[Risk | None, Field(default=None, description="Raises the action's own risk; cannot lower it.")]
    repeat: Annotated[Repeat, Field(default_factory=Repeat, description="How often in one episode.")]
    undo: Annotated[Undo, Field(default=Undo.ON_WORSE, description="When the change is taken back by itself.")]
    release: Annotated[Release | None, Field(default=None, description="When added capacity is taken back.")]
    then: Annotated[Then, Field(default_factory=Then, description="What follows each outcome.")]
