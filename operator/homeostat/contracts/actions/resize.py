"""The action ``resize``."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from homeostat.contracts.actions.kinds import ActionSpec, Reversal, Risk
from homeostat.contracts.common import Resource, cel
from homeostat.contracts.quantities import quantity

_TO_OR_BY = "give exactly one of to and by"
_BOUNDS_OF_A_STEP = "min and max bound a step: they go with by"
_MIN_BELOW_MAX = "min cannot exceed max"
_ANY_RESOURCE = "give cpu, memory or both"

ContainerName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", min_length=1, max_length=63)]

CpuQuantity = Annotated[
    str,
    Field(pattern=r"^([1-9][0-9]{0,6}m|[1-9][0-9]{0,3}(\.[0-9]{1,3})?|0\.[0-9]{0,2}[1-9]0{0,2})$", max_length=8),
]
"""CPU above zero, in the precision of Kubernetes: 500m, 2, 1.5."""

MemoryQuantity = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8}(Ki|Mi|Gi|Ti|k|M|G|T)$", max_length=11)]
"""Memory in whole units: 512Mi, 2Gi. A bare number, or an m for a thousandth of a byte, would be a slip."""

Share = Annotated[str, Field(pattern=r"^(\+[1-9][0-9]{0,2}|-[1-9][0-9]?)%$", max_length=5)]
"""A share of what is: +50%, -25%."""


class Side(StrEnum):
    """What a container states of a resource."""

    REQUESTS = "Requests"
    LIMITS = "Limits"


class Through(StrEnum):
    """Where the change is made."""

    IN_PLACE = "InPlace"
    TEMPLATE = "Template"


class _Change(Resource):
    """What becomes of one resource."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("has(self.to) != has(self.by)", _TO_OR_BY),
                cel("has(self.by) || !(has(self.min) || has(self.max))", _BOUNDS_OF_A_STEP),
                cel(
                    "!has(self.min) || !has(self.max) || quantity(self.min).compareTo(quantity(self.max)) <= 0",
                    _MIN_BELOW_MAX,
                ),
            ]
        }
    )

    to: str | None
    by: Annotated[Share | None, Field(default=None, description="Step: +50% or -25% of what is stated now.")]
    min: str | None
    max: str | None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.to is None) == (self.by is None):
            raise ValueError(_TO_OR_BY)
        if self.by is None and (self.min or self.max):
            raise ValueError(_BOUNDS_OF_A_STEP)
        if self.min is not None and self.max is not None and quantity(self.min) > quantity(self.max):
            raise ValueError(_MIN_BELOW_MAX)
        return self


class CpuChange(_Change):
    """What becomes of the CPU."""

    to: Annotated[CpuQuantity | None, Field(default=None, description="Write this quantity: 500m, 2.")]
    min: Annotated[CpuQuantity | None, Field(default=None, description="Least after the step.")]
    max: Annotated[CpuQuantity | None, Field(default=None, description="Most after the step.")]


class MemoryChange(_Change):
    """What becomes of the memory."""

    to: Annotated[MemoryQuantity | None, Field(default=None, description="Write this quantity: 512Mi, 2Gi.")]
    min: Annotated[MemoryQuantity | None, Field(default=None, description="Least after the step.")]
    max: Annotated[MemoryQuantity | None, Field(default=None, description="Most after the step.")]


class ResizeAction(ActionSpec):
    """Change the CPU or memory of one container, in its running pods or through the pod template.

    Only what the container states already is changed: what is added cannot be taken away from a running pod again.
    """

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": [cel("has(self.cpu) || has(self.memory)", _ANY_RESOURCE)]}
    )

    container: Annotated[ContainerName, Field(description="Container of the target's pods.")]
    cpu: Annotated[CpuChange | None, Field(default=None, description="Change of the CPU.")]
    memory: Annotated[MemoryChange | None, Field(default=None, description="Change of the memory.")]
    of: Annotated[
        list[Side],
        Field(
            default_factory=lambda: list(Side),
            min_length=1,
            max_length=2,
            description="Requests, Limits or both; of these, what the container states. Default: both.",
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ]
    through: Annotated[
        Through,
        Field(
            default=Through.IN_PLACE,
            description="InPlace: the running pods, without a restart; the template, and so a pod that is made later, "
            "stays as it is. Where the server has no pods/resize (before Kubernetes 1.33) it is Template. "
            "Template: the workload's pod template, which restarts the pods by a rollout.",
        ),
    ]

    @model_validator(mode="after")
    def _any_resource(self) -> Self:
        if self.cpu is None and self.memory is None:
            raise ValueError(_ANY_RESOURCE)
        return self

    @property
    def changes(self) -> dict[str, CpuChange | MemoryChange]:
        """The change of each resource that is named, by the resource's name in Kubernetes."""
        named = {"cpu": self.cpu, "memory": self.memory}
        return {name: change for name, change in named.items() if change is not None}

    @property
    def default_risk(self) -> Risk:
        """Low when running pods are given more: nobody loses anything, and it is taken back as easily.

        Medium otherwise: less can throttle or kill what runs, ``to`` may be less than what is, and a change of the
        template restarts pods, which may drop work in progress.
        """
        adds = all(change.by is not None and change.by.startswith("+") for change in self.changes.values())
        return Risk.LOW if adds and self.through is Through.IN_PLACE else Risk.MEDIUM

    @property
    def reversal(self) -> Reversal:
        """The quantities before can be set again."""
        return Reversal.POSSIBLE
