"""One scalar changes, and not one byte more."""

from pathlib import Path

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from homeostat.act.edit_error import EditError, EditReason
from homeostat.act.yaml_edit import read_scalar, replace_scalar
from homeostat.flow.yaml_scalars import scalars
from tests.unit.act.charts import changed_lines, common_ends, every_chart, put, values_of

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

    assert [new[1:] for new in changed_lines(text, result) if new.startswith("+")] == [line + ending]


@pytest.mark.parametrize(
    ("pointer", "reason"),
    [
        ("/limits", EditReason.NOT_A_SCALAR),
        ("/empty", EditReason.NOT_A_SCALAR),
        ("/tagged", EditReason.NOT_A_SCALAR),
        ("/limits/none", EditReason.PATH_NOT_FOUND),
        ("/limits/rate/deeper", EditReason.PATH_NOT_FOUND),
        ("/list/3", EditReason.PATH_NOT_FOUND),
        ("/list/01", EditReason.PATH_NOT_FOUND),
        ("limits", EditReason.PATH_NOT_FOUND),
        ("", EditReason.PATH_NOT_FOUND),
        ("/base/x", EditReason.ALIAS_OR_ANCHOR),
        ("/copy/x", EditReason.ALIAS_OR_ANCHOR),
        ("/copy", EditReason.ALIAS_OR_ANCHOR),
        ("/block", EditReason.BLOCK_SCALAR),
        ("/folded", EditReason.BLOCK_SCALAR),
    ],
)
def test_what_cannot_be_edited_is_refused(pointer: str, reason: EditReason) -> None:
    with pytest.raises(EditError) as read:
        read_scalar(TEXT, pointer)
    with pytest.raises(EditError) as replaced:
        replace_scalar(TEXT, pointer, "1")
    assert (read.value.reason, replaced.value.reason) == (reason, reason)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 1\na: 2\n", EditReason.DUPLICATE_KEY),
        ("a: 1\n---\na: 2\n", EditReason.NOT_YAML),
        ("a: [1\n", EditReason.NOT_YAML),
        ("a: 1\n\tb: 2\n", EditReason.NOT_YAML),
        ("", EditReason.PATH_NOT_FOUND),
        ("just text", EditReason.PATH_NOT_FOUND),
        ("a: " + "x" * 2000, EditReason.TOO_LARGE),
        ("a: 1\n" + "#" * 300_000, EditReason.TOO_LARGE),
        ("a: {{ .Values.a }}\n", EditReason.TEMPLATE),
        ("a: 1\nb: {{ .Values.b }}-{{ .Values.c }}\n", EditReason.TEMPLATE),
        ("a: 1\n{{- if .Values.b }}\nb: 1\n{{- end }}\n", EditReason.TEMPLATE),
        ("a: 1\n{% if b %}\nb: 1\n{% endif %}\n", EditReason.TEMPLATE),
        ("a: ${RATE}\n", EditReason.TEMPLATE),
        ("a: '{{ rate }}'\n", EditReason.TEMPLATE),
    ],
)
def test_texts_that_are_not_edited(text: str, reason: EditReason) -> None:
    with pytest.raises(EditError) as error:
        replace_scalar(text, "/a", "1")
    assert error.value.reason is reason


@pytest.mark.parametrize(
    "value", ["", "[1]", "{a: 1}", "a: 1", "&x 1", "*x", "!!str 1", "a\nb", "|\n  a", "- 1", "'open"]
)
def test_values_that_are_no_single_scalar(value: str) -> None:
    with pytest.raises(EditError):
        replace_scalar(TEXT, "/limits/rate", value)


@pytest.mark.parametrize(
    "rest", ["b: '{{ $value }} of {% x %}'", "# {{ if .Values.a }}", "b: ${OTHER}", "b: |\n  {{ range .Alerts }}"]
)
def test_marks_of_templates_elsewhere_are_no_hindrance(rest: str) -> None:
    assert replace_scalar(f"a: 1\n{rest}\n", "/a", "2") == f"a: 2\n{rest}\n"


@pytest.mark.parametrize("nest", ["[", "{a: ", "- ", "? "])
def test_a_deep_nest_is_refused_before_it_costs_anything(nest: str) -> None:
    with pytest.raises(EditError) as error:
        replace_scalar("b: 1\na: " + nest * 20_000 if nest in "[{a: " else nest * 20_000, "/b", "2")
    assert error.value.reason in {EditReason.TOO_LARGE, EditReason.NOT_YAML}


PLAIN = st.from_regex(r"\A[a-z][a-z0-9 ]{0,8}[a-z]\Z")
VALUES = st.one_of(PLAIN, st.integers(), st.booleans(), st.text(max_size=12), st.floats(allow_nan=False))
TREES = st.dictionaries(
    PLAIN, st.recursive(VALUES, lambda inner: st.one_of(st.lists(inner, min_size=1, max_size=3),
                                                        st.dictionaries(PLAIN, inner, min_size=1, max_size=3))),
    min_size=1, max_size=4,
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_scalar_of_any_text_changes_alone_and_back(data: st.DataObject) -> None:
    style = data.draw(st.sampled_from([None, '"', "'"]))
    flow = data.draw(st.sampled_from([None, True, False]))
    text = yaml.safe_dump(
        data.draw(TREES), allow_unicode=True, default_style=style, default_flow_style=flow, width=10_000,
        indent=data.draw(st.integers(2, 6)), line_break=data.draw(st.sampled_from(["\n", "\r\n"])),
    )  # fmt: skip
    _change_one_and_back(data, text, _editable(text))


@every_chart
def test_any_scalar_of_real_values_changes_alone_and_back(chart: Path) -> None:
    text = values_of(chart)
    editable = _editable(text)
    assert len(editable) > 0.9 * sum(written not in ("{}", "[]", "") for written in scalars(text).values())

    @settings(max_examples=5, deadline=None, derandomize=True)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        _change_one_and_back(data, text, editable)

    check()


def _editable(text: str) -> list[str]:
    """Pointers of what stands on one line, as a reader of its own sees it."""
    one_line = text.replace("\r\n", "\n")
    written = scalars(one_line).items()
    marks = ("{{", "{%", "${")
    plain = {p: w for p, w in written if w not in ("{}", "[]", "") and not any(mark in w for mark in marks)}
    return sorted(p for p, w in plain.items() if w[0] not in "|>*!" and "\n" not in w)


def _change_one_and_back(data: st.DataObject, text: str, editable: list[str]) -> None:
    assume(editable)
    pointer = data.draw(st.sampled_from(editable))
    value = data.draw(st.one_of(st.integers().map(str), PLAIN, PLAIN.map(lambda plain: f"'{plain}'")))
    before = read_scalar(text, pointer)
    result = replace_scalar(text, pointer, value)

    assert yaml.safe_load(result) == put(yaml.safe_load(text), pointer, yaml.safe_load(value))
    assert len(changed_lines(text, result)) == (0 if result == text else 2)
    assert common_ends(text, result) >= len(text) - len(before)
    assert replace_scalar(result, pointer, before, verbatim=True) == text
