"""One item comes or goes, and not one byte more; what was taken out comes back where it stood."""

from pathlib import Path

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from homeostat.act.edit_error import EditError, EditReason
from homeostat.act.yaml_list import added_item, indexes_of_item, read_item, with_item, without_item
from tests.unit.act.charts import at, changed_lines, common_ends, every_chart, lists, put, values_of

TEXT = """\
peers:
  # the oldest
  - 10.0.0.1   # edge A
  - '10.0.0.2'
  # not yet in service
  -   10.0.0.3
flow: [a, "b",  'c']
wide: [
  one,
  two
]
empty: []
single:
- only
nested:
- - x
  - y
objects:
- {a: 1}
shared: &s
- p
- *q
block:
- |
  text
- t
numbers: [1, "1"]
twice: [z, z]
commented: [
  one, # the first
  two
]
"""


@pytest.mark.parametrize(
    ("pointer", "item", "lines"),
    [
        ("/peers", "10.0.0.4", ["+  -   10.0.0.4\n"]),
        ("/peers", "'x: y'", ["+  -   'x: y'\n"]),
        ("/flow", "d", ["-flow: [a, \"b\",  'c']\n", "+flow: [a, \"b\",  'c',  'd']\n"]),
        ("/wide", "three", ["-  two\n", "+  two,\n", "+  three\n"]),
        ("/empty", "first", ["-empty: []\n", "+empty: [first]\n"]),
        ("/single", "more", ["+- more\n"]),
        ("/nested/0", "z", ["+  - z\n"]),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_an_item_is_added_at_the_end(pointer: str, item: str, lines: list[str], ending: str) -> None:
    text = TEXT.replace("\n", ending).replace("*q", "q")

    result = added_item(text, pointer, item)

    assert changed_lines(text, result) == [line.replace("\n", ending) for line in lines]
    (index,) = indexes_of_item(result, pointer, item)
    assert without_item(result, pointer, index) == text


@pytest.mark.parametrize(
    ("pointer", "index", "source", "lines"),
    [
        ("/peers", 0, "10.0.0.1   # edge A", ["-  - 10.0.0.1   # edge A\n"]),
        ("/peers", 1, "'10.0.0.2'", ["-  - '10.0.0.2'\n"]),
        ("/peers", 2, "10.0.0.3", ["-  -   10.0.0.3\n"]),
        ("/flow", 0, "a", ["-flow: [a, \"b\",  'c']\n", "+flow: [\"b\",  'c']\n"]),
        ("/flow", 2, "'c'", ["-flow: [a, \"b\",  'c']\n", '+flow: [a, "b"]\n']),
        ("/wide", 0, "one", ["-  one,\n"]),
        ("/wide", 1, "two", ["-  one,\n", "-  two\n", "+  one\n"]),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_an_item_is_taken_out_and_put_back_where_it_stood(
    pointer: str, index: int, source: str, lines: list[str], ending: str
) -> None:
    text = TEXT.replace("\n", ending).replace("*q", "q")
    assert read_item(text, pointer, index) == source

    result = without_item(text, pointer, index)

    assert changed_lines(text, result) == [line.replace("\n", ending) for line in lines]
    assert with_item(result, pointer, index, source, text.__eq__) == text
    assert without_item(with_item(result, pointer, index, source), pointer, index) == result


@pytest.mark.parametrize("text", ["a:\n- x\n- y", "a:\r\n- x\r\n- y", "a: [x, y]", "a:\n  - x\n  - y\n  # end"])
@pytest.mark.parametrize("index", [0, 1])
def test_at_the_end_of_a_text(text: str, index: int) -> None:
    source = read_item(text, "/a", index)
    assert with_item(without_item(text, "/a", index), "/a", index, source, text.__eq__) == text
    assert yaml.safe_load(added_item(text, "/a", "z")) == {"a": ["x", "y", "z"]}


@pytest.mark.parametrize(
    ("pointer", "index", "reason"),
    [
        ("/none", 0, EditReason.PATH_NOT_FOUND),
        ("/peers", 3, EditReason.PATH_NOT_FOUND),
        ("/single", 0, EditReason.LAST_ITEM),
        ("/objects", 0, EditReason.NOT_A_LIST),
        ("/peers/0", 0, EditReason.NOT_A_LIST),
        ("/nested", 0, EditReason.NOT_A_LIST),
        ("/nested/0", 0, EditReason.NOT_A_LIST),
        ("/shared", 0, EditReason.ALIAS_OR_ANCHOR),
        ("/block", 1, EditReason.NOT_A_LIST),
        ("/commented", 0, EditReason.NOT_A_LIST),
    ],
)
def test_what_cannot_be_taken_out_is_refused(pointer: str, index: int, reason: EditReason) -> None:
    with pytest.raises(EditError) as error:
        without_item(TEXT, pointer, index)
    assert error.value.reason is reason


@pytest.mark.parametrize("item", ["", "[1]", "{a: 1}", "a: 1", "&x 1", "*x", "a\nb", "'open", "${PEER}"])
def test_items_that_are_no_single_value(item: str) -> None:
    with pytest.raises(EditError):
        added_item(TEXT, "/peers", item)


def test_items_are_the_same_however_they_are_quoted() -> None:
    assert indexes_of_item(TEXT, "/peers", '"10.0.0.1"') == (0,)
    assert indexes_of_item(TEXT, "/numbers", "1") == (0,)
    assert indexes_of_item(TEXT, "/numbers", "'1'") == (1,)
    assert indexes_of_item(TEXT, "/twice", "z") == (0, 1)


WORDS = st.from_regex(r"\A[a-z][a-z0-9.]{0,8}[a-z]\Z")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(WORDS, st.integers(0, 99)), min_size=1, max_size=6, unique_by=str), st.data())
def test_any_item_of_any_list_comes_and_goes_alone(items: list[object], data: st.DataObject) -> None:
    text = yaml.safe_dump(
        {"head": {"of": 1}, "list": items, "tail": 2}, sort_keys=False,
        default_flow_style=data.draw(st.sampled_from([None, True, False])),
        line_break=data.draw(st.sampled_from(["\n", "\r\n"])), indent=data.draw(st.integers(2, 6)),
    )  # fmt: skip
    lines = text.splitlines(keepends=True)
    place = data.draw(st.integers(0, len(lines)))
    text = "".join([*lines[:place], "# a comment\n", *lines[place:]])
    _comes_and_goes(data, text, "/list")


@every_chart
def test_any_list_of_real_values_takes_an_item_and_gives_it_back(chart: Path) -> None:
    text = values_of(chart)
    pointers = lists(yaml.safe_load(text))
    if not pointers:
        return

    @settings(max_examples=4, deadline=None, derandomize=True)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        _comes_and_goes(data, text, data.draw(st.sampled_from(pointers)))

    check()


def _comes_and_goes(data: st.DataObject, text: str, pointer: str) -> None:
    tree, item = yaml.safe_load(text), data.draw(WORDS)
    items = at(tree, pointer)
    assume(item not in items)

    more = added_item(text, pointer, item)
    assert yaml.safe_load(more) == put(tree, pointer, [*items, yaml.safe_load(item)])
    assert common_ends(text, more) == len(text)
    assert len(changed_lines(text, more)) <= 2
    assert without_item(more, pointer, len(items)) == text

    if len(items) > 1:
        index = data.draw(st.integers(0, len(items) - 1))
        source = read_item(text, pointer, index)
        less = without_item(text, pointer, index)
        assert yaml.safe_load(less) == put(tree, pointer, [*items[:index], *items[index + 1 :]])
        assert common_ends(less, text) == len(less)
        assert with_item(less, pointer, index, source, text.__eq__) == text
