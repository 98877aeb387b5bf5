"""A record set for a terminal: the report that the operator wrote, titles in bold where a terminal shows them."""

from collections.abc import Mapping, Sequence
from typing import Any

_BOLD, _PLAIN = "\033[1m", "\033[0m"


def explained(record: Mapping[str, Any], *, colour: bool) -> str:
    """Text of a record; one that was only just created has no report yet."""
    status: Mapping[str, Any] = record.get("status") or {}
    lines: Sequence[str] = status.get("report") or ()
    if not lines:
        return f"{record['metadata']['name']} was only just recorded; ask again in a moment."
    return "\n".join(_set(_printable(line), colour) for line in lines)


def _set(line: str, colour: bool) -> str:
    is_title = bool(line) and not line.startswith(" ")
    if not (colour and is_title):
        return line
    title, colon, rest = line.partition(":")
    return f"{_BOLD}{title}{colon}{_PLAIN}{rest}"


def _printable(line: str) -> str:
    """A record quotes what others wrote: control characters could rewrite the terminal."""
    return "".join(character if character.isprintable() else "?" for character in line)
