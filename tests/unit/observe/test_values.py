import math
from datetime import UTC, datetime

import pytest

from homeostat.contracts.expectation import Reduce
from homeostat.flow.facts import Answer, Reading, Series, Unknown
from homeostat.observe.query_plan import PART
from homeostat.observe.values import by_label, ratio_of, reading_of

AT = datetime(2026, 1, 1, tzinfo=UTC)


def series(value: float, **labels: str) -> Series:
    return Series(labels, value, AT)


def answer(*values: float) -> Answer:
    return Answer(tuple(series(v, pod=str(i)) for i, v in enumerate(values)))


def parts(good: dict[str, float], total: dict[str, float]) -> Answer:
    sides = [("0", good), ("1", total)]
    return Answer(tuple(series(v, **{PART: p}, pod=pod) for p, side in sides for pod, v in side.items()))


@pytest.mark.parametrize(
    ("given", "reduce", "value"),
    [
        (answer(0.5), None, 0.5),
        (answer(0.0), None, 0.0),
        (answer(1, 2, 6), Reduce.MAX, 6),
        (answer(1, 2, 6), Reduce.MIN, 1),
        (answer(1, 2, 6), Reduce.SUM, 9),
        (answer(1, 2, 6), Reduce.AVG, 3),
    ],
)
def test_value(given, reduce, value):
    assert reading_of(given, reduce).value == value


@pytest.mark.parametrize(
    ("given", "reduce", "reason"),
    [
        (Answer(), None, Unknown.NO_DATA),
        (Answer(failure=Unknown.TIMED_OUT, message="late"), None, Unknown.TIMED_OUT),
        (answer(math.nan), None, Unknown.NOT_A_NUMBER),
        (answer(1, math.nan), Reduce.MAX, Unknown.NOT_A_NUMBER),
        (answer(-math.inf), None, Unknown.INFINITE),
        (answer(1e308, 1e308), Reduce.AVG, Unknown.INFINITE),
        (answer(1, 2), None, Unknown.MANY_SERIES),
        (Answer((series(1, a="b"), series(1, a="b"))), Reduce.MAX, Unknown.BAD_ANSWER),
    ],
)
def test_no_value(given, reduce, reason):
    reading = reading_of(given, reduce)
    assert reading.unknown is reason
    assert reading.message


@pytest.mark.parametrize(
    ("good", "total", "reduce", "value", "load"),
    [
        ({"": 9}, {"": 10}, None, 0.9, 10),
        ({"": 0}, {"": 10}, None, 0, 10),
        ({"": 10 * (1 + 1e-12)}, {"": 10}, None, 1, 10),
        ({"a": 1, "b": 0, "c": 9}, {"a": 2, "b": 0, "c": 10}, Reduce.MIN, 0.5, 12),
    ],
)
def test_ratio(good, total, reduce, value, load):
    reading = ratio_of(parts(good, total), reduce, 30, None)
    assert reading.value == pytest.approx(value)
    assert reading.value is not None
    assert reading.value <= 1
    assert reading.load == load


@pytest.mark.parametrize(
    ("good", "total", "reduce", "events", "reason"),
    [
        ({"": 0}, {"": 0}, None, None, Unknown.NOT_A_NUMBER),
        ({"": 0}, {"": 0}, None, 5, Unknown.NOT_A_NUMBER),
        ({"": 11}, {"": 10}, None, None, Unknown.OUT_OF_RANGE),
        ({"": -1}, {"": 10}, None, None, Unknown.OUT_OF_RANGE),
        ({"": 1}, {"": -10}, None, None, Unknown.OUT_OF_RANGE),
        ({}, {"": 10}, None, None, Unknown.NO_DATA),
        ({"": 1}, {}, None, None, Unknown.NO_DATA),
        ({"a": 1}, {"b": 1}, None, None, Unknown.NO_DATA),
        ({"a": 1}, {"a": 1, "b": 1}, Reduce.MIN, None, Unknown.NO_DATA),
        ({"a": 1, "b": 1}, {"a": 1, "b": 1}, None, None, Unknown.MANY_SERIES),
        ({"": math.nan}, {"": 1}, None, None, Unknown.NOT_A_NUMBER),
        ({"": 1}, {"": math.inf}, None, None, Unknown.INFINITE),
        ({"": 1}, {"": 1}, None, 31, Unknown.TOO_FEW_EVENTS),
    ],
)
def test_no_ratio(good, total, reduce, events, reason):
    assert ratio_of(parts(good, total), reduce, 30, events).unknown is reason


def test_least_events_are_counted_over_the_window():
    assert ratio_of(parts({"": 1}, {"": 1}), None, 30, 30).value == 1


def test_failure_of_the_whole_is_told():
    assert ratio_of(Answer(failure=Unknown.SOURCE_DOWN, message="gone"), None, 30, None).message == "gone"


def test_by_label():
    assert by_label(answer(1, 2), "pod") == {"0": 1, "1": 2}
    fault = by_label(answer(math.nan), "pod")
    assert isinstance(fault, Reading)
    assert fault.unknown is Unknown.NOT_A_NUMBER


@pytest.mark.parametrize(
    ("given", "reason", "says"),
    [
        ((series(1, pod="a"), series(2)), Unknown.BAD_ANSWER, "no label pod"),
        ((series(1, pod="a", code="4"), series(2, pod="a", code="5")), Unknown.MANY_SERIES, "sum by (pod)"),
    ],
)
def test_by_label_takes_no_series_for_another(given, reason, says):
    fault = by_label(Answer(given), "pod")
    assert isinstance(fault, Reading)
    assert fault.unknown is reason
    assert says in fault.message
