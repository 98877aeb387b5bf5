"""Fields by path, and the merge patch that changes them and nothing else."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.flow.field_paths import FieldPathError, Place, find, is_through_lists, value_at, with_values
from homeostat.flow.merge_patch import merge_difference


def merge_patch(body: dict[str, Any], values: dict[Place, Any]) -> dict[str, Any]:
    return merge_difference(body, with_values(body, values))


ROUTE: dict[str, Any] = {
    "metadata": {"name": "r", "annotations": {"example.org/pace": "slow"}},
    "spec": {
        "a/b~c": 1,
        "rules": [
            {"name": "x", "backends": [{"name": "v1", "weight": 90}, {"name": "v2", "weight": 10}]},
            {"name": "y", "main": True, "backends": [{"to": {"subset": "v1"}}, {"to": {"subset": "v1"}}]},
        ],
    },
}


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/spec/a~1b~0c", ("spec", "a/b~c")),
        ("/spec/rules/0/backends/1/weight", ("spec", "rules", 0, "backends", 1, "weight")),
        ("/spec/rules/[name=x]/backends/[name=v2]/weight", ("spec", "rules", 0, "backends", 1, "weight")),
        ("/spec/rules/[main=true]/name", ("spec", "rules", 1, "name")),
        ("/spec/rules/0/new", ("spec", "rules", 0, "new")),
        ("/metadata/annotations/example.org~1pace", ("metadata", "annotations", "example.org/pace")),
    ],
)
def test_a_field_is_found(path, place):
    assert find(ROUTE, path) == place


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/spec/none/weight", "ParentNotFound"),
        ("/spec/rules/0/backends/2/weight", "ParentNotFound"),
        ("/spec/rules/[name=z]/name", "ItemNotFound"),
        ("/spec/rules/[name=y]/backends/[to.subset=v1]/weight", "ItemAmbiguous"),
        ("/spec/rules/name", "PathNotFound"),
        ("/spec/rules/0/name/deeper", "PathNotFound"),
        ("/spec/rules/7", "PathNotFound"),
        ("/spec/rules", "NotAScalar"),
        ("/spec/rules/0", "NotAScalar"),
    ],
)
def test_a_path_that_leads_to_no_field_is_refused(path, reason):
    with pytest.raises(FieldPathError) as refused:
        find(ROUTE, path)
    assert refused.value.reason == reason


def test_the_first_annotation_can_be_added():
    body: dict[str, Any] = {"metadata": {"name": "r"}, "spec": {}}
    place = find(body, "/metadata/annotations/example.org~1pace")
    assert merge_patch(body, {place: "fast"}) == {"metadata": {"annotations": {"example.org/pace": "fast"}}}


def test_a_list_is_sent_as_it_stands_but_for_the_field():
    path = "/spec/rules/[name=x]/backends/[name=v2]/weight"
    patch = merge_patch(ROUTE, {find(ROUTE, path): 40})
    wanted = copy.deepcopy(ROUTE["spec"]["rules"])
    wanted[0]["backends"][1]["weight"] = 40
    assert patch == {"spec": {"rules": wanted}}
    assert ROUTE["spec"]["rules"][0]["backends"][1]["weight"] == 10


def test_absence_is_restored():
    assert merge_patch({"spec": {"a": 1}}, {("spec", "a"): None}) == {"spec": {"a": None}}
    assert merge_patch({"spec": {"l": [{"a": 1, "b": 2}]}}, {("spec", "l", 0, "a"): None}) == {
        "spec": {"l": [{"b": 2}]}
    }


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/spec/minReplicas", False), ("/spec/rules/0/weight", True), ("/spec/rules/[name=x]/weight", True)],
)
def test_paths_through_lists_are_told_apart(path, expected):
    assert is_through_lists(path) is expected


scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.text("abc", max_size=3)
trees = st.recursive(
    st.dictionaries(st.sampled_from("abcd"), scalars, max_size=3),
    lambda inner: st.dictionaries(
        st.sampled_from("abcd"), scalars | inner | st.lists(inner, max_size=3), max_size=4
    ),
    max_leaves=12,
)  # fmt: skip


def places(node: Any, place: Place = ()) -> list[Place]:
    """Every scalar of a tree, and in every map one field that is not there."""
    if isinstance(node, dict):
        found = [(*place, "new")]
        for key, value in node.items():
            found += places(value, (*place, key))
        return found
    if isinstance(node, list):
        return [deeper for index, item in enumerate(node) for deeper in places(item, (*place, index))]
    return [place]


def merged(body: Any, patch: Any) -> Any:
    """RFC 7396, as it is written there."""
    if not isinstance(patch, dict):
        return patch
    result = dict(body) if isinstance(body, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


@given(trees, st.data())
def test_a_patch_changes_these_fields_and_nothing_else(body, data):
    chosen = data.draw(st.lists(st.sampled_from(places(body)), min_size=1, max_size=4, unique=True))
    values = {place: data.draw(scalars) for place in chosen}
    expected = copy.deepcopy(body)
    for place, value in values.items():
        node = value_at(expected, place[:-1])
        if value is None:
            node.pop(place[-1], None)
        else:
            node[place[-1]] = value
    # A null that stands in the body is no value to the API server either.
    assert merged(body, merge_patch(body, values)) == expected
