"""Comparing one observed value with what was promised."""

import math
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from homeostat.contracts.expectation import ConditionOperator, Expectation
from homeostat.flow.facts import Look, Reading, Unknown
from homeostat.flow.wording import exact

_AT_LEAST = frozenset({ConditionOperator.IS_GREATER_THAN, ConditionOperator.IS_EQUAL_TO_OR_GREATER_THAN})
_AT_MOST = frozenset({ConditionOperator.IS_LESS_THAN, ConditionOperator.IS_EQUAL_TO_OR_LESS_THAN})


def look_at(expectation: Expectation, reading: Reading, at: datetime) -> Look:
    """Judge one reading. A value that is not a finite number is made Unknown here, whoever let it through."""
    reading = _finite(reading)
    if reading.value is None:
        return Look(at, reading, met=None, cleared=None)
    met = is_met(expectation, reading.value)
    return Look(at, reading, met=met, cleared=met and _is_clear(expectation, reading.value))


def is_met(expectation: Expectation, value: float) -> bool:
    """Whether a finite value keeps the promise. Bounds are exact decimals; both bounds of a range lie inside it."""
    seen = exact(value)
    if expectation.range is not None:
        inside = Decimal(expectation.range.lower) <= seen <= Decimal(expectation.range.upper)
        return inside == (expectation.condition is ConditionOperator.IS_WITHIN_RANGE)
    return _compares(seen, expectation.condition, _bound(expectation))


def is_higher_better(expectation: Expectation) -> bool:
    """Whether the promise is a floor."""
    return expectation.condition in _AT_LEAST


def is_lower_better(expectation: Expectation) -> bool:
    """Whether the promise is a ceiling."""
    return expectation.condition in _AT_MOST


def shortfall(expectation: Expectation, value: float) -> float:
    """How far a value is from the promise on its bad side, in the indicator's unit; negative is margin."""
    if expectation.range is not None:
        lower, upper = float(expectation.range.lower), float(expectation.range.upper)
        outside = max(lower - value, value - upper)
        return outside if expectation.condition is ConditionOperator.IS_WITHIN_RANGE else -outside
    distance = float(_bound(expectation)) - value
    if is_higher_better(expectation):
        return distance
    return -distance if is_lower_better(expectation) else abs(distance)


def _is_clear(expectation: Expectation, value: float) -> bool:
    # An equality has no stricter side, so nothing but the value itself can clear it.
    if expectation.clear is None or expectation.condition is ConditionOperator.IS_EQUAL_TO:
        return True
    return _compares(exact(value), expectation.condition, Decimal(expectation.clear))


def _compares(seen: Decimal, condition: ConditionOperator, bound: Decimal) -> bool:
    match condition:
        case ConditionOperator.IS_LESS_THAN:
            return seen < bound
        case ConditionOperator.IS_GREATER_THAN:
            return seen > bound
        case ConditionOperator.IS_EQUAL_TO_OR_LESS_THAN:
            return seen <= bound
        case ConditionOperator.IS_EQUAL_TO_OR_GREATER_THAN:
            return seen >= bound
        case _:
            return seen == bound


def _bound(expectation: Expectation) -> Decimal:
    if expectation.value is None:
        raise ValueError(f"expectation {expectation.name} has neither value nor range")
    return Decimal(expectation.value)


def _finite(reading: Reading) -> Reading:
    if reading.value is None or math.isfinite(reading.value):
        return reading
    unknown = Unknown.NOT_A_NUMBER if math.isnan(reading.value) else Unknown.INFINITE
    return replace(reading, value=None, unknown=unknown, message=f"the answer was {reading.value}, not a finite number")
