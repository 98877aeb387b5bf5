import time

import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.flow.promql import (
    MAX_NESTING,
    WITH_PODS,
    as_vector,
    check,
    fill,
    metric_names,
    pods_pattern,
    quoted,
    selectors,
    selectors_without,
    union,
)


@pytest.mark.parametrize(
    "query",
    [
        "up",
        'sum(rate(x{namespace="$namespace"}[$window]))',
        "histogram_quantile(0.95, sum by (le) (rate(setup_bucket[$window])))",
        "(x or vector(0)) / on (pod) group_left y offset 5m",
        "max_over_time(rate(x[1m])[5m:10s])",
        'x{a=~"foo$"}',
        'x{a="((((((((((((((((((((((((((((((((((((((((("}',
        'x{a="it\'s"} # ((((((((((((((((((((((((((((((((((((((((',
        '{__name__="x"}',
        "scalar(x) * 2",
    ],
)
def test_usable(query):
    assert check(query) == ""


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("sum(rate(x[", "cannot be read"),
        ("rate(x)", "expected type matrix"),
        ("x[5m]", "wrap a range"),
        ("x[5m:1m]", "wrap a range"),
        ("'text'", "wrap a range"),
        ("1 + 2", "reads no series"),
        ("vector(1)", "reads no series"),
        ('{__name__=~"a|b"}', "names no metric"),
        ('{a="b"}', "names no metric"),
        ("x{pod=~'$pods'}", "$pods has no meaning here"),
        ("", "cannot be read"),
        ("x" * 5000, "longer than"),
        ("(" * 40 + "x" + ")" * 40, "nested deeper"),
        ("+".join(["x"] * 600), "more than"),
        ("-" * 600 + "x", "more than"),
    ],
)
def test_refused_with_a_sentence(query, words):
    assert words in check(query)


@pytest.mark.parametrize("query", ["(" * 20_000, "abs(" * 4000, "-" * 100_000, "x{" * 5000, '"' * 9999, "[" * 9999])
def test_hostile_text_is_refused_at_once(query):
    began = time.monotonic()
    assert check(query)
    assert time.monotonic() - began < 1


def test_deepest_that_is_allowed_is_walked_quickly():
    query = "(" * MAX_NESTING + "x" + ")" * MAX_NESTING
    began = time.monotonic()
    assert selectors(query) == ("x{}",)
    assert time.monotonic() - began < 0.5


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("up", ("up{}",)),
        ("sum(rate(x{a='b'}[5m] offset 1h))", ('x{a="b"}',)),
        ("x @ 123 / y", ("x{}", "y{}")),
        ("x + x", ("x{}",)),
        ('x{a="q\\"uo\\\\te"}', ('x{a="q\\"uo\\\\te"}',)),
        ('x{a=~"e\\\\.f",b!="c",d!~"g"}', ('x{a=~"e\\\\.f",b!="c",d!~"g"}',)),
        ('{__name__="x", a="b"}', ('{__name__="x",a="b"}',)),
        ("quantile(scalar(y), x)", ("x{}", "y{}")),
        ("max_over_time(rate(x[1m])[5m:10s])", ("x{}",)),
        ("absent(x)", ("x{}",)),
        ("time()", ()),
    ],
)
def test_selectors(query, expected):
    assert selectors(query) == expected
    for selector in expected:
        promql_parser.parse(selector)


@given(st.text(max_size=40))
def test_any_label_value_survives(value):
    query = f"x{{a={quoted(value)}}}"
    (selector,) = selectors(query)
    node = promql_parser.parse(selector)
    assert isinstance(node, promql_parser.VectorSelector)
    matcher = node.matchers.matchers[0]
    assert (matcher.name, matcher.value) == ("a", value)


def test_metric_names():
    assert metric_names('sum(a{x="y"}) / {__name__="b"} + {__name__=~"c.*"}') == ("a", "b")


def test_fill():
    query = 'x{namespace="$namespace",pod=~"$pods",a=~"foo$"}[$window]'
    filled = fill(query, "30s", namespace="ims", pods=["b", "a.1", "b"])
    assert filled == 'x{namespace="ims",pod=~"a[.]1|b",a=~"foo$"}[30s]'
    assert fill("$windowed", "30s") == "$windowed"


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("$namespace", {}),
        ("$namespace", {"namespace": 'x"} or up{a="'}),
        ("$pods", {}),
        ("$pods", {"pods": ["a", 'b"}']}),
        ("$pods", {"pods": [".*"]}),
    ],
)
def test_nothing_is_filled_that_could_change_the_query(query, values):
    with pytest.raises(ValueError, match=r"name|pod"):
        fill(query, "30s", **values)


def test_window_is_checked():
    with pytest.raises(ValueError, match="duration"):
        fill("$window", "1m]) or up")


@given(st.lists(st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,20}[a-z0-9])?", fullmatch=True), min_size=1))
def test_pods_pattern_fits_every_quote(names):
    pattern = pods_pattern(names)
    for quote in "\"'`":
        node = promql_parser.parse(f"x{{pod=~{quote}{pattern}{quote}}}")
        assert isinstance(node, promql_parser.VectorSelector)
        assert node.matchers.matchers[0].value == pattern


@pytest.mark.parametrize(
    ("query", "expected"),
    [("x", "x"), ("1", "vector(1)"), ("-(scalar(x))", "vector(-(scalar(x)))"), ("1 + x", "1 + x")],
)
def test_as_vector(query, expected):
    assert as_vector(query) == expected


def test_union_is_one_query():
    assert check(union(["x", "sum(y)"], "part")) == ""


def test_pods_are_allowed_where_they_are_known():
    assert check('sum(x{pod=~"$pods"})', WITH_PODS) == ""


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('sum by (pod) (rate(x{namespace="ims"}[1m]))', ()),
        ('x{namespace=~"ims|core"} / y{pod="a"}', ('y{pod="a"}',)),
        ("x", ("x{}",)),
        ('x{namespace="ims" or namespace="core"}', ()),
        ('x{namespace="ims" or pod="a"}', ('x{namespace="ims" or pod="a"}',)),
        ('x{pod="namespace"}', ('x{pod="namespace"}',)),
    ],
)
def test_selectors_that_say_nothing_of_a_label(query, expected):
    assert selectors_without(query, "namespace") == expected
