"""One scalar changes, and not one byte more."""

import difflib
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat.act.yaml_edit import YamlEditError, YamlEditReason, read_scalar, replace_scalar
from homeostat.flow.yaml_scalars import scalars

CHARTS = Path(__file__).parents[4] / "shared" / "data" / "5g-charts" / "charts"

TEXT = """\
# limits of the edge
limits:
  rate: 50   # per instance
  name: 'small'
  "quoted key": "a\\tb"
  a/b~c: x
list: [one, {two: 2}, "three"]
base: &base {x: 1}
copy: *base
block: |
  text
empty:
tagged: !!str 5
folded: one
  two
5060: sip
"""


@pytest.mark.parametrize(
    ("pointer", "value", "before", "line"),
    [
        ("/limits/rate", "500", "50", "  rate: 500   # per instance"),
        ("/limits/rate", "  500 # a comment", "50", "  rate: 500   # per instance"),
        ("/limits/name", "large", "'small'", "  name: 'large'"),
        ("/limits/name", '"it\'s"', "'small'", "  name: 'it''s'"),
        ("/limits/name", "7", "'small'", "  name: 7"),
        ("/limits/name", "yes", "'small'", "  name: yes"),
        ("/limits/quoted key", "'say \"x\"'", '"a\\tb"', '  "quoted key": "say \\"x\\""'),
        ("/limits/a~1b~0c", "'y'", "x", "  a/b~c: 'y'"),
        ("/list/1/two", "22", "2", 'list: [one, {two: 22}, "three"]'),
        ("/list/0", "1,2", "one", 'list: ["1,2", {two: 2}, "three"]'),
        ("/list/2", "drei", '"three"', 'list: [one, {two: 2}, "drei"]'),
        ("/5060", "null", "sip", "5060: null"),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_only_the_scalar_changes(pointer: str, value: str, before: str, line: str, ending: str) -> None:
    text = TEXT.replace("\n", ending)

    assert read_scalar(text, pointer) == before
    result = replace_scalar(text, pointer, value)

    assert _new_lines(text, result) == [line + ending]


@pytest.mark.parametrize(
    ("pointer", "reason"),
    [
        ("/limits", YamlEditReason.NOT_A_SCALAR),
        ("/empty", YamlEditReason.NOT_A_SCALAR),
        ("/tagged", YamlEditReason.NOT_A_SCALAR),
        ("/limits/none", YamlEditReason.PATH_NOT_FOUND),
        ("/limits/rate/deeper", YamlEditReason.PATH_NOT_FOUND),
        ("/list/3", YamlEditReason.PATH_NOT_FOUND),
        ("/list/01", YamlEditReason.PATH_NOT_FOUND),
        ("limits", YamlEditReason.PATH_NOT_FOUND),
        ("", YamlEditReason.PATH_NOT_FOUND),
        ("/base/x", YamlEditReason.ALIAS_OR_ANCHOR),
        ("/copy/x", YamlEditReason.ALIAS_OR_ANCHOR),
        ("/copy", YamlEditReason.ALIAS_OR_ANCHOR),
        ("/block", YamlEditReason.BLOCK_SCALAR),
        ("/folded", YamlEditReason.BLOCK_SCALAR),
    ],
)
def test_what_cannot_be_edited_is_refused(pointer: str, reason: YamlEditReason) -> None:
    with pytest.raises(YamlEditError) as read:
        read_scalar(TEXT, pointer)
    with pytest.raises(YamlEditError) as replaced:
        replace_scalar(TEXT, pointer, "1")
    assert (read.value.reason, replaced.value.reason) == (reason, reason)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 1\na: 2\n", YamlEditReason.DUPLICATE_KEY),
        ("a: 1\n---\na: 2\n", YamlEditReason.NOT_YAML),
        ("a: [1\n", YamlEditReason.NOT_YAML),
        ("a: 1\n\tb: 2\n", YamlEditReason.NOT_YAML),
        ("", YamlEditReason.PATH_NOT_FOUND),
        ("just text", YamlEditReason.PATH_NOT_FOUND),
        ("a: " + "x" * 2000, YamlEditReason.TOO_LARGE),
        ("a: 1\n" + "#" * 300_000, YamlEditReason.TOO_LARGE),
    ],
)
def test_texts_that_are_not_edited(text: str, reason: YamlEditReason) -> None:
    with pytest.raises(YamlEditError) as error:
        replace_scalar(text, "/a", "1")
    assert error.value.reason is reason


