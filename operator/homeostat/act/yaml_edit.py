"""Changing one scalar of a YAML text and not one byte more.

The place comes from the parser's own marks. Afterwards the text is parsed again: its parser events must be the same
but for that one scalar. So comments, quoting, indentation, line endings and everything else stay as they are.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    ScalarEvent,
)
from ruamel.yaml.resolver import implicit_resolvers

LONGEST_TEXT = 262_144
"""Longest text that is edited, in characters."""

DEEPEST = 100
"""Deepest nesting of lists and mappings that is edited."""

LONGEST_SCALAR = 1024
"""Longest scalar that is read or written, in characters: the most that a record holds."""


class YamlEditReason(StrEnum):
    """Why a scalar cannot be read or changed."""

    NOT_YAML = "NotYaml"
    PATH_NOT_FOUND = "PathNotFound"
    NOT_A_SCALAR = "NotAScalar"
    ALIAS_OR_ANCHOR = "AliasOrAnchor"
    BLOCK_SCALAR = "BlockScalar"
    DUPLICATE_KEY = "DuplicateKey"
    TOO_LARGE = "TooLarge"


class YamlEditError(Exception):
    """The text is left as it is; ``reason`` for machines, ``message`` for people."""

    def __init__(self, reason: YamlEditReason, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message


@dataclass(frozen=True, slots=True)
class _Scalar:
    """A scalar's place: number of its event, and the span of its source."""

    number: int
    event: ScalarEvent
    start: int
    end: int


def read_scalar(text: str, pointer: str) -> str:
    """The scalar at a JSON Pointer, exactly as it is written, quotes included.

    Raises:
        YamlEditError: there is no scalar there that could also be replaced.
    """
    found = _find(_parse(text), pointer)
    return text[found.start : found.end]


def replace_scalar(text: str, pointer: str, value_yaml: str, *, verbatim: bool = False) -> str:
    """The text with one scalar replaced; nothing else differs.

    A string takes the quotes that the old scalar had, unless it is to be written ``verbatim``.

    Raises:
        YamlEditError: the scalar cannot be found, or the value cannot be written in its place.
    """
    events = _parse(text)
    found = _find(events, pointer)
    written, intended = _value(value_yaml)
    candidates = [written] if verbatim else _spellings(written, intended, found.event)
    for candidate in candidates:
        result = text[: found.start] + candidate + text[found.end :]
        if _differs_only_there(events, result, found.number, intended):
            return result
    raise YamlEditError(
        YamlEditReason.NOT_A_SCALAR, f"{written} cannot be written at {pointer}: the text would mean something else"
    )


def _parse(text: str) -> list[Event]:
    if len(text) > LONGEST_TEXT:
        raise YamlEditError(
            YamlEditReason.TOO_LARGE, f"{len(text)} characters are more than the {LONGEST_TEXT} that are edited"
        )
    try:
        events = list(_shallow(YAML(typ="safe", pure=True).parse(text)))
    except (
        YAMLError,
        ValueError,
        IndexError,
        AttributeError,
    ) as error:  # the parser lets some of its own slips through
        raise YamlEditError(YamlEditReason.NOT_YAML, f"not YAML: {' '.join(str(error).split())}") from error
    if sum(isinstance(event, DocumentStartEvent) for event in events) > 1:
        raise YamlEditError(YamlEditReason.NOT_YAML, "several YAML documents in one text")
    return events


def _shallow(events: Iterable[Event]) -> Iterator[Event]:
    """The events as long as they do not nest too deep: the parser's time grows with the square of the depth."""
    depth = 0
    for event in events:
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > DEEPEST:
            raise YamlEditError(YamlEditReason.TOO_LARGE, f"nested deeper than {DEEPEST} levels")
        yield event


def _find(events: Sequence[Event], pointer: str) -> _Scalar:
    if not pointer.startswith("/"):
        raise YamlEditError(YamlEditReason.PATH_NOT_FOUND, f"{pointer!r} is not a JSON Pointer such as /limits/rate")
    place = next((i for i, e in enumerate(events) if isinstance(e, DocumentStartEvent)), len(events)) + 1
    at = ""
    for part in pointer[1:].split("/"):
        token = part.replace("~1", "/").replace("~0", "~")
        _refuse_shared(events, place, at)
        place = _child(events, place, token, at)
        at = f"{at}/{part}"
    _refuse_shared(events, place, at)
    return _scalar(events, place, at)


def _refuse_shared(events: Sequence[Event], place: int, at: str) -> None:
    event = events[place] if place < len(events) else None
    if isinstance(event, AliasEvent) or getattr(event, "anchor", None) is not None:
        raise YamlEditError(
            YamlEditReason.ALIAS_OR_ANCHOR,
            f"{at or 'the whole text'} is an alias or carries an anchor: a change could show in other places",
        )


