"""Turns pydantic's JSON schema into the structural schema that a CustomResourceDefinition needs."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

Schema = dict[str, Any]

_LARGEST_INT32 = 2**31 - 1
_LONGEST_SHOWN_DEFAULT = 40
_DROPPED = frozenset({"title", "discriminator", "examples", "propertyNames", "$defs"})
_KEPT = frozenset(
    {"type", "description", "format", "enum", "pattern", "required"}
    | {f"{side}{what}" for side in ("min", "max") for what in ("Length", "Items", "Properties", "imum")}
)
_BOUND = {"string": "maxLength", "array": "maxItems", "object": "maxProperties"}


class SchemaError(ValueError):
    """A model says something that a CRD cannot, or leaves out what a CRD must have."""


class CrdJsonSchema(GenerateJsonSchema):
    """JSON schema in which a part that is built from its own defaults has the default ``{}``."""

    def get_default_value(self, schema: core_schema.WithDefaultSchema) -> object:
        """Give the default to publish: the API server fills the rest of ``{}`` from the part's own defaults."""
        factory = schema.get("default_factory")
        if isinstance(factory, type) and issubclass(factory, BaseModel):
            return {}
        return super().get_default_value(schema)


def plain(text: str) -> str:
    """Give a docstring as one line without markup."""
    return re.sub(r"\s+", " ", text.replace("``", "")).strip()


def _resolved(node: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """Replace a reference by what it names, and an optional type by the type; what stands beside wins."""
    if "$ref" in node:
        named = definitions[node["$ref"].rsplit("/", 1)[-1]]
        return _resolved({**named, **{k: v for k, v in node.items() if k != "$ref"}}, definitions)
    if "anyOf" in node:
        kinds = [kind for kind in node["anyOf"] if kind.get("type") != "null"]
        if len(kinds) != 1:
            raise SchemaError("a field has several types: a structural schema allows one")
        beside = {k: v for k, v in node.items() if k != "anyOf" and not (k == "default" and v is None)}
        return _resolved({**kinds[0], **beside}, definitions)
    return node


def _keyword(key: str, value: object) -> Schema:
    """Translate one plain JSON-schema keyword to what a CRD understands."""
    if key in _DROPPED:
        return {}
    if key == "description":
        return {key: plain(str(value))}
    if key == "const":
        return {"enum": [value]}
    if key in ("exclusiveMinimum", "exclusiveMaximum"):
        return {key: True, key.removeprefix("exclusive").lower(): value}
    if key in _KEPT or key.startswith("x-kubernetes-"):
        return {key: value}
    raise SchemaError(f"{key} has no meaning in a CRD")


def structural(node: Schema, definitions: Mapping[str, Schema], defaults: bool) -> Schema:
    """Turn one pydantic JSON schema into a structural one, with every reference inlined.

    Raises:
        SchemaError: the schema holds something that a CRD cannot say.
    """
    result: Schema = {}
    for key, value in _resolved(node, definitions).items():
        if key == "properties":
            result[key] = {name: structural(field, definitions, defaults) for name, field in value.items()}
        elif key == "items" or (key == "additionalProperties" and isinstance(value, dict)):
            result[key] = structural(value, definitions, defaults)
        elif key == "default":
            # An empty text or list means the same as its absence, and would only clutter `kubectl get -o yaml`.
            result |= {key: value} if defaults and value not in ("", []) else {}
        elif key != "additionalProperties":
            result |= _keyword(key, value)
    if isinstance(result.get("default"), str | int) and len(str(result["default"])) <= _LONGEST_SHOWN_DEFAULT:
        # kubectl explain shows descriptions, but no defaults.
        result["description"] = f"{result.get('description', '')} Default: {result['default']}.".strip()
    if result.get("type") == "integer":
        result["format"] = "int32" if result.get("maximum", _LARGEST_INT32 + 1) <= _LARGEST_INT32 else "int64"
    return result


def faults(node: Schema, path: str) -> Iterator[str]:
    """Name every field that lacks its bound or its description."""
    kind = node.get("type")
    if kind is None:
        yield f"{path}: no type"
    bound = _BOUND.get(kind or "")
    if bound and bound not in node and not ({"enum", "properties"} & node.keys()):
        yield f"{path}: no {bound}"
    for name, field in node.get("properties", {}).items():
        if not field.get("description"):
            yield f"{path}.{name}: no description"
        yield from faults(field, f"{path}.{name}")
    for inner in ("items", "additionalProperties"):
        if inner in node:
            yield from faults(node[inner], f"{path}[]")
