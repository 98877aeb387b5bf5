"""Pure: the answers to an indicator's queries as one trustworthy reading, or the reason why there is none."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from homeostat.contracts.expectation import Reduce
from homeostat.flow.facts import Answer, Reading, Series, Unknown
from homeostat.observe.query_plan import PART

_Side = dict[frozenset[tuple[str, str]], Series]
"""One side of a ratio, by the labels of its series."""

_SLACK = 1e-9
"""How far a ratio may exceed 1 by rounding alone."""

_REDUCERS: Mapping[Reduce, Callable[[Sequence[float]], float]] = {
    Reduce.MAX: max,
    Reduce.MIN: min,
    Reduce.SUM: sum,
    Reduce.AVG: lambda values: sum(values) / len(values),
}


def unknown(reason: Unknown, message: str) -> Reading:
    """A reading that is a reason."""
    return Reading(value=None, unknown=reason, message=message)


def reading_of(answer: Answer, reduce: Reduce | None) -> Reading:
    """One value from one answer."""
    fault = _fault(answer)
    return fault if fault is not None else _reduced(answer.series, [s.value for s in answer.series], reduce)


def by_label(answer: Answer, label: str) -> Mapping[str, float] | Reading:
    """One value per value of a label, such as per pod."""
    fault = _fault(answer)
    if fault is not None:
        return fault
    if any(not s.labels.get(label) for s in answer.series):
        return unknown(Unknown.BAD_ANSWER, f"a series carries no label {label}: keep it, such as by sum by ({label})")
    values = {s.labels[label]: s.value for s in answer.series}
    if len(values) < len(answer.series):
        message = f"several series for one {label}: aggregate in the query, such as by sum by ({label})"
        return unknown(Unknown.MANY_SERIES, message)
    return values


def ratio_of(answer: Answer, reduce: Reduce | None, window_seconds: float, min_events: int | None) -> Reading:
    """A share of good events from a merged answer whose part 0 is good and part 1 is total, in events per second."""
    if answer.failure is not None:
        return unknown(answer.failure, answer.message)
    good, total = (_side(part_of(answer, number)) for number in (0, 1))
    for name, side in (("good", good), ("total", total)):
        if isinstance(side, Reading):
            return unknown(side.unknown or Unknown.BAD_ANSWER, f"ratio.{name}: {side.message}")
        if any(series.value < 0 for series in side.values()):
            return unknown(Unknown.OUT_OF_RANGE, f"ratio.{name} is negative; events per second cannot be")
    assert not isinstance(good, Reading)  # noqa: S101 - the loop above returned it
    assert not isinstance(total, Reading)  # noqa: S101 - likewise
    return _share(good, total, reduce, window_seconds, min_events)


def part_of(answer: Answer, number: int) -> tuple[Series, ...]:
    """The series of one part of a merged answer."""
    return tuple(s for s in answer.series if s.labels.get(PART) == str(number))


def _share(good: _Side, total: _Side, reduce: Reduce | None, window_seconds: float, min_events: int | None) -> Reading:
    load = sum(series.value for series in total.values())
    if good.keys() != total.keys():
        return unknown(Unknown.NO_DATA, "ratio.good and ratio.total give series with different labels")
    too_few = _too_few(load, window_seconds, min_events)
    if too_few is not None:
        return too_few
    busy = [key for key, series in total.items() if series.value > 0]
    shares = [good[key].value / total[key].value for key in busy]
    if any(share > 1 + _SLACK for share in shares):
        return unknown(Unknown.OUT_OF_RANGE, f"the ratio is {max(shares):.6g}: more good events than events")
    reading = _reduced([total[key] for key in busy], [min(share, 1.0) for share in shares], reduce)
    return reading if reading.value is None else replace(reading, load=load)


def _too_few(load: float, window_seconds: float, min_events: int | None) -> Reading | None:
    if math.isinf(load):
        return unknown(Unknown.INFINITE, "ratio.total is too large to be a rate of events")
    if load == 0:
        return unknown(Unknown.NOT_A_NUMBER, "no events in the window: there is nothing to take a share of")
    if min_events is not None and load * window_seconds < min_events:
        return unknown(
            Unknown.TOO_FEW_EVENTS, f"{load * window_seconds:.0f} events in the window, {min_events} are needed"
        )
    return None


def _side(series: tuple[Series, ...]) -> _Side | Reading:
    fault = _fault(Answer(series=series))
    return fault if fault is not None else {_identity(s): s for s in series}


def _reduced(series: Sequence[Series], values: Sequence[float], reduce: Reduce | None) -> Reading:
    if reduce is not None:
        value = _REDUCERS[reduce](values)
        return (
            Reading(value=value, as_of=series[0].at)
            if math.isfinite(value)
            else unknown(Unknown.INFINITE, "the values are too large to be reduced to one")
        )
    if len(values) > 1:
        return unknown(
            Unknown.MANY_SERIES, f"{len(values)} series, one is expected: aggregate in the query, or give reduce"
        )
    return Reading(value=values[0], as_of=series[0].at)


def _fault(answer: Answer) -> Reading | None:
    if answer.failure is not None:
        return unknown(answer.failure, answer.message)
    if not answer.series:
        return unknown(Unknown.NO_DATA, "the query gives no series")
    if len({_identity(s) for s in answer.series}) < len(answer.series):
        return unknown(Unknown.BAD_ANSWER, "the answer holds the same series twice")
    if any(math.isnan(s.value) for s in answer.series):
        return unknown(Unknown.NOT_A_NUMBER, "the value is NaN, such as zero divided by zero")
    if any(math.isinf(s.value) for s in answer.series):
        return unknown(Unknown.INFINITE, "the value is infinite, such as a division by zero")
    return None


def _identity(series: Series) -> frozenset[tuple[str, str]]:
    return frozenset((k, v) for k, v in series.labels.items() if k != PART)
