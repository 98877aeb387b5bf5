"""What an expression may speak of, and the functions that it may call."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

EACH = "*"
"""Stands in a shape, or in a path, for any name."""


class Leaf(StrEnum):
    """What kind of value a path leads to."""

    NUMBER = "a number"
    TEXT = "a text"
    TIME = "a time"


Shape = Mapping[str, "Shape | Leaf"]

EXPECTATION: Shape = {"state": Leaf.TEXT, "value": Leaf.NUMBER, "load": Leaf.NUMBER}

VARIABLES: Shape = {
    "cause": {"name": Leaf.TEXT, "score": Leaf.NUMBER},
    "intent": {"name": Leaf.TEXT, "namespace": Leaf.TEXT, "labels": {EACH: Leaf.TEXT}},
    "observed": {EACH: EXPECTATION},
    "trigger": {"name": Leaf.TEXT, **EXPECTATION},
    "target": {"name": Leaf.TEXT, "kind": Leaf.TEXT, "replicas": Leaf.NUMBER, "readyReplicas": Leaf.NUMBER},
    "time": Leaf.TIME,
}
"""All variables; numbers are doubles, so that they go with every number written in an expression."""

MACROS = frozenset({"all", "exists"})
"""Run through the names in ``observed``, and through nothing else."""

TEXT_METHODS = frozenset({"startsWith", "endsWith", "contains"})
FUNCTIONS = frozenset({"double", "duration", "timestamp"})


def _local(at: datetime, zone: str) -> datetime:
    if not isinstance(at, datetime):
        raise TypeError("only a time has hours, days and months")
    return at.astimezone(ZoneInfo(zone))


def get_month(at: datetime, zone: str = "UTC") -> float:
    """Month, January is 0 as everywhere in CEL."""
    return float(_local(at, zone).month - 1)


def get_date(at: datetime, zone: str = "UTC") -> float:
    """Day of the month, the first is 1."""
    return float(_local(at, zone).day)


def get_day_of_week(at: datetime, zone: str = "UTC") -> float:
    """Day of the week, Sunday is 0 as everywhere in CEL."""
    return float(_local(at, zone).isoweekday() % 7)


def get_hours(at: datetime, zone: str = "UTC") -> float:
    """Hour of the day."""
    return float(_local(at, zone).hour)


def get_minutes(at: datetime, zone: str = "UTC") -> float:
    """Minute of the hour."""
    return float(_local(at, zone).minute)


TIME_METHODS = {
    "getMonth": get_month,
    "getDate": get_date,
    "getDayOfWeek": get_day_of_week,
    "getHours": get_hours,
    "getMinutes": get_minutes,
}
"""Our own: the library's know no time zone, and give integers, which go with no double."""


def spelled(path: tuple[str, ...]) -> str:
    """A path as it is written in an expression."""
    text = path[0]
    for above, part in pairwise(path):
        text += f'["{part}"]' if above in {"observed", "labels"} and part != EACH else f".{part}"
    return text.replace(f".{EACH}", "[...]")
