"""The action ``reconfigure``."""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from homeostat.contracts.actions.kinds import ActionSpec, Reversal, Risk
from homeostat.contracts.common import ObjectName, Resource, cel


class SetValue(Resource):
    """A value to write."""

    path: Annotated[
        str, Field(pattern=r"^(/[^/]+)+$", max_length=512, description="JSON Pointer to a scalar that exists.")
    ]
    value: Annotated[str, Field(max_length=1024, description="The scalar as YAML text: 500, true, 'text'.")]


class ReconfigureAction(ActionSpec):
    """Change one scalar in a YAML key of a ConfigMap, then have the target take it up."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("has(self.set) != has(self.restore)", "give exactly one of set {path, value} and restore")
            ]
        }
    )

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

    @property
    def default_risk(self) -> Risk:
        """Low for a value that worked before; one that is set has not proven itself."""
        return Risk.LOW if self.restore is not None else Risk.MEDIUM

    @property
    def reversal(self) -> Reversal:
        """The value before can be written again."""
        return Reversal.POSSIBLE
