"""The action ``scale``."""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from homeostat.contracts.actions.kinds import ActionSpec, Reversal, Risk
from homeostat.contracts.common import EXPRESSION_HELP, Expression, cel


class ScaleAction(ActionSpec):
    """Change the number of replicas through the /scale subresource."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "[has(self.by), has(self.to), has(self.expression)].exists_one(given, given)",
                    "give exactly one of by, to and expression",
                ),
                cel("!has(self.expression) || has(self.max)", "expression needs max, the most replicas it may ask for"),
                cel("!has(self.min) || !has(self.max) || self.min <= self.max", "min cannot exceed max"),
                cel(
                    "!has(self.to) || ((!has(self.min) || self.min <= self.to)"
                    " && (!has(self.max) || self.to <= self.max))",
                    "to must lie within min and max",
                ),
            ]
        }
    )

    by: Annotated[
        str | None,
        Field(
            default=None,
            pattern=r"^[+-][1-9][0-9]{0,3}%?$",
            max_length=6,
            description="Step: +2 replicas, or +50% of the present number, rounded away from zero.",
        ),
    ]
    to: Annotated[int | None, Field(default=None, ge=0, le=10000, description="This number of replicas.")]
    expression: Annotated[
        Expression | None,
        Field(
            default=None,
            description="CEL that gives the number of replicas, rounded up and kept within min and max, such as "
            f'observed["setup-success"].load / 50. Refused while it is not known; needs max. {EXPRESSION_HELP}',
        ),
    ]
    min: Annotated[int | None, Field(default=None, ge=0, le=10000, description="Fewest replicas after the step.")]
    max: Annotated[int | None, Field(default=None, ge=1, le=10000, description="Most replicas after the step.")]

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(way is not None for way in (self.by, self.to, self.expression)) != 1:
            raise ValueError("give exactly one of by, to and expression")
        if self.expression is not None and self.max is None:
            raise ValueError("expression needs max, the most replicas it may ask for")
        return self

    @property
    def default_risk(self) -> Risk:
        """Low when replicas are surely added; removing some can drop work in progress."""
        return Risk.LOW if self.by is not None and self.by.startswith("+") else Risk.MEDIUM

    @property
    def reversal(self) -> Reversal:
        """The replicas before can be set again."""
        return Reversal.POSSIBLE
