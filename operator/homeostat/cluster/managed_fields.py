"""Who wrote which field of an object, and when, as the API server's managedFields tell it.

Their times have a resolution of one second, so a moment is cut to its second before it is compared with them. Entries
of the scale subresource carry no time at all (measured on Kubernetes 1.36.3, built-in kinds and custom resources).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from homeostat.flow.resources import Body


@dataclass(frozen=True, slots=True)
class FieldWrite:
    """The last write of one field manager to one subresource."""

    manager: str
    subresource: str
    at: datetime | None
    fields: Body

    def below(self, body: Body, place: Sequence[str | int]) -> Body | None:
        """What it holds below a place of the body; empty where it holds the place itself, None where neither."""
        fields: Body = self.fields
        node: Any = body
        for part in place:
            inside = node[part] if isinstance(part, int) else (node or {}).get(part)
            key = next((key for key in fields if _means(key, part, inside)), None)
            if key is None:
                return None
            fields, node = fields[key], inside
        return fields

    def may_be_since(self, moment: datetime) -> bool:
        """Whether it may have been written in the second of a moment or later; without a time it may."""
        return self.at is None or self.at >= moment.replace(microsecond=0)


def writes(body: Body) -> Iterator[FieldWrite]:
    """All entries of an object's managedFields."""
    for entry in body["metadata"].get("managedFields") or ():
        yield FieldWrite(
            manager=entry.get("manager", ""),
            subresource=entry.get("subresource", ""),
            at=_moment(entry.get("time")),
            fields=entry.get("fieldsV1") or {},
        )


def holders(body: Body, place: Sequence[str | int]) -> tuple[FieldWrite, ...]:
    """The managers that hold a field; its parts as in the body, such as ("data", "tuning.yaml").

    A list or map that nobody holds a part of is indivisible, and who holds it holds all that is in it. Where someone
    holds a part, an entry for the whole says only that the manager wanted it to exist.
    """
    all_writes = tuple(writes(body))
    stems = [tuple(place[:length]) for length in range(1, len(place))]
    whole = next((stem for stem in stems if not any(write.below(body, stem) for write in all_writes)), tuple(place))
    return tuple(write for write in all_writes if write.below(body, whole) is not None)


def last_writer(body: Body, place: Sequence[str | int]) -> FieldWrite | None:
    """The manager of a field that wrote last; None where nobody is known to hold it."""
    oldest = datetime.min.replace(tzinfo=UTC)
    return max(holders(body, place), key=lambda write: write.at or oldest, default=None)


def others_wrote_since(body: Body, manager: str, moment: datetime) -> bool:
    """Whether anyone but a manager may have written to the object itself, status aside, since a moment."""
    return any(
        write.manager != manager and write.subresource != "status" and write.may_be_since(moment)
        for write in writes(body)
    )


def _means(key: str, part: str | int, item: Any) -> bool:  # noqa: ANN401 - whatever JSON holds
    """Whether a key of managedFields means a key of a map, or an item of a list: by index, by value, by its keys."""
    if isinstance(part, str):
        return key == f"f:{part}"
    kind, _, text = key.partition(":")
    if kind == "i":
        return text == str(part)
    if kind == "v":
        return bool(json.loads(text) == item)
    return kind == "k" and isinstance(item, Mapping) and json.loads(text).items() <= item.items()


def others_wrote_object_since(body: Body, manager: str, moment: datetime) -> bool:
    """Whether anyone but a manager may have written to the object since a moment, its subresources aside."""
    return any(
        write.manager != manager and not write.subresource and write.may_be_since(moment) for write in writes(body)
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
