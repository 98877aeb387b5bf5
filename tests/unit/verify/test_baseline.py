"""What an expectation was like before an act, and whether it is worse now."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat.contracts.expectation import ConditionOperator as Op
from homeostat.contracts.expectation import Expectation, Ratio, ValueRange
from homeostat.evaluate.conditions import look_at
from homeostat.flow.facts import Look, Reading, Unknown
from homeostat.verify.baseline import Yardstick, baseline
from homeostat.verify.coverage import coverage

ACT = datetime(2026, 1, 1, 12, tzinfo=UTC)
SUCCESS = Expectation(
    name="setup-success",
    ratio=Ratio(good="g", total="t"),
    condition=Op.IS_EQUAL_TO_OR_GREATER_THAN,
    value="0.98",
)
FAILURES = Expectation(name="failures", ratio=Ratio(good="g", total="t"), condition=Op.IS_LESS_THAN, value="0.02")
DELAY = Expectation(name="delay", query="q", condition=Op.IS_LESS_THAN, value="0.5")
SUBSCRIBERS = Expectation(name="subscribers", query="q", condition=Op.IS_GREATER_THAN, value="100")
WITHIN = Expectation(name="pods", query="q", condition=Op.IS_WITHIN_RANGE, range=ValueRange(lower="2", upper="4"))


def look(value: float | None, seconds: float, expectation: Expectation = SUCCESS, load: float | None = None) -> Look:
    reading = Reading(None, Unknown.STALE) if value is None else Reading(value, load=load)
    return look_at(expectation, reading, ACT + timedelta(seconds=seconds))


def looks(values, first: float, expectation: Expectation = SUCCESS, load: float | None = None) -> list[Look]:
    return [look(value, first + n, expectation, load) for n, value in enumerate(values)]


def test_a_baseline_is_the_median_and_the_spread_of_the_minute_before():
    seen = looks([0.985, 0.99, 0.99, 0.992, 0.991, 0.99, 0.989, 0.993], -20, load=100.0)
    taken = baseline("setup-success", seen, ACT)
    assert (taken.samples, taken.median, taken.noise, taken.load) == (8, "0.99", "0.0015", "100")


@pytest.mark.parametrize(("seconds", "samples"), [(-60, 0), (-59.999, 1), (0, 1), (0.001, 0)])
def test_the_minute_is_half_open_and_ends_with_the_act(seconds, samples):
    assert baseline("setup-success", [look(0.99, seconds)], ACT).samples == samples


def test_unknown_looks_are_no_samples():
    taken = baseline("setup-success", looks([None] * 20, -30), ACT)
    assert (taken.samples, taken.median, taken.noise, taken.load) == (0, "", "", "")


def test_one_sample_has_no_spread():
    taken = baseline("setup-success", [look(0.9, -1), look(None, 0)], ACT)
    assert (taken.samples, taken.median, taken.noise) == (1, "0.9", "")


def test_a_broken_promise_is_compared_with_its_broken_stretch_only():
    seen = looks([0.999] * 50 + [0.92, 0.91, 0.9], -52)
    taken = baseline("setup-success", seen, ACT)
    assert (taken.samples, taken.median) == (3, "0.91")


def test_the_load_may_come_from_elsewhere():
    assert baseline("delay", [look(0.1, -1, DELAY)], ACT, load_of=lambda _: 70.0).load == "70"


def yardstick(expectation: Expectation, values, load: float | None = 100.0, loads=None) -> Yardstick:
    taken = baseline(expectation.name, looks(values, -len(values) + 1, expectation, load), ACT)
    return Yardstick(expectation, taken, loads or {}, load)


@pytest.mark.parametrize(
    ("expectation", "before", "now", "load", "worse"),
    [
        (SUCCESS, 0.90, 0.85, 100.0, True),
        (SUCCESS, 0.90, 0.895, 100.0, False),
        (SUCCESS, 0.90, 0.95, 100.0, False),
        (SUCCESS, 0.999, 0.998, 100.0, False),
        (SUCCESS, 0.999, 0.99, 100.0, True),
        # A ramp: the share falls while as many calls per second succeed as before.
        (SUCCESS, 0.90, 0.60, 150.0, False),
        (SUCCESS, 0.90, 0.45, 150.0, True),
        (SUCCESS, 0.90, 0.60, 109.0, True),
        (SUCCESS, 0.90, 0.60, None, True),
        # Less load excuses nothing, and is no harm either.
        (SUCCESS, 0.90, 0.90, 50.0, False),
        (SUCCESS, 0.90, 0.70, 50.0, True),
        (FAILURES, 0.10, 0.40, 150.0, False),
        (FAILURES, 0.10, 0.60, 150.0, True),
        (FAILURES, 0.10, 0.40, 100.0, True),
        (DELAY, 1.0, 1.4, 150.0, False),
        (DELAY, 1.0, 2.0, 150.0, True),
        (DELAY, 1.0, 1.4, 100.0, True),
        (SUBSCRIBERS, 120.0, 100.5, 200.0, True),
        (WITHIN, 3.0, 4.5, 200.0, True),
        (WITHIN, 3.0, 2.95, 200.0, False),
    ],
)
def test_worse_means_worse_per_unit_of_load(expectation, before, now, load, worse):
    measured = yardstick(expectation, [before] * 10)
    assert measured.is_worse(look(now, 60, expectation, load)) is worse


def test_a_noisy_indicator_needs_more_to_be_worse():
    noisy = yardstick(SUCCESS, [0.80, 0.96, 0.84, 0.92, 0.88, 0.94, 0.82, 0.90])
    assert not noisy.is_worse(look(0.82, 60, load=100.0))
    assert noisy.is_worse(look(0.70, 60, load=100.0))


def test_few_samples_cannot_tell_noise():
    assert not yardstick(SUCCESS, [0.9] * 7).is_worse(look(0.1, 60))
    assert yardstick(SUCCESS, [0.9] * 8).is_worse(look(0.1, 60))


def test_the_triggers_load_serves_an_indicator_without_its_own():
    moment = ACT + timedelta(seconds=60)
    measured = yardstick(DELAY, [1.0] * 10, load=None)
    with_load = Yardstick(DELAY, measured.baseline, {moment: 150.0}, 100.0)
    assert with_load.per_load(1.5, look(1.5, 60, DELAY)) == pytest.approx(1.0)
    assert measured.per_load(1.5, look(1.5, 60, DELAY)) == 1.5


@pytest.mark.parametrize(
    ("value", "load", "breaches"), [(0.9, 100.0, True), (0.9, 200.0, False), (0.99, 100.0, False), (None, None, False)]
)
def test_a_breach_that_the_load_explains_is_not_the_acts(value, load, breaches):
    assert yardstick(SUCCESS, [0.99] * 10).breaches(look(value, 60, load=load)) is breaches


def test_without_a_baseline_nothing_is_known_to_have_been_kept():
    measured = Yardstick(SUCCESS, None, {}, None)
    assert (measured.was_kept, measured.before, measured.is_worse(look(0.1, 60))) == (False, None, False)
    assert yardstick(SUCCESS, [0.99]).was_kept
    assert not yardstick(SUCCESS, [0.9]).was_kept


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), max_size=80))
def test_a_baseline_fits_its_fields(values):
    taken = baseline("setup-success", looks(values, -len(values)), ACT)
    assert taken.samples <= min(60, len(values))
    assert all(len(text) <= 40 for text in (taken.median, taken.noise, taken.load))


@pytest.mark.parametrize(
    ("values", "step", "enough", "mostly_unknown"),
    [
        ([0.99] * 60, 1, True, False),
        ([0.99] * 4, 15, True, False),
        ([0.99] * 20 + [None] * 10, 2, True, False),
        ([0.99] * 19 + [None] * 11, 2, False, False),
        ([0.99] * 15 + [None] * 15, 2, False, False),
        ([0.99] * 14 + [None] * 16, 2, False, True),
        ([None] * 30, 2, False, True),
        ([0.99] * 10, 1, False, True),
        ([0.99], 1, False, False),
        ([], 1, False, True),
        ([0.99, 0.99], 60, True, False),
    ],
)
def test_looks_that_were_not_made_are_unknown_too(values, step, enough, mostly_unknown):
    end = ACT + timedelta(seconds=60)
    first = 60 - step * (len(values) - 1)
    seen = [look(value, first + n * step) for n, value in enumerate(values)]
    measured = coverage(seen, ACT, end)
    assert (measured.is_enough, measured.is_mostly_unknown) == (enough, mostly_unknown)


def test_an_earlier_breach_tells_nothing_of_this_one():
    seen = [*looks([0.9] * 10, -50), *looks([0.99] * 5, -30), *looks([0.4] * 9, -9)]
    assert float(baseline("setup-success", seen, ACT).median) == 0.9
    present = baseline("setup-success", seen, ACT, since=ACT - timedelta(seconds=10))
    assert (present.median, present.samples) == ("0.4", 9)
