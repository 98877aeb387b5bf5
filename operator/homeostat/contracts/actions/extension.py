"""The action ``extension``: what a third party adds to the operator."""

import re
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from homeostat.contracts.actions.kinds import ActionSpec, Reversal, Risk
from homeostat.contracts.common import Name, cel

_PARAMETER_NAME = "^[A-Za-z][-A-Za-z0-9_.]*$"
_NAMING = "a parameter's name has at most 63 letters, digits, dots, dashes and underscores, a letter first"


def _checked_name(name: str) -> str:
    if not re.fullmatch(_PARAMETER_NAME, name):
        raise ValueError(_NAMING)
    return name


class ExtensionAction(ActionSpec):
    """Do what an extension does that is installed in the operator."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "!has(self.parameters) || self.parameters.all(name, size(name) <= 63"
                    f" && name.matches('{_PARAMETER_NAME}'))",
                    _NAMING,
                )
            ]
        }
    )

    name: Annotated[Name, Field(description="Name of the extension, as the operator has it installed.")]
    parameters: Annotated[
        dict[
            Annotated[str, Field(min_length=1, max_length=63), AfterValidator(_checked_name)],
            Annotated[str, Field(max_length=1024)],
        ],
        Field(default_factory=dict, max_length=32, description="What the extension asks for, as text."),
    ]

    @property
    def default_risk(self) -> Risk:
        """High, unless the extension itself knows better when it looks at what it would do."""
        return Risk.HIGH

    @property
    def reversal(self) -> Reversal:
        """Not, unless the extension itself knows better when it looks at what it would do."""
        return Reversal.IMPOSSIBLE
