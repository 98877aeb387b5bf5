"""The action ``scale``."""

from typing import Annotated

from pydantic import ConfigDict, Field

from homeostat.contracts.actions.kinds import ActionSpec, Reversal, Risk
from homeostat.contracts.common import cel


class ScaleAction(ActionSpec):
    """Change the number of replicas through the /scale subresource."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("!has(self.min) || !has(self.max) || self.min <= self.max", "min cannot exceed max")
            ]
        }
    )

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

    @property
    def default_risk(self) -> Risk:
        """Low when replicas are added; removing some can drop work in progress."""
        return Risk.LOW if self.by.startswith("+") else Risk.MEDIUM

    @property
    def reversal(self) -> Reversal:
        """The replicas before can be set again."""
        return Reversal.POSSIBLE
