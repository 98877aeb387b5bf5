"""What a plan or an operation changes, field by field, as the record tells it (pure).

Most actions change one field, whose values the record has as text. ``patch`` may change several of one object: their
paths stand in ``field``, parted by a space, and their values in a JSON object by path. A field that is absent is null.
``resize`` changes several quantities below one field: ``limits.cpu=500m,requests.cpu=250m``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.actions.patch import Scalar
from homeostat.contracts.operations import Operation, OperationAction, Plan
from homeostat.flow.wording import or_absent

LONGEST_VALUES = 1024
"""Longest text of values that a record holds, in characters."""

Values = Mapping[str, Scalar | None]
"""Values of fields by path; None: absent."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field, with its values as text."""

    path: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.path} {or_absent(self.before)} -> {or_absent(self.after)}"


def values_text(values: Values) -> str:
    """Values as a record has them; equal texts mean equal values of equal types."""
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False)


def read_values(text: str) -> dict[str, Scalar | None]:
    """Values from a record.

    Raises:
        ValueError: the text is not a JSON object.
    """
    values = json.loads(text)
    if not isinstance(values, dict):
        raise ValueError(f"{text!r} is not a JSON object")
    return values


def changes_of(change: Plan | Operation) -> tuple[FieldChange, ...]:
    """The fields that a plan or an operation changes."""
    if change.action in {ActionType.PATCH, OperationAction.PATCH}:
        return value_changes(read_values(change.before), read_values(change.intended))
    if change.action in {ActionType.RESIZE, OperationAction.RESIZE}:
        before, after = _quantities(change.before), _quantities(change.intended)
        return tuple(FieldChange(f"{change.field}.{place}", before.get(place, ""), after[place]) for place in after)
    return (FieldChange(change.field, change.before, change.intended),)


def value_changes(before: Values, after: Values) -> tuple[FieldChange, ...]:
    """What becomes of each field."""
    return tuple(FieldChange(path, _text(before.get(path)), _text(value)) for path, value in after.items())


def _quantities(text: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in text.split(",") if pair)


def _text(value: Scalar | None) -> str:
    if value is None:
        return or_absent("")
    return value if isinstance(value, str) else json.dumps(value)
