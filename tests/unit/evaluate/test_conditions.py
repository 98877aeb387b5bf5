"""Comparing values with promises."""

from datetime import UTC, datetime

import pytest

from homeostat.contracts.expectation import ConditionOperator as Op
from homeostat.contracts.expectation import Expectation, ValueRange
from homeostat.evaluate.conditions import is_met, look_at, shortfall
from homeostat.flow.facts import Reading, Unknown

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def single(condition: Op, value: str, clear: str | None = None) -> Expectation:
    return Expectation(name="p", query="up", condition=condition, value=value, clear=clear)


def ranged(condition: Op) -> Expectation:
    return Expectation(name="p", query="up", condition=condition, range=ValueRange(lower="0.1", upper="0.3"))


@pytest.mark.parametrize(
    ("condition", "below", "equal", "above"),
    [
        (Op.IS_EQUAL_TO, False, True, False),
        (Op.IS_LESS_THAN, True, False, False),
        (Op.IS_GREATER_THAN, False, False, True),
        (Op.IS_EQUAL_TO_OR_LESS_THAN, True, True, False),
        (Op.IS_EQUAL_TO_OR_GREATER_THAN, False, True, True),
    ],
)
@pytest.mark.parametrize("bound", ["0.98", "0.1", "-3", "1000000"])
def test_a_bound_is_exact(condition, bound, below, equal, above):
    expectation, value = single(condition, bound), float(bound)
    assert is_met(expectation, value) is equal
    assert is_met(expectation, value - 1e-9 * max(1, abs(value))) is below
    assert is_met(expectation, value + 1e-9 * max(1, abs(value))) is above


@pytest.mark.parametrize(
    ("value", "inside"), [(0.1, True), (0.3, True), (0.2, True), (0.0999999, False), (0.3000001, False)]
)
def test_the_bounds_of_a_range_lie_inside(value, inside):
    assert is_met(ranged(Op.IS_WITHIN_RANGE), value) is inside
    assert is_met(ranged(Op.IS_OUTSIDE_RANGE), value) is not inside


@pytest.mark.parametrize(
    ("expectation", "value", "met", "cleared"),
    [
        (single(Op.IS_EQUAL_TO_OR_GREATER_THAN, "0.98"), 0.98, True, True),
        (single(Op.IS_EQUAL_TO_OR_GREATER_THAN, "0.98", "0.985"), 0.98, True, False),
        (single(Op.IS_EQUAL_TO_OR_GREATER_THAN, "0.98", "0.985"), 0.985, True, True),
        (single(Op.IS_LESS_THAN, "0.85", "0.7"), 0.7, True, False),
        (single(Op.IS_LESS_THAN, "0.85", "0.7"), 0.69, True, True),
        (ranged(Op.IS_WITHIN_RANGE), 0.2, True, True),
    ],
)
def test_a_look_tells_met_from_cleared(expectation, value, met, cleared):
    look = look_at(expectation, Reading(value), NOW)
    assert (look.met, look.cleared) == (met, cleared)


@pytest.mark.parametrize(
    ("value", "unknown"),
    [(float("nan"), Unknown.NOT_A_NUMBER), (float("inf"), Unknown.INFINITE), (float("-inf"), Unknown.INFINITE)],
)
@pytest.mark.parametrize("condition", [Op.IS_LESS_THAN, Op.IS_GREATER_THAN])
def test_what_is_no_finite_number_is_unknown(condition, value, unknown):
    look = look_at(single(condition, "1"), Reading(value), NOW)
    assert (look.met, look.cleared, look.reading.unknown) == (None, None, unknown)


def test_an_unknown_reading_neither_meets_nor_breaches():
    look = look_at(single(Op.IS_LESS_THAN, "1"), Reading(None, Unknown.STALE), NOW)
    assert (look.met, look.cleared) == (None, None)


@pytest.mark.parametrize(
    ("expectation", "value", "expected"),
    [
        (single(Op.IS_EQUAL_TO_OR_GREATER_THAN, "1"), 0.75, 0.25),
        (single(Op.IS_GREATER_THAN, "1"), 1.25, -0.25),
        (single(Op.IS_LESS_THAN, "1"), 1.25, 0.25),
        (single(Op.IS_EQUAL_TO, "1"), 0.5, 0.5),
        (single(Op.IS_EQUAL_TO, "1"), 1.5, 0.5),
        (ranged(Op.IS_WITHIN_RANGE), 0.4, 0.1),
        (ranged(Op.IS_WITHIN_RANGE), 0.2, -0.1),
        (ranged(Op.IS_OUTSIDE_RANGE), 0.2, 0.1),
        (ranged(Op.IS_OUTSIDE_RANGE), 0.4, -0.1),
    ],
)
def test_shortfall_is_the_distance_on_the_bad_side(expectation, value, expected):
    assert shortfall(expectation, value) == pytest.approx(expected)


def test_an_expectation_without_any_bound_is_refused():
    broken = single(Op.IS_LESS_THAN, "1").model_copy(update={"value": None})
    with pytest.raises(ValueError, match="neither value nor range"):
        is_met(broken, 1.0)
