"""Types shared by all custom resources: names, durations, decimals, references, conditions.

Everything here is a string with a pattern where Kubernetes conventions forbid a float, so that what is written in YAML
is what is stored, compared and shown.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

GROUP = "homeostat.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
CATEGORY = "homeostat"
FIELD_MANAGER = "homeostat"
"""Field manager of every write to an object that the operator did not create."""

MAX_QUERY_LENGTH = 4096
"""Longest PromQL accepted: promql-parser overflows its stack on text far deeper than this can nest."""

MAX_EXPRESSION_LENGTH = 1024
"""Longest CEL expression accepted."""

_DURATION_PART = re.compile(r"([0-9]+)(ms|s|m|h|d|w)")
_DURATION_PATTERN = r"^([0-9]{1,9}(ms|s|m|h|d|w)){1,4}$"
_UNIT_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class Resource(BaseModel):
    """Base of every part of a custom resource: camelCase on the wire, closed to unknown fields, immutable."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class StatusPart(BaseModel):
    """Base of what the operator itself writes: camelCase, and tolerant of fields that a newer version wrote."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


def parse_duration(text: str) -> timedelta:
    """Read a duration such as ``90s`` or ``1h30m``.

    Raises:
        ValueError: the text is not a sequence of whole numbers with a unit (ms, s, m, h, d, w), or a span too long.
    """
    if not re.fullmatch(_DURATION_PATTERN, text):
        raise ValueError(f"{text!r} is not a duration such as 30s, 5m or 1h30m")
    try:
        return timedelta(seconds=sum(int(n) * _UNIT_SECONDS[u] for n, u in _DURATION_PART.findall(text)))
    except OverflowError as error:
        raise ValueError(f"{text!r} is longer than can be reckoned with") from error


def _check_duration(text: str) -> str:
    parse_duration(text)
    return text


def _check_decimal(text: str) -> str:
    if not Decimal(text).is_finite():
        raise ValueError(f"{text!r} is not a finite decimal")
    return text


Duration = Annotated[
    str, Field(pattern=_DURATION_PATTERN, max_length=40, examples=["30s", "5m"]), AfterValidator(_check_duration)
]
"""A span of time as written by a person: ``30s``, ``5m``, ``1h30m``."""

DecimalText = Annotated[
    str, Field(pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,9})?$", max_length=32), AfterValidator(_check_decimal)
]
"""A decimal as a string: floats have no place in a Kubernetes spec."""

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", min_length=1, max_length=52)]
"""A DNS label of at most 52 characters, which leaves room for the digest in a record's name."""

ObjectName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", min_length=1, max_length=253)]
"""The name of any Kubernetes object."""

CamelName = Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9]*$", min_length=1, max_length=52)]
"""A CamelCase identifier: a cause, a reason."""

PromQL = Annotated[str, Field(min_length=1, max_length=MAX_QUERY_LENGTH)]
"""A PromQL expression; ``$window`` stands for the expectation's window."""

Expression = Annotated[str, Field(min_length=1, max_length=MAX_EXPRESSION_LENGTH)]
"""A CEL expression; what it may speak of is told in ``EXPRESSION_HELP``."""

EXPRESSION_HELP = (
    "Variables: cause {name, score}, intent {name, namespace, labels}, observed[NAME] {state, value, load} of each "
    "expectation, trigger {name, state, value, load}, target {name, kind, replicas, readyReplicas}, time. "
    "See docs/expressions.md."
)
"""What an expression may speak of, for the description of its field."""

Sentence = Annotated[str, Field(max_length=1024)]


def _as_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


def _as_text(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Timestamp = Annotated[
    datetime,
    AfterValidator(_as_utc),
    PlainSerializer(_as_text, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "maxLength": 40}),
]
"""A moment in UTC with milliseconds."""


class ObjectRef(Resource):
    """A namespaced object in the same namespace as the resource that names it."""

    api_version: Annotated[str, Field(min_length=1, max_length=120, description="Group and version, such as apps/v1.")]
    kind: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9]*$", max_length=63, description="Kind, such as Deployment.")]
    name: Annotated[ObjectName, Field(description="Name of the object.")]


class ConditionStatus(StrEnum):
    """Whether a condition holds; Unknown is a state of its own."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(StatusPart):
    """One aspect of an object's state, after the Kubernetes API conventions."""

    type: Annotated[str, Field(max_length=64, description="Aspect that is described, in CamelCase.")]
    status: Annotated[ConditionStatus, Field(description="Whether it holds.")]
    reason: Annotated[str, Field(max_length=64, description="Why, as one CamelCase word for machines.")]
    message: Annotated[str, Field(default="", max_length=1024, description="Why and what to do, for people.")]
    last_transition_time: Annotated[Timestamp, Field(description="When the status last changed.")]
    observed_generation: Annotated[int, Field(default=0, ge=0, description="Generation that this was seen on.")]


Conditions = Annotated[
    list[Condition],
    Field(
        default_factory=list,
        max_length=12,
        description="The state aspect by aspect, for machines and `kubectl wait`.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    ),
]


def map_list(key: str = "name") -> JsonDict:
    """Schema markers of a list whose items are told apart by one field, for unique keys and server-side apply."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}


def cel(rule: str, message: str, **more: str) -> JsonDict:
    """One CEL validation rule for the generated CRD."""
    return {"rule": rule, "message": message, **more}
