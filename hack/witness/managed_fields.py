"""What one manager wrote, read from two versions of an object that follow each other.

The API server keeps in `metadata.managedFields` which manager owns which field (Kubernetes, Server-Side Apply). A write
that changes a field's value makes its writer the owner, and nobody who did not write the same stays owner beside it. So
a field that differs from the version before, and is the manager's now, was written by the manager. Nothing hangs on an
entry's time: it has seconds only, and entries of /scale have none.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Body = Mapping[str, Any]

_MISSING: Final = object()
_ITSELF = "."
_REQUEST = ("manager", "operation", "apiVersion", "subresource")
"""What tells one entry from another."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a manager changed by one request."""

    subresource: str
    by_apply: bool
    """By server-side apply."""
    sent: object
    """The changed fields in the shape of the object, with None for one that was taken away."""


def changed_by(manager: str, before: Body | None, after: Body) -> Change | None:
    """Return what the manager changed from one version to the next; None: nothing. Created ones have no version before.

    Some changes leave no trace of who made them: a field taken away, or a part of a map or list that is owned as a
    whole. They count as their owner's doing, unless somebody else is seen to have written this version.
    """
    for entry in _entries(after, manager):
        written = _written(_fields(entry), _fields(_same(entry, before)), before, after)
        if written is not _MISSING:
            return _change(entry, written)
    if before is None or any(_has_written(entry, before, after) for entry in _entries(after)):
        return None
    for entry in _entries(before, manager):
        changed = _changed(_fields(entry), before, after)
        if changed is not _MISSING:
            return _change(entry, changed)
    return None


def _change(entry: Body, sent: object) -> Change:
    return Change(entry.get("subresource", ""), entry["operation"] == "Apply", sent)


def _entries(body: Body, manager: str | None = None) -> Iterator[Body]:
    for entry in body["metadata"].get("managedFields", ()):
        if manager in {None, entry["manager"]}:
            yield entry


def _same(entry: Body, before: Body | None) -> Body:
    """Return the entry of the version before for the same manager and kind of request."""
    entries = () if before is None else _entries(before)
    return next((e for e in entries if all(e.get(k) == entry.get(k) for k in _REQUEST)), {})


def _fields(entry: Body) -> Body:
    fields: Body = entry.get("fieldsV1") or {}
    return fields


def _has_written(entry: Body, before: Body, after: Body) -> bool:
    return _written(_fields(entry), _fields(_same(entry, before)), before, after) is not _MISSING


def _written(owned: Body, owned_before: Body | None, before: object, after: object) -> object:
    """Return those of the owned fields that surely are newly written; missing when there is none."""
    parts = _parts(owned)
    if not parts:
        is_new = owned_before is None or before is _MISSING
        is_changed = before != after and not isinstance(after, dict | list)  # whose parts may be another's
        return after if is_new or is_changed else _MISSING
    known = owned_before or {}
    return _together({k: _written(inner, known.get(k), _at(before, k), _at(after, k)) for k, inner in parts})


def _changed(owned_before: Body, before: object, after: object) -> object:
    """Return those of the fields owned before that are gone (None) or have another value; missing when none has."""
    if before is _MISSING:
        return _MISSING
    if after is _MISSING:
        return None
    parts = _parts(owned_before)
    if not parts:
        return after if before != after else _MISSING
    return _together({k: _changed(inner, _at(before, k), _at(after, k)) for k, inner in parts})


def _parts(fields: Body) -> list[tuple[str, Body]]:
    return [(key, inner) for key, inner in fields.items() if key != _ITSELF]


def _at(value: object, key: str) -> object:
    """Return the part that a key of FieldsV1 names: f:field, k:{keys of a list's item}, v:item of a set, i:index."""
    kind, _, name = key.partition(":")
    if kind == "f":
        return value.get(name, _MISSING) if isinstance(value, dict) else _MISSING
    if not isinstance(value, list):
        return _MISSING
    match kind, json.loads(name):
        case "k", keys:
            return next((item for item in value if all(item.get(k) == v for k, v in keys.items())), _MISSING)
        case "v", member:
            return member if member in value else _MISSING
        case "i", int(index) if index < len(value):
            return value[index]
    return _MISSING


def _together(parts: Mapping[str, object]) -> object:
    """Put what there is of the parts together again, as the map or the list that they are parts of."""
    present = {key: value for key, value in parts.items() if value is not _MISSING}
    if not present:
        return _MISSING
    if all(key.startswith("f:") for key in present):
        return {key.removeprefix("f:"): value for key, value in present.items()}
    return list(present.values())
