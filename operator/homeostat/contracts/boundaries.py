"""Who decides about a step."""

from typing import Annotated

from pydantic import ConfigDict, Field

from homeostat.contracts.actions.kinds import ActionType, Reversal, Risk

from .common import (
    EXPRESSION_HELP,
    Expression,
    Name,
    Resource,
    cel,
)


class BoundaryRule(Resource):
    """Which actions a boundary is about; every given part must agree."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "has(self.action) || has(self.risk) || has(self.step) || has(self.reversal) || has(self.__if__)",
                    "an empty rule matches nothing: give action, risk, step, reversal or if",
                )
            ]
        }
    )

    action: Annotated[ActionType | None, Field(default=None, description="Type of action.")]
    risk: Annotated[Risk | None, Field(default=None, description="Risk of the step.")]
    step: Annotated[Name | None, Field(default=None, description="Name of the step.")]
    reversal: Annotated[
        Reversal | None, Field(default=None, description="Whether the step can be taken back: Possible or Impossible.")
    ]
    if_: Annotated[
        Expression | None,
        Field(
            default=None,
            alias="if",
            description='CEL that must be true, such as time.getHours("Europe/Stockholm") >= 18. Where it is not '
            "known, a rule of never or approval holds, and one of autonomous does not. It is asked again right before "
            f"the act. {EXPRESSION_HELP}",
        ),
    ]


def _rules(description: str) -> object:
    return Field(
        default_factory=list,
        max_length=16,
        description=description,
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )


class Boundaries(Resource):
    """Who decides. never outranks approval, which outranks autonomous; what no rule mentions needs approval."""

    autonomous: Annotated[list[BoundaryRule], _rules("Done without asking.")]
    approval: Annotated[list[BoundaryRule], _rules("Done once a person approves.")]
    never: Annotated[list[BoundaryRule], _rules("Never done.")]
