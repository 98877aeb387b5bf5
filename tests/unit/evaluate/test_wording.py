"""How values and promises read."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat.contracts.expectation import ConditionOperator, Expectation, ValueRange
from homeostat.evaluate.conditions import is_met
from homeostat.flow.wording import clip, exact, format_span, format_value, observed_text, promise_text


def promise(condition: ConditionOperator, value: str) -> Expectation:
    return Expectation(name="p", query="up", condition=condition, value=value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (0.91, "0.91"),
        (0.98, "0.98"),
        (0.123456, "0.1235"),
        (-0.123456, "-0.1235"),
        (12.5, "12.5"),
        (100.0, "100"),
        (1204.0, "1204"),
        (123456.7, "123457"),
        (0.99996, "1"),
        (0.0000123, "0.0000123"),
        (1e-9, "1e-9"),
        (1e20, "1e+20"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
    ],
)
def test_a_value_reads_as_a_person_writes_it(value, text):
    assert format_value(value) == text


@pytest.mark.parametrize(
    ("value", "condition", "bound", "text"),
    [
        (0.91, ConditionOperator.IS_EQUAL_TO_OR_GREATER_THAN, "0.98", "0.91"),
        (0.979998, ConditionOperator.IS_EQUAL_TO_OR_GREATER_THAN, "0.98", "0.979998"),
        (0.98, ConditionOperator.IS_EQUAL_TO_OR_GREATER_THAN, "0.98", "0.98"),
        (0.9800049, ConditionOperator.IS_GREATER_THAN, "0.98", "0.980005"),
        (0.98005, ConditionOperator.IS_EQUAL_TO_OR_GREATER_THAN, "0.98004", "0.98005"),
        (float("nan"), ConditionOperator.IS_LESS_THAN, "1", "NaN"),
    ],
)
def test_a_value_never_reads_as_if_it_stood_on_the_other_side(value, condition, bound, text):
    assert observed_text(value, promise(condition, bound)) == text


@settings(deadline=None)
@given(st.floats(min_value=-1e9, max_value=1e9, allow_nan=False), st.decimals(-1000, 1000, places=5, allow_nan=False))
def test_the_text_of_a_value_agrees_with_its_verdict(value, bound):
    ceiling = promise(ConditionOperator.IS_LESS_THAN, f"{bound:f}")
    text = observed_text(value, ceiling)
    assert (Decimal(text) < bound) == is_met(ceiling, value)


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (ConditionOperator.IS_EQUAL_TO, "= 3"),
        (ConditionOperator.IS_LESS_THAN, "< 3"),
        (ConditionOperator.IS_GREATER_THAN, "> 3"),
        (ConditionOperator.IS_EQUAL_TO_OR_LESS_THAN, "<= 3"),
        (ConditionOperator.IS_EQUAL_TO_OR_GREATER_THAN, ">= 3"),
    ],
)
def test_a_promise_reads_as_a_comparison(condition, text):
    assert promise_text(promise(condition, "3")) == text


@pytest.mark.parametrize(
    ("condition", "text"),
    [(ConditionOperator.IS_WITHIN_RANGE, "within 1 to 5"), (ConditionOperator.IS_OUTSIDE_RANGE, "outside 1 to 5")],
)
def test_a_range_reads_as_a_range(condition, text):
    ranged = Expectation(name="p", query="up", condition=condition, range=ValueRange(lower="1", upper="5"))
    assert promise_text(ranged) == text
    assert observed_text(5.00001, ranged) == "5.00001"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (45, "45 s"), (60, "1 m"), (90, "1 m 30 s"), (5400, "1 h 30 m"), (90061, "1 d 1 h"), (-5, "0 s")],
)
def test_a_span_reads_in_two_units(seconds, text):
    assert format_span(timedelta(seconds=seconds)) == text


def test_a_long_text_is_cut_and_says_so():
    assert clip("x" * 2000) == "x" * 1021 + "..."
    assert clip("short") == "short"


def test_a_float_stands_for_the_decimal_that_was_written():
    assert exact(0.98) == Decimal("0.98")
