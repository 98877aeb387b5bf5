"""One value in one line of a plain text changes, and not one byte more."""

import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from homeostat.act.edit_error import EditError, EditReason
from homeostat.act.text_edit import read_value, replace_value
from tests.unit.act.charts import changed_lines, common_ends

TEXT = """\
#!KAMAILIO
#!define WITH_LIMIT 50
# children=2
children=8
   tcp_children=4   # per socket
modparam("usrloc", "timer_interval", 60)  # seconds
modparam("usrloc", "db_mode", 0)
listen=udp:10.0.0.1:5060
listen=udp:10.0.0.2:5060
server_header="Server: edge"
log_facility=
route { if ($var(x) > 1) { xlog("${x}\\n"); } }
[section]
timeout = 30 s
dynamic=${CHILDREN}
last=1"""


@pytest.mark.parametrize(
    ("line", "value", "before", "after"),
    [
        ("children=<value>", "16", "8", "children=16"),
        ("#!define WITH_LIMIT <value>", "500", "50", "#!define WITH_LIMIT 500"),
        ("tcp_children=<value> ", "12", "4", "   tcp_children=12   # per socket"),
        (
            'modparam("usrloc", "timer_interval", <value>)',
            "30",
            "60",
            'modparam("usrloc", "timer_interval", 30)  # seconds',
        ),
        ('server_header="<value>"', "Server: other", "Server: edge", 'server_header="Server: other"'),
        ("timeout = <value> s", "5", "30", "timeout = 5 s"),
        ("listen=udp:10.0.0.2:<value>", "5070", "5060", "listen=udp:10.0.0.2:5070"),
        ("last=<value>", "2", "1", "last=2"),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_only_the_value_changes(line: str, value: str, before: str, after: str, ending: str) -> None:
    text = TEXT.replace("\n", ending)
    assert read_value(text, line) == before

    result = replace_value(text, line, value)

    assert [new[1:].rstrip("\r\n") for new in changed_lines(text, result) if new.startswith("+")] == [after]
    assert common_ends(text, result) >= len(text) - len(before)
    assert replace_value(result, line, before) == text


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nothing=<value>", EditReason.PATH_NOT_FOUND),
        ("hildren=<value>", EditReason.PATH_NOT_FOUND),
        ('modparam("usrloc", "timer_interval", <value>]', EditReason.PATH_NOT_FOUND),
        ("<value>", EditReason.PATH_NOT_FOUND),
        ("  <value>", EditReason.PATH_NOT_FOUND),
        ("children=8", EditReason.PATH_NOT_FOUND),
        ("children=<value><value>", EditReason.PATH_NOT_FOUND),
        ("listen=<value>", EditReason.AMBIGUOUS),
        ('modparam("usrloc", <value>)', EditReason.AMBIGUOUS),
        ("tcp_children=<value>", EditReason.NOT_A_SCALAR),
        ("log_facility=<value>", EditReason.NOT_A_SCALAR),
        ("dynamic=<value>", EditReason.TEMPLATE),
    ],
)
def test_what_cannot_be_edited_is_refused(line: str, reason: EditReason) -> None:
    for edit in (lambda: read_value(TEXT, line), lambda: replace_value(TEXT, line, "1")):
        with pytest.raises(EditError) as error:
            edit()
        assert error.value.reason is reason


@pytest.mark.parametrize("value", ["", " ", "a b", "1\n2", "1\r", "a\tb", "\x00", "x" * 1025, "${A}", "{{ a }}"])
def test_values_that_cannot_be_written(value: str) -> None:
    with pytest.raises(EditError):
        replace_value(TEXT, "children=<value>", value)


def test_a_value_that_would_end_too_early_is_refused() -> None:
    with pytest.raises(EditError, match="would not end where the value ends"):
        replace_value(TEXT, 'server_header="<value>"', 'a"b')


@pytest.mark.parametrize(
    "text", ["a=1\n{{- if .Values.b }}\nb=1\n{{ end }}", "a=1\n{% for b in c %}\n", "a=1\n{{range ls}}x\n"]
)
def test_templates_are_refused(text: str) -> None:
    with pytest.raises(EditError) as error:
        replace_value(text, "a=<value>", "2")
    assert error.value.reason is EditReason.TEMPLATE


def test_no_text_takes_long() -> None:
    hard = "{{" * 60_000 + "{%" * 60_000 + "\na=1\n"
    began = time.monotonic()
    assert replace_value(hard, "a=<value>", "2").endswith("\na=2\n")
    assert time.monotonic() - began < 5


LINES = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
WORDS = st.from_regex(r"\A[0-9a-zA-Z.:/-]{1,12}\Z")


@settings(max_examples=300, deadline=None)
@given(st.lists(LINES, max_size=6), st.lists(LINES, max_size=6), WORDS, WORDS, st.sampled_from(["", ")", " # x", '"']))
def test_any_line_of_any_text_changes_alone_and_back(
    above: list[str], below: list[str], old: str, new: str, after: str
) -> None:
    line = f"param<value>{after}"
    text = "\n".join([*above, f"  param{old}{after}", *below])
    assume(sum(part.lstrip(" \t").startswith("param") for part in text.split("\n")) == 1)
    assume(not any(mark in text for mark in ("{{", "{%")))

    result = replace_value(text, line, new)

    assert read_value(result, line) == new
    assert common_ends(text, result) >= len(text) - len(old)
    assert replace_value(result, line, old) == text