@pytest.mark.parametrize(
    "value", ["", "[1]", "{a: 1}", "a: 1", "&x 1", "*x", "!!str 1", "a\nb", "|\n  a", "- 1", "'open"]
)
def test_values_that_are_no_single_scalar(value: str) -> None:
    with pytest.raises(YamlEditError):
        replace_scalar(TEXT, "/limits/rate", value)


@pytest.mark.parametrize("nest", ["[", "{a: ", "- ", "? "])
def test_a_deep_nest_is_refused_before_it_costs_anything(nest: str) -> None:
    with pytest.raises(YamlEditError) as error:
        replace_scalar("b: 1\na: " + nest * 20_000 if nest in "[{a: " else nest * 20_000, "/b", "2")
    assert error.value.reason in {YamlEditReason.TOO_LARGE, YamlEditReason.NOT_YAML}


PLAIN = st.from_regex(r"\A[a-z][a-z0-9 ]{0,8}[a-z]\Z")
VALUES = st.one_of(PLAIN, st.integers(), st.booleans(), st.text(max_size=12), st.floats(allow_nan=False))
TREES = st.dictionaries(
    PLAIN, st.recursive(VALUES, lambda inner: st.one_of(st.lists(inner, min_size=1, max_size=3),
                                                        st.dictionaries(PLAIN, inner, min_size=1, max_size=3))),
    min_size=1, max_size=4,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_scalar_of_any_text_changes_alone_and_back(data: st.DataObject) -> None:
    style = data.draw(st.sampled_from([None, '"', "'"]))
    text = yaml.safe_dump(data.draw(TREES), allow_unicode=True, default_style=style, width=10_000)
    _change_one_and_back(data, text)


@pytest.mark.parametrize("chart", sorted(CHARTS.glob("*/values.yaml")) or [CHARTS], ids=lambda path: path.parent.name)
def test_any_scalar_of_real_values_changes_alone_and_back(chart: Path) -> None:
    assert chart.is_file(), (
        f"{CHARTS} is not there: the real input files of the tests lie beside the clone, in ../shared"
    )
    text = chart.read_text()

    @settings(max_examples=4, deadline=None, derandomize=True)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        _change_one_and_back(data, text)

    check()


def _change_one_and_back(data: st.DataObject, text: str) -> None:
    pointer = data.draw(st.sampled_from(sorted(scalars(text))))
    value = data.draw(st.one_of(st.integers().map(str), PLAIN, PLAIN.map(lambda plain: f"'{plain}'")))
    try:
        before = read_scalar(text, pointer)
    except YamlEditError:
        return
    result = replace_scalar(text, pointer, value)

    assert _at(yaml.safe_load(result), pointer) == yaml.safe_load(value)
    assert len(_new_lines(text, result)) <= 1
    start = text.index(before) if text.count(before) == 1 else None
    if start is not None:
        assert (result[:start], result[-len(text[start + len(before) :]) or len(result) :]) == (
            text[:start],
            text[start + len(before) :],
        )
    assert replace_scalar(result, pointer, before, verbatim=True) == text


def _new_lines(before: str, after: str) -> list[str]:
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    assert len(old) == len(new)
    return [line[2:] for line in difflib.ndiff(old, new) if line.startswith("+ ")]


def _at(value: object, pointer: str) -> object:
    for part in pointer[1:].split("/"):
        token = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            value = value[int(token)]
        else:
            assert isinstance(value, dict)
            value = next(inner for key, inner in value.items() if str(key) == token)
    return value
