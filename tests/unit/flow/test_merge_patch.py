from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.flow.merge_patch import merge_difference

SCALARS = st.one_of(st.integers(0, 3), st.text("ab", max_size=2), st.booleans())
OBJECTS = st.recursive(
    st.dictionaries(st.sampled_from("abc"), SCALARS, max_size=3),
    lambda inner: st.dictionaries(
        st.sampled_from("abc"), st.one_of(SCALARS, inner, st.lists(SCALARS, max_size=2)), max_size=3
    ),
    max_leaves=6,
)


def merged(target: Any, patch: Any) -> Any:
    """RFC 7386, section 2, word for word."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


@given(OBJECTS, OBJECTS)
def test_the_patch_turns_the_old_into_the_new(old, new):
    assert merged(old, merge_difference(old, new)) == new


@given(OBJECTS)
def test_equal_objects_differ_in_nothing(value):
    assert merge_difference(value, value) == {}


@pytest.mark.parametrize(
    ("old", "new", "patch"),
    [
        ({"plan": {"step": "a"}}, {}, {"plan": None}),
        ({"plan": {"step": "a", "before": "2"}}, {"plan": {"step": "b"}}, {"plan": {"step": "b", "before": None}}),
        ({"operations": [1]}, {"operations": [1, 2]}, {"operations": [1, 2]}),
        ({}, {"phase": "Planned"}, {"phase": "Planned"}),
    ],
)
def test_examples(old, new, patch):
    assert merge_difference(old, new) == patch
