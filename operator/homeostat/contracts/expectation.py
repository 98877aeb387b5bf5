"""One measurable promise: its indicator, its condition, and what counts as a violation."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from .common import (
    DecimalText,
    Duration,
    Name,
    PromQL,
    Resource,
    cel,
)


class ConditionOperator(StrEnum):
    """How an observed value is compared with the promised one (TS 28.312 and TM Forum TIO)."""

    IS_EQUAL_TO = "IsEqualTo"
    IS_LESS_THAN = "IsLessThan"
    IS_GREATER_THAN = "IsGreaterThan"
    IS_EQUAL_TO_OR_LESS_THAN = "IsEqualToOrLessThan"
    IS_EQUAL_TO_OR_GREATER_THAN = "IsEqualToOrGreaterThan"
    IS_WITHIN_RANGE = "IsWithinRange"
    IS_OUTSIDE_RANGE = "IsOutsideRange"


CEILINGS = frozenset({ConditionOperator.IS_LESS_THAN, ConditionOperator.IS_EQUAL_TO_OR_LESS_THAN})


RANGES = frozenset({ConditionOperator.IS_WITHIN_RANGE, ConditionOperator.IS_OUTSIDE_RANGE})


class NoData(StrEnum):
    """What an expectation counts as while it has no trustworthy data; never a reason to act."""

    HOLD = "Hold"
    VIOLATE = "Violate"
    FALLBACK = "Fallback"


class Reduce(StrEnum):
    """How the series of one answer become one value."""

    MAX = "Max"
    MIN = "Min"
    AVG = "Avg"
    SUM = "Sum"


class Ratio(Resource):
    """A share of good events, both sides as PromQL; counted events also show the load."""

    good: Annotated[PromQL, Field(description="Good events per second. $window is filled in.")]
    total: Annotated[PromQL, Field(description="All events per second. $window is filled in.")]


class ValueRange(Resource):
    """Two bounds, both inside the range."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("double(self.lower) <= double(self.upper)", "lower cannot be above upper"),
            ]
        }
    )

    lower: Annotated[DecimalText, Field(description="Lower bound, inside.")]
    upper: Annotated[DecimalText, Field(description="Upper bound, inside.")]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if Decimal(self.lower) > Decimal(self.upper):
            raise ValueError("lower cannot be above upper")
        return self


class Sustain(Resource):
    """How many of the last looks must agree before the state changes."""

    breaches: Annotated[int, Field(default=3, ge=1, le=60, description="Looks that must breach.")]
    of: Annotated[int, Field(default=5, ge=1, le=60, description="Last looks that are counted.")]


class Fallback(Resource):
    """Another way to the same value while the first has no data."""

    query: Annotated[PromQL, Field(description="PromQL used while the indicator has no trustworthy data.")]


class Expectation(Resource):
    """One measurable promise."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("has(self.query) != has(self.ratio)", "give exactly one indicator: query or ratio"),
                cel(
                    "(self.condition in ['IsWithinRange', 'IsOutsideRange']) == has(self.range)"
                    " && has(self.range) != has(self.value)",
                    "IsWithinRange and IsOutsideRange take range {lower, upper}; every other condition takes value",
                ),
                cel("!has(self.minEvents) || has(self.ratio)", "minEvents counts the total of a ratio: give ratio"),
                cel("(self.noData == 'Fallback') == has(self.fallback)", "noData Fallback and fallback go together"),
                cel(
                    "!has(self.clear) || (has(self.value) && self.condition != 'IsEqualTo')",
                    "clear goes with a value that is a bound: a range and an equality have no separate clear value",
                ),
                cel(
                    "!has(self.clear) || !has(self.value) || (self.condition in ['IsLessThan', 'IsEqualToOrLessThan']"
                    " ? double(self.clear) <= double(self.value) : double(self.clear) >= double(self.value))",
                    "clear is the stricter value: at or below a ceiling, at or above a floor",
                ),
                cel("self.sustain.breaches <= self.sustain.of", "sustain.breaches cannot exceed sustain.of"),
            ]
        }
    )

    name: Annotated[Name, Field(description="Name by which triggers and guards refer to this promise.")]
    query: Annotated[PromQL | None, Field(default=None, description="PromQL that gives the value. $window is filled.")]
    ratio: Annotated[Ratio | None, Field(default=None, description="Good events over all events.")]
    window: Annotated[Duration, Field(default="30s", description="What $window stands for in the queries.")]
    reduce: Annotated[
        Reduce | None,
        Field(default=None, description="How several series become one value; without it, one series is expected."),
    ]
    condition: Annotated[ConditionOperator, Field(description="How the observed value must compare.")]
    value: Annotated[DecimalText | None, Field(default=None, description="The promised value.")]
    range: Annotated[ValueRange | None, Field(default=None, description="The promised range, bounds inside.")]
    clear: Annotated[
        DecimalText | None,
        Field(default=None, description="Stricter value at which a violation is over (hysteresis); default: value."),
    ]
    sustain: Annotated[
        Sustain, Field(default_factory=Sustain, description="N of the last M looks that make or end a violation.")
    ]
    no_data: Annotated[
        NoData,
        Field(
            default=NoData.HOLD,
            description="What counts while there is no trustworthy data: Hold says Unknown; Violate says NotFulfilled, "
            "but never acts; Fallback asks fallback.query.",
        ),
    ]
    fallback: Annotated[Fallback | None, Field(default=None, description="For noData Fallback.")]
    min_events: Annotated[
        int | None,
        Field(default=None, ge=1, le=1_000_000_000, description="Least events in the window for a ratio to count."),
    ]
    granularity: Annotated[
        Duration,
        Field(
            default="1s",
            description="How fine the data is. Looks that last less than two granules are refused.",
        ),
    ]
    max_age: Annotated[
        Duration | None,
        Field(
            default=None,
            description="Oldest sample that counts as fresh; default: the larger of two scrapes and the observation "
            "period. A recording rule needs it: it hides the age of what it was made from.",
        ),
    ]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.query is None) == (self.ratio is None):
            raise ValueError("give exactly one indicator: query or ratio")
        if (self.condition in RANGES) != (self.range is not None) or (self.value is None) == (self.range is None):
            raise ValueError("range conditions take range {lower, upper}; every other condition takes value")
        if (self.no_data is NoData.FALLBACK) != (self.fallback is not None):
            raise ValueError("noData Fallback and fallback go together")
        if self.sustain.breaches > self.sustain.of:
            raise ValueError("sustain.breaches cannot exceed sustain.of")
        self._check_clear()
        return self

    def _check_clear(self) -> None:
        if self.clear is None:
            return
        if self.value is None or self.condition is ConditionOperator.IS_EQUAL_TO:
            raise ValueError("clear goes with a value that is a bound")
        stricter = Decimal(self.clear) - Decimal(self.value)
        if (stricter > 0) if self.condition in CEILINGS else (stricter < 0):
            raise ValueError("clear is the stricter value: at or below a ceiling, at or above a floor")
