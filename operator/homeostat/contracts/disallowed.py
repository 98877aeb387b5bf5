"""Attributes that may not be changed (disallowed attributes in 3GPP TS 28.536)."""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from .common import ObjectName, Resource, cel

_ONE = "give exactly one of configMap and ref: the object whose attributes may not be changed"
_KEY = "key and the path in it are of a ConfigMap; the path of another object begins with a slash, such as /spec/paused"
_PATH_NEEDS_KEY = "a path in a ConfigMap needs the key that it is in"


class ProtectedRef(Resource):
    """An object, or all of its kind."""

    api_version: Annotated[str, Field(min_length=1, max_length=120, description="Group and version, such as apps/v1.")]
    kind: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9]*$", max_length=63, description="Kind, such as Deployment.")]
    name: Annotated[
        ObjectName | None, Field(default=None, description="Name of the object; without it, all of the kind.")
    ]


class DisallowedAttribute(Resource):
    """A place that nothing may be changed at, nor below it, nor by replacing what it is in."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("has(self.configMap) != has(self.ref)", _ONE),
                cel("!has(self.ref) || (!has(self.key) && (!has(self.path) || self.path.startsWith('/')))", _KEY),
                cel("!has(self.configMap) || !has(self.path) || has(self.key)", _PATH_NEEDS_KEY),
            ]
        }
    )

    config_map: Annotated[ObjectName | None, Field(default=None, description="ConfigMap in the same namespace.")]
    key: Annotated[
        str | None,
        Field(
            default=None,
            pattern=r"^[-._a-zA-Z0-9]+$",
            max_length=253,
            description="Key of the ConfigMap; without it, all keys.",
        ),
    ]
    ref: Annotated[ProtectedRef | None, Field(default=None, description="Object in the same namespace.")]
    path: Annotated[
        str | None,
        Field(
            default=None,
            pattern=r"^[^\r\n]+$",
            max_length=512,
            description="JSON Pointer, such as /plmn or /spec/template; in a key of plain text, how the line begins, "
            "as in reconfigure. All below it is disallowed too; without it, everything.",
        ),
    ]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.config_map is None) == (self.ref is None):
            raise ValueError(_ONE)
        if self.ref is not None and (self.key is not None or not (self.path or "/").startswith("/")):
            raise ValueError(_KEY)
        if self.config_map is not None and self.path is not None and self.key is None:
            raise ValueError(_PATH_NEEDS_KEY)
        return self