def _child(events: Sequence[Event], place: int, token: str, at: str) -> int:
    event = events[place] if place < len(events) else None
    if not isinstance(event, CollectionStartEvent):
        raise YamlEditError(YamlEditReason.PATH_NOT_FOUND, f"{at or 'the text'} has nothing below it")
    members = list(_members(events, place))
    if isinstance(event, MappingStartEvent):
        keys = zip(members[::2], members[1::2], strict=True)
        found = [value for key, value in keys if getattr(events[key], "value", None) == token]
    else:
        found = [value for index, value in enumerate(members) if str(index) == token]
    if not found:
        raise YamlEditError(YamlEditReason.PATH_NOT_FOUND, f"there is no {token!r} in {at or 'the text'}")
    if len(found) > 1:
        raise YamlEditError(YamlEditReason.DUPLICATE_KEY, f"{token!r} occurs {len(found)} times in {at or 'the text'}")
    return found[0]


def _members(events: Sequence[Event], place: int) -> Iterator[int]:
    """Places of a collection's direct members; of a mapping, keys and values in turn."""
    depth = 0
    for number in range(place + 1, len(events)):
        event = events[number]
        if isinstance(event, CollectionEndEvent):
            depth -= 1
            if depth < 0:
                return
        elif depth == 0:
            yield number
        if isinstance(event, CollectionStartEvent):
            depth += 1


def _scalar(events: Sequence[Event], place: int, at: str) -> _Scalar:
    event = events[place]
    if not isinstance(event, ScalarEvent):
        raise YamlEditError(YamlEditReason.NOT_A_SCALAR, f"{at} is a mapping or a list, not a single value")
    if event.style in ("|", ">") or event.start_mark.line != event.end_mark.line:
        raise YamlEditError(YamlEditReason.BLOCK_SCALAR, f"{at} spans several lines, which is not edited")
    start, end = event.start_mark.index, event.end_mark.index
    if start == end:
        raise YamlEditError(YamlEditReason.NOT_A_SCALAR, f"{at} is empty: write null or a value there first")
    if event.tag is not None:
        raise YamlEditError(YamlEditReason.NOT_A_SCALAR, f"{at} carries an explicit tag, which is not edited")
    if end - start > LONGEST_SCALAR:
        raise YamlEditError(YamlEditReason.TOO_LARGE, f"{at} is longer than {LONGEST_SCALAR} characters")
    return _Scalar(place, event, start, end)


def _value(value_yaml: str) -> tuple[str, ScalarEvent]:
    """The value as it is to be written, without comments or spaces around it, and what it means."""
    if "\n" in value_yaml.strip() or "\r" in value_yaml.strip():
        raise YamlEditError(YamlEditReason.NOT_A_SCALAR, "the new value has more than one line")
    events = [e for e in _parse(value_yaml) if isinstance(e, ScalarEvent | AliasEvent | CollectionStartEvent)]
    if len(events) != 1 or not isinstance(events[0], ScalarEvent) or events[0].anchor is not None:
        raise YamlEditError(YamlEditReason.NOT_A_SCALAR, f"the new value {value_yaml!r} is not a single scalar")
    found = _scalar(events, 0, "the new value")
    return value_yaml[found.start : found.end], found.event


def _spellings(written: str, intended: ScalarEvent, old: ScalarEvent) -> list[str]:
    """Ways to write the value, best first."""
    if not _is_surely_string(intended):
        return [written]
    single = "'" + intended.value.replace("'", "''") + "'"
    double = json.dumps(intended.value, ensure_ascii=False)
    return {"'": [single, double, written], '"': [double, written]}.get(old.style or "", [written, double])


def _is_surely_string(event: ScalarEvent) -> bool:
    """Whether every version of YAML reads it as a string; ``yes`` and ``1:30`` are none in version 1.1."""
    if event.style in ("'", '"'):
        return True
    return not any(pattern.match(event.value) for _, _, pattern, _ in implicit_resolvers)


def _differs_only_there(events: Sequence[Event], result: str, number: int, intended: ScalarEvent) -> bool:
    try:
        after = _parse(result)
    except YamlEditError:
        return False
    if len(after) != len(events) or not _means(after[number], intended):
        return False
    return all(
        number == place or _essence(old) == _essence(new)
        for place, (old, new) in enumerate(zip(events, after, strict=True))
    )


def _means(event: Event, intended: ScalarEvent) -> bool:
    if not isinstance(event, ScalarEvent) or (event.value, event.anchor) != (intended.value, None):
        return False
    same_kind = (event.style in ("'", '"')) == (intended.style in ("'", '"'))
    return event.tag is None and (same_kind or (_is_surely_string(event) and _is_surely_string(intended)))


def _essence(event: Event) -> tuple[object, ...]:
    names = ("anchor", "tag", "value", "implicit", "style", "flow_style", "explicit", "version", "tags")
    return (type(event), *(getattr(event, name, None) for name in names))
