"""How numbers, promises and times read in messages for people; pure, shared by the stages that explain themselves."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from homeostat.contracts.expectation import ConditionOperator, Expectation

_DIGITS = 4
_MOST_DIGITS = 17
"""Digits that tell any two floats apart."""
_SMALLEST_PLAIN, _LARGEST_PLAIN = -6, 15
_SIGNS = {
    ConditionOperator.IS_EQUAL_TO: "=",
    ConditionOperator.IS_LESS_THAN: "<",
    ConditionOperator.IS_GREATER_THAN: ">",
    ConditionOperator.IS_EQUAL_TO_OR_LESS_THAN: "<=",
    ConditionOperator.IS_EQUAL_TO_OR_GREATER_THAN: ">=",
}


def exact(value: float) -> Decimal:
    """The decimal that a source wrote: the shortest one that stands for this float, so 0.98 is 0.98."""
    return Decimal(repr(float(value)))


def format_value(value: float) -> str:
    """A value with four significant digits, whole digits always complete, without trailing zeros."""
    return _rounded(exact(value), _DIGITS)


def observed_text(value: float, expectation: Expectation) -> str:
    """A value with as many digits as it takes to stand on its own side of the promise: 0.97998 beside >= 0.98."""
    seen = exact(value)
    if not seen.is_finite():
        return format_value(value)
    bounds = _bounds(expectation)
    sides = [seen.compare(bound) for bound in bounds]
    texts = (_rounded(seen, digits) for digits in range(_DIGITS, _MOST_DIGITS + 1))
    return next(text for text in texts if [Decimal(text).compare(bound) for bound in bounds] == sides)


def promise_text(expectation: Expectation) -> str:
    """The promise as a person says it: ``>= 0.98``, ``within 1 to 5``."""
    if expectation.range is not None:
        word = "within" if expectation.condition is ConditionOperator.IS_WITHIN_RANGE else "outside"
        return f"{word} {expectation.range.lower} to {expectation.range.upper}"
    return f"{_SIGNS[expectation.condition]} {expectation.value}"


def format_span(span: timedelta) -> str:
    """A span of time in the two largest units that matter: ``45 s``, ``5 m``, ``1 h 30 m``."""
    seconds = max(0, round(span.total_seconds()))
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def format_time(at: datetime) -> str:
    """The time of day in UTC."""
    return f"{at.astimezone(UTC):%H:%M:%S}"


def clip(text: str, limit: int = 1024) -> str:
    """A text that fits a bounded field; what was cut is marked."""
    return text if len(text) <= limit else text[: limit - 3] + "..."


def or_absent(value: str) -> str:
    """A value, or that there is none."""
    return value or "absent"


def _bounds(expectation: Expectation) -> tuple[Decimal, ...]:
    if expectation.range is not None:
        return Decimal(expectation.range.lower), Decimal(expectation.range.upper)
    return (Decimal(expectation.value or "0"),)


def _rounded(value: Decimal, digits: int) -> str:
    if value.is_zero() or not value.is_finite():
        return "0" if value.is_zero() else str(value)
    if not _SMALLEST_PLAIN <= value.adjusted() < _LARGEST_PLAIN:
        return f"{value:.{digits}g}".lower()
    text = f"{value.quantize(Decimal(1).scaleb(min(0, value.adjusted() - digits + 1))):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
