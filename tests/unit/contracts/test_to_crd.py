from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from homeostat.contracts.structural import CrdJsonSchema, SchemaError, faults, structural
from homeostat.contracts.to_crd import KINDS, Kind, custom_resource_definition, main, to_yaml

CRDS = Path(__file__).resolve().parents[3] / "crds"
BY_NAME = {kind.name: kind for kind in KINDS}


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Every schema in a schema, itself included."""
    if isinstance(node, dict):
        yield node
        for inner in (*node.get("properties", {}).values(), node.get("items"), node.get("additionalProperties")):
            yield from nodes(inner)


def schema_of(kind: Kind) -> dict[str, Any]:
    version = custom_resource_definition(kind)["spec"]["versions"][0]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return schema


def generated(model: type[BaseModel], *, defaults: bool = True) -> dict[str, Any]:
    schema = model.model_json_schema(schema_generator=CrdJsonSchema)
    return structural(schema, schema.get("$defs", {}), defaults)


def test_the_checked_in_crds_are_what_the_models_say(tmp_path):
    main(tmp_path)
    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert written == {path.name: path.read_text() for path in CRDS.iterdir()}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_same_models_give_the_same_text(kind):
    assert to_yaml(kind) == to_yaml(kind)
    assert "do not edit" in to_yaml(kind).splitlines()[0].lower()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_schemas_are_structural_and_bounded(kind):
    for node in nodes(schema_of(kind)):
        assert not {"$ref", "anyOf", "allOf", "oneOf", "const", "title", "discriminator", "nullable"} & node.keys()
        assert node["type"] in {"object", "array", "string", "integer", "boolean"}
        assert not {"properties", "additionalProperties"} <= node.keys()
        if node["type"] == "integer":
            assert node["format"] in {"int32", "int64"}


@pytest.mark.parametrize(
    ("name", "short_name"),
    [("ServiceIntent", "si"), ("RemediationPolicy", "rp"), ("Remediation", "rem"), ("TelemetrySource", "ts")],
)
def test_names_are_those_of_the_api(name, short_name):
    crd = custom_resource_definition(BY_NAME[name])["spec"]
    assert crd["names"]["shortNames"] == [short_name]
    assert crd["names"]["categories"] == ["homeostat"]
    assert crd["scope"] == "Namespaced"
    assert crd["versions"][0]["subresources"] == {"status": {}}


@pytest.mark.parametrize("name", ["ServiceIntent", "RemediationPolicy"])
def test_intents_and_policies_have_short_names(name):
    assert "self.metadata.name.size() <= 52" in [
        rule["rule"] for rule in schema_of(BY_NAME[name])["x-kubernetes-validations"]
    ]


def test_every_field_of_a_record_but_the_decisions_is_written_once():
    spec = schema_of(BY_NAME["Remediation"])["properties"]["spec"]
    ruled = {rule["fieldPath"] for rule in spec["x-kubernetes-validations"] if "fieldPath" in rule}
    assert ruled == {f".{name}" for name in spec["properties"]} - {".decisions"}


def test_a_part_that_has_only_defaults_has_the_default_of_an_empty_one():
    spec = schema_of(BY_NAME["RemediationPolicy"])["properties"]["spec"]["properties"]
    assert spec["guardrails"]["default"] == {}
    assert spec["mode"]["default"] == "Shadow"


def test_a_status_shows_no_default_as_if_it_had_been_seen():
    told = [schema_of(kind)["properties"]["status"] for kind in KINDS if kind.has_status]
    assert told
    assert not [node for status in told for node in nodes(status) if "default" in node]


def test_a_kind_without_a_status_has_none_to_write():
    (version,) = custom_resource_definition(BY_NAME["MaintenanceWindow"])["spec"]["versions"]
    assert version["subresources"] == {}
    assert "status" not in version["schema"]["openAPIV3Schema"]["properties"]


class Inner(BaseModel):
    """What is inside."""

    size: Annotated[int, Field(default=1, gt=0, le=9, description="How large.")]


class Whole(BaseModel):
    """A model with all that needs translation."""

    word: Annotated[str | None, Field(default=None, max_length=9, description="A word.")]
    inner: Annotated[Inner, Field(default_factory=Inner)]


class Unbounded(BaseModel):
    """A model without bounds."""

    word: Annotated[str, Field(description="A word.")]
    words: Annotated[list[Annotated[str, Field(max_length=3)]], Field(description="Words.")]
    labels: Annotated[dict[str, Annotated[str, Field(max_length=3)]], Field(description="Labels.")]
    silent: Annotated[str, Field(max_length=3)]


class Either(BaseModel):
    """A field of two types."""

    value: int | str


def test_optional_fields_and_open_bounds_are_translated():
    schema = generated(Whole)
    assert schema["properties"]["word"] == {"type": "string", "maxLength": 9, "description": "A word."}
    inner = schema["properties"]["inner"]
    assert inner["description"] == "What is inside."
    assert inner["default"] == {}
    size = inner["properties"]["size"]
    assert (size["minimum"], size["exclusiveMinimum"], size["format"]) == (0, True, "int32")
    assert "required" not in schema


def test_what_lacks_a_bound_or_a_description_is_named():
    assert list(faults(generated(Unbounded), "x")) == [
        "x.word: no maxLength",
        "x.words: no maxItems",
        "x.labels: no maxProperties",
        "x.silent: no description",
    ]


def test_a_field_of_several_types_is_refused():
    with pytest.raises(SchemaError, match="several types"):
        generated(Either)
