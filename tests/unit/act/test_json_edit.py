"""One scalar or item of a JSON text changes, and not one byte more."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat.act.edit_error import EditError, EditReason
from homeostat.act.json_edit import (
    added_item,
    indexes_of_item,
    read_item,
    read_scalar,
    replace_scalar,
    with_item,
    without_item,
)
from tests.unit.act.charts import at, changed_lines, common_ends, every_chart, leaves, lists, put, values_of

TEXT = r"""{
	"limits": {"rate": 1.50e3, "big": 12345678901234567890.10, "a/b~c": null},
  "text": "a \"quoted\" \u00e9\\", "list" : [ "one", {"two":2} , [3]],
  "peers": [
    "10.0.0.1",
    "10.0.0.2"
  ],
  "empty": {}, "none": [], "flat": [1,2,3],
  "same": 1, "same": 2
}
"""


@pytest.mark.parametrize(
    ("pointer", "value", "before", "after"),
    [
        ("/limits/rate", "2", "1.50e3", '"rate": 2, "big": 12345678901234567890.10'),
        ("/limits/big", " -0.10 ", "12345678901234567890.10", '"rate": 1.50e3, "big": -0.10'),
        ("/limits/a~1b~0c", "true", "null", '"a/b~c": true}'),
        ("/text", '"é"', r'"a \"quoted\" \u00e9\\"', '"text": "é", "list"'),
        ("/list/0", "null", '"one"', "[ null, {"),
        ("/list/1/two", '"2"', "2", '{"two":"2"}'),
        ("/peers/1", '"10.0.0.9"', '"10.0.0.2"', '    "10.0.0.9"\n'),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_only_the_scalar_changes(pointer: str, value: str, before: str, after: str, ending: str) -> None:
    text = TEXT.replace("\n", ending)
    assert read_scalar(text, pointer) == before

    result = replace_scalar(text, pointer, value)

    assert after.replace("\n", ending) in result
    assert len(changed_lines(text, result)) == 2
    assert common_ends(text, result) >= len(text) - len(before)
    assert replace_scalar(result, pointer, before) == text


@pytest.mark.parametrize(
    ("pointer", "reason"),
    [
        ("/limits", EditReason.NOT_A_SCALAR),
        ("/none", EditReason.NOT_A_SCALAR),
        ("/limits/none", EditReason.PATH_NOT_FOUND),
        ("/limits/rate/deeper", EditReason.PATH_NOT_FOUND),
        ("/list/3", EditReason.PATH_NOT_FOUND),
        ("/list/01", EditReason.PATH_NOT_FOUND),
        ("/empty/x", EditReason.PATH_NOT_FOUND),
        ("limits", EditReason.PATH_NOT_FOUND),
        ("", EditReason.PATH_NOT_FOUND),
        ("/same", EditReason.DUPLICATE_KEY),
    ],
)
def test_what_cannot_be_edited_is_refused(pointer: str, reason: EditReason) -> None:
    for edit in (lambda: read_scalar(TEXT, pointer), lambda: replace_scalar(TEXT, pointer, "1")):
        with pytest.raises(EditError) as error:
            edit()
        assert error.value.reason is reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", EditReason.NOT_JSON),
        ('{"a": 1,}', EditReason.NOT_JSON),
        ('{"a": 1} // limit', EditReason.NOT_JSON),
        ('{"a": 1, # limit\n"b": 2}', EditReason.NOT_JSON),
        ("{a: 1}", EditReason.NOT_JSON),
        ('{"a": NaN}', EditReason.NOT_JSON),
        ('{"a": 01}', EditReason.NOT_JSON),
        ("{'a': 1}", EditReason.NOT_JSON),
        ('\ufeff{"a": 1}', EditReason.NOT_JSON),
        ('{"a": "x\ny"}', EditReason.NOT_JSON),
        ('{"a": 1', EditReason.NOT_JSON),
        ('"open', EditReason.NOT_JSON),
        ('{"a": ' + "[" * 20_000, EditReason.TOO_LARGE),
        ('{"a": "' + "x" * 2000 + '"}', EditReason.TOO_LARGE),
        ('{"a": 1}' + " " * 300_000, EditReason.TOO_LARGE),
        ('{"a": {{ .Values.a }}}', EditReason.TEMPLATE),
        ('{"a": "${A}"}', EditReason.TEMPLATE),
        ('{"a": 1{% if b %}, "b": 2{% endif %}}', EditReason.TEMPLATE),
    ],
)
def test_texts_that_are_not_edited(text: str, reason: EditReason) -> None:
    with pytest.raises(EditError) as error:
        replace_scalar(text, "/a", "1")
    assert error.value.reason is reason


@pytest.mark.parametrize("value", ["", "gold", "'x'", "[1]", "{}", "1 2", "1,", "NaN", "01", '"a\nb"', '"open', "${A}"])
def test_values_that_are_no_json_scalar(value: str) -> None:
    for edit in (replace_scalar, added_item):
        with pytest.raises(EditError):
            edit(TEXT, "/limits/rate" if edit is replace_scalar else "/flat", value)


@pytest.mark.parametrize(
    ("pointer", "item", "part"),
    [
        ("/peers", '"10.0.0.3"', '    "10.0.0.2",\n    "10.0.0.3"\n'),
        ("/none", "1", '"none": [1]'),
        ("/flat", "4", '"flat": [1,2,3,4]'),
        ("/list/2", "null", "[3, null]"),
    ],
)
def test_an_item_is_added_at_the_end(pointer: str, item: str, part: str) -> None:
    result = added_item(TEXT, pointer, item)

    assert part in result
    (index,) = indexes_of_item(result, pointer, item)
    assert without_item(result, pointer, index) == TEXT


@pytest.mark.parametrize(
    ("pointer", "index", "part"),
    [
        ("/peers", 0, '"peers": [\n    "10.0.0.2"\n  ]'),
        ("/peers", 1, '"peers": [\n    "10.0.0.1"\n  ]'),
        ("/flat", 1, '"flat": [1,3]'),
        ("/list/2", 0, ", []]"),
    ],
)
def test_an_item_is_taken_out_and_put_back_where_it_stood(pointer: str, index: int, part: str) -> None:
    source = read_item(TEXT, pointer, index)
    result = without_item(TEXT, pointer, index)

    assert part in result
    assert with_item(result, pointer, index, source, TEXT.__eq__) == TEXT


@pytest.mark.parametrize(
    "edit",
    [
        lambda: added_item(TEXT, "/list", "1"),
        lambda: added_item(TEXT, "/limits", "1"),
        lambda: without_item(TEXT, "/list", 0),
        lambda: without_item(TEXT, "/flat", 3),
        lambda: with_item(TEXT, "/flat", 4, "1"),
        lambda: read_item(TEXT, "/none", 0),
    ],
)
def test_lists_that_are_not_edited(edit: Callable[[], str]) -> None:
    with pytest.raises(EditError) as error:
        edit()
    assert error.value.reason in {EditReason.NOT_A_LIST, EditReason.PATH_NOT_FOUND}


def test_items_are_the_same_however_they_are_written() -> None:
    text = r'{"a": ["é", "\u00e9", 1, "1", 1.0]}'
    assert indexes_of_item(text, "/a", '"é"') == (0, 1)
    assert indexes_of_item(text, "/a", "1") == (2,)
    assert indexes_of_item(text, "/a", '"1"') == (3,)


NAMES = st.text(max_size=6)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), NAMES)
TREES = st.dictionaries(
    NAMES, st.recursive(SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3),
                                                         st.dictionaries(NAMES, inner, max_size=3))),
    min_size=1, max_size=4,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(TREES, st.data())
def test_any_json_changes_alone_and_back(tree: dict[str, Any], data: st.DataObject) -> None:
    layouts = [(None, None), (None, (",", ":")), (None, (" , ", " : ")), (0, None), (2, None), ("\t", (",", ":"))]
    indent, separators = data.draw(st.sampled_from(layouts))
    text = json.dumps(tree, indent=indent, separators=separators, ensure_ascii=data.draw(st.booleans()))
    _change_and_back(data, text)


@every_chart
def test_json_made_of_real_values_changes_alone_and_back(chart: Path) -> None:
    text = json.dumps(yaml.safe_load(values_of(chart)), indent=2, default=str) + "\n"

    @settings(max_examples=25, deadline=None, derandomize=True)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        _change_and_back(data, text)

    check()


def _change_and_back(data: st.DataObject, text: str) -> None:
    tree, new = json.loads(text), data.draw(SCALARS)
    value = json.dumps(new)
    marks = ("{{", "{%", "${")
    scalars = [p for p in leaves(tree) if not any(mark in str(at(tree, p)) for mark in marks)]
    if scalars and not any(mark in value for mark in marks):
        pointer = data.draw(st.sampled_from(scalars))
        before = read_scalar(text, pointer)
        result = replace_scalar(text, pointer, value)
        assert json.loads(result) == put(tree, pointer, new)
        assert len(changed_lines(text, result)) == (0 if result == text else 2)
        assert common_ends(text, result) >= len(text) - len(before)
        assert replace_scalar(result, pointer, before) == text
    if pointers := [p for p in lists(tree) if at(tree, p)]:
        _take_out_and_put_back(data, text, tree, data.draw(st.sampled_from(pointers)))


def _take_out_and_put_back(data: st.DataObject, text: str, tree: Any, pointer: str) -> None:
    items = at(tree, pointer)
    index = data.draw(st.integers(0, len(items) - 1))
    if any(mark in str(items[index]) for mark in ("{{", "{%", "${")):
        return
    source = read_item(text, pointer, index)
    less = without_item(text, pointer, index)
    assert json.loads(less) == put(tree, pointer, [*items[:index], *items[index + 1 :]])
    assert json.loads(with_item(less, pointer, index, source)) == tree
    assert with_item(less, pointer, index, source, text.__eq__) == text
