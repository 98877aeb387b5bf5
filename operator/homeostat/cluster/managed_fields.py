"""Who wrote which field of an object, and when, as the API server's managedFields tell it.

Their times have a resolution of one second, so a moment is cut to its second before it is compared with them. Entries
of the scale subresource carry no time at all (measured on Kubernetes 1.36.3, built-in kinds and custom resources).
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from homeostat.flow.facts import Body

_ITEM = "k:"


def item(key: str, value: str) -> str:
    """The part of a path that names one item of a list by its key, such as a container by its name."""
    return f"{_ITEM}{json.dumps({key: value}, separators=(',', ':'))}"


@dataclass(frozen=True, slots=True)
class FieldWrite:
    """The last write of one field manager to one subresource."""

    manager: str
    subresource: str
    at: datetime | None
    fields: Body

    def holds(self, path: Sequence[str]) -> bool:
        """Whether this manager holds the field; its parts as in the body, such as ("data", "tuning.yaml").

        An item of a list is named by ``item``. Who holds a list that has no keys holds all that is in it.
        """
        fields = self.fields
        for depth, part in enumerate(path):
            name = part if part.startswith(_ITEM) else f"f:{part}"
            if name not in fields:
                return depth > 0 and not fields
            fields = fields[name]
        return True

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


def last_writer(body: Body, path: Sequence[str]) -> FieldWrite | None:
    """The manager of a field that wrote last; None where nobody is known to hold it."""
    holders = [write for write in writes(body) if write.holds(path)]
    return max(holders, key=lambda write: write.at or datetime.min.replace(tzinfo=UTC), default=None)


def others_wrote_since(body: Body, manager: str, moment: datetime) -> bool:
    """Whether anyone but a manager may have written to the object itself, status aside, since a moment."""
    return any(
        write.manager != manager and write.subresource != "status" and write.may_be_since(moment)
        for write in writes(body)
    )


def others_wrote_object_since(body: Body, manager: str, moment: datetime) -> bool:
    """Whether anyone but a manager may have written to the object since a moment, its subresources aside."""
    return any(
        write.manager != manager and not write.subresource and write.may_be_since(moment) for write in writes(body)
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
