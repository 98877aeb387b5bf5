"""A YAML text as its parser's events, with the places where values stand in it."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

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

from homeostat.act.edit_error import DEEPEST, LONGEST_VALUE, EditError, EditReason, refuse_longer
from homeostat.act.templates import refuse_placeholder, refuse_template, template_error


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar's place: number of its event, and the span of its source."""

    number: int
    event: ScalarEvent
    start: int
    end: int


def parse(text: str) -> list[Event]:
    """All events of a text that is one YAML document.

    Raises:
        EditError: it is none, is a template, or is beyond the bounds.
    """
    refuse_longer(text)
    try:
        events = list(_shallow(YAML(typ="safe", pure=True).parse(text)))
    except (
        YAMLError,
        ValueError,
        IndexError,
        AttributeError,
    ) as error:  # the parser lets some of its own slips through
        refuse_template(text, readable=False)
        raise EditError(EditReason.NOT_YAML, f"not YAML: {' '.join(str(error).split())}") from error
    if sum(isinstance(event, DocumentStartEvent) for event in events) > 1:
        raise EditError(EditReason.NOT_YAML, "several YAML documents in one text")
    for event in events:
        # A mapping that is the key of a mapping: what {{ .Values.port }} is to a parser of YAML.
        if isinstance(event, MappingStartEvent) and text.startswith("{{", event.start_mark.index):
            raise template_error(text, event.start_mark.index)
    return events


def _shallow(events: Iterable[Event]) -> Iterator[Event]:
    """The events as long as they do not nest too deep: the parser's time grows with the square of the depth."""
    depth = 0
    for event in events:
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > DEEPEST:
            raise EditError(EditReason.TOO_LARGE, f"nested deeper than {DEEPEST} levels")
        yield event


def find(events: Sequence[Event], pointer: str) -> int:
    """Number of the event at a JSON Pointer.

    Raises:
        EditError: nothing is there, or a change there could show in other places.
    """
    if not pointer.startswith("/"):
        raise EditError(EditReason.PATH_NOT_FOUND, f"{pointer!r} is not a JSON Pointer such as /limits/rate")
    place = next((i for i, e in enumerate(events) if isinstance(e, DocumentStartEvent)), len(events)) + 1
    at = ""
    for part in pointer[1:].split("/"):
        token = part.replace("~1", "/").replace("~0", "~")
        _refuse_shared(events, place, at)
        place = _child(events, place, token, at)
        at = f"{at}/{part}"
    _refuse_shared(events, place, at)
    return place


def _refuse_shared(events: Sequence[Event], place: int, at: str) -> None:
    event = events[place] if place < len(events) else None
    if isinstance(event, AliasEvent) or getattr(event, "anchor", None) is not None:
        raise EditError(
            EditReason.ALIAS_OR_ANCHOR,
            f"{at or 'the whole text'} is an alias or carries an anchor: a change could show in other places",
        )


def _child(events: Sequence[Event], place: int, token: str, at: str) -> int:
    event = events[place] if place < len(events) else None
    if not isinstance(event, CollectionStartEvent):
        raise EditError(EditReason.PATH_NOT_FOUND, f"{at or 'the text'} has nothing below it")
    members = list(members_of(events, place))
    if isinstance(event, MappingStartEvent):
        keys = zip(members[::2], members[1::2], strict=True)
        found = [value for key, value in keys if getattr(events[key], "value", None) == token]
    else:
        found = [value for index, value in enumerate(members) if str(index) == token]
    if not found:
        raise EditError(EditReason.PATH_NOT_FOUND, f"there is no {token!r} in {at or 'the text'}")
    if len(found) > 1:
        raise EditError(EditReason.DUPLICATE_KEY, f"{token!r} occurs {len(found)} times in {at or 'the text'}")
    return found[0]


def members_of(events: Sequence[Event], place: int) -> Iterator[int]:
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


def scalar(events: Sequence[Event], place: int, at: str) -> Scalar:
    """The scalar that the event with this number is.

    Raises:
        EditError: it is none, or none that is edited.
    """
    event = events[place]
    if not isinstance(event, ScalarEvent):
        raise EditError(EditReason.NOT_A_SCALAR, f"{at} is a mapping or a list, not a single value")
    if event.style in ("|", ">") or event.start_mark.line != event.end_mark.line:
        raise EditError(EditReason.BLOCK_SCALAR, f"{at} spans several lines, which is not edited")
    start, end = event.start_mark.index, event.end_mark.index
    if start == end:
        raise EditError(EditReason.NOT_A_SCALAR, f"{at} is empty: write null or a value there first")
    if event.tag is not None:
        raise EditError(EditReason.NOT_A_SCALAR, f"{at} carries an explicit tag, which is not edited")
    if end - start > LONGEST_VALUE:
        raise EditError(EditReason.TOO_LARGE, f"{at} is longer than {LONGEST_VALUE} characters")
    refuse_placeholder(event.value, at)
    return Scalar(place, event, start, end)


def value_of(value_yaml: str) -> tuple[str, ScalarEvent]:
    """The value as it is to be written, without comments or spaces around it, and what it means.

    Raises:
        EditError: it is not a single scalar.
    """
    if "\n" in value_yaml.strip() or "\r" in value_yaml.strip():
        raise EditError(EditReason.NOT_A_SCALAR, "the new value has more than one line")
    events = [e for e in parse(value_yaml) if isinstance(e, ScalarEvent | AliasEvent | CollectionStartEvent)]
    if len(events) != 1 or not isinstance(events[0], ScalarEvent) or events[0].anchor is not None:
        raise EditError(EditReason.NOT_A_SCALAR, f"the new value {value_yaml!r} is not a single scalar")
    found = scalar(events, 0, "the new value")
    return value_yaml[found.start : found.end], found.event


def spellings(written: str, intended: ScalarEvent, like: ScalarEvent) -> list[str]:
    """Ways to write the value, best first: a string takes the quotes of the one that it is to look like."""
    if not _is_surely_string(intended):
        return [written]
    single = "'" + intended.value.replace("'", "''") + "'"
    double = json.dumps(intended.value, ensure_ascii=False)
    return {"'": [single, double, written], '"': [double, written]}.get(like.style or "", [written, double])


def _is_surely_string(event: ScalarEvent) -> bool:
    """Whether every version of YAML reads it as a string; ``yes`` and ``1:30`` are none in version 1.1."""
    if event.style in ("'", '"'):
        return True
    return not any(pattern.match(event.value) for _, _, pattern, _ in implicit_resolvers)


def means(event: Event, intended: ScalarEvent) -> bool:
    """Whether an event is the intended value to every reader, however it is quoted."""
    if not isinstance(event, ScalarEvent) or (event.value, event.anchor) != (intended.value, None):
        return False
    same_kind = (event.style in ("'", '"')) == (intended.style in ("'", '"'))
    return event.tag is None and (same_kind or (_is_surely_string(event) and _is_surely_string(intended)))


def essence(event: Event) -> tuple[object, ...]:
    """All of an event but its place."""
    names = ("anchor", "tag", "value", "implicit", "style", "flow_style", "explicit", "version", "tags")
    return (type(event), *(getattr(event, name, None) for name in names))
