"""Adding an item to a list of single values in a YAML text, and taking one out, and not one byte more.

The line of an item in block style goes and comes with the comment at its end. Afterwards the text is parsed again: its
parser events must be the same but for that one item.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ruamel.yaml.events import Event, ScalarEvent, SequenceStartEvent

from homeostat.act.edit_error import LONGEST_VALUE, EditError, EditReason
from homeostat.act.list_text import (
    Span,
    Wanted,
    choose,
    insertions_in_block,
    insertions_in_flow,
    removal_from_block,
    removal_from_flow,
)
from homeostat.act.yaml_events import essence, find, means, members_of, parse, scalar, spellings, value_of


@dataclass(frozen=True, slots=True)
class _List:
    """A list of single values: the events of the text, its own one with its number, and the numbers of its items."""

    events: Sequence[Event]
    number: int
    start: SequenceStartEvent
    members: tuple[int, ...]
    items: tuple[ScalarEvent, ...]

    @property
    def spans(self) -> tuple[Span, ...]:
        """Where the items stand."""
        return tuple((item.start_mark.index, item.end_mark.index) for item in self.items)


def indexes_of_item(text: str, pointer: str, item_yaml: str) -> tuple[int, ...]:
    """Where a value stands in a list, however it is quoted there.

    Raises:
        EditError: there is no list of single values.
    """
    found, (_, wanted) = _list(text, pointer), value_of(item_yaml)
    return tuple(i for i, present in enumerate(found.items) if means(present, wanted))


def read_item(text: str, pointer: str, index: int) -> str:
    """An item as it is written, in block style with the comment at its end.

    Raises:
        EditError: there is no item that could be taken out.
    """
    return _source(text, _list(text, pointer), index, pointer)


def added_item(text: str, pointer: str, item_yaml: str) -> str:
    """The text with an item more at the list's end; a string takes the quotes of the list's last item.

    Raises:
        EditError: there is no list of single values, or the item cannot be written in it.
    """
    found, (written, item) = _list(text, pointer), value_of(item_yaml)
    last = found.items[-1] if found.items else item
    for spelling in spellings(written, item, last):
        result = _with(text, found, len(found.members), spelling, item, None)
        if result is not None:
            return result
    raise _unwritable(written, pointer)


def with_item(text: str, pointer: str, index: int, source: str, wanted: Wanted | None = None) -> str:
    """The text with an item more, ``source`` as it is to be written; of several layouts the wanted one.

    Raises:
        EditError: there is no list of single values, or the item cannot be written in it.
    """
    found, (_, item) = _list(text, pointer), value_of(source)
    if index > len(found.members):
        raise EditError(EditReason.PATH_NOT_FOUND, f"{pointer} has only {len(found.members)} items")
    result = _with(text, found, index, source, item, wanted)
    if result is None:
        raise _unwritable(source, pointer)
    return result


def without_item(text: str, pointer: str, index: int) -> str:
    """The text without one item.

    Raises:
        EditError: there is no such item, or not it alone would go.
    """
    found = _list(text, pointer)
    _source(text, found, index, pointer)
    remove = removal_from_flow if found.start.flow_style else removal_from_block
    result = remove(text, found.spans, index, pointer)
    gone = found.members[index]
    if not _is_same(parse(result), [*found.events[:gone], *found.events[gone + 1 :]]):
        raise EditError(EditReason.NOT_A_LIST, f"item {index} of {pointer} cannot be taken out alone: do it by hand")
    return result


def _list(text: str, pointer: str) -> _List:
    events = parse(text)
    number = find(events, pointer)
    start = events[number]
    if not isinstance(start, SequenceStartEvent):
        raise EditError(EditReason.NOT_A_LIST, f"{pointer} is not a list")
    members = tuple(members_of(events, number))
    items = tuple(e for e in (events[m] for m in members) if isinstance(e, ScalarEvent) and e.style not in ("|", ">"))
    if len(items) < len(members):
        raise EditError(EditReason.NOT_A_LIST, f"{pointer} is not a list of single values: set the place that is meant")
    return _List(events, number, start, members, items)


def _source(text: str, found: _List, index: int, pointer: str) -> str:
    if index >= len(found.members):
        raise EditError(EditReason.PATH_NOT_FOUND, f"{pointer} has only {len(found.members)} items")
    item = scalar(found.events, found.members[index], f"item {index} of {pointer}")
    if item.event.anchor is not None:
        message = f"item {index} of {pointer} carries an anchor: others refer to it"
        raise EditError(EditReason.ALIAS_OR_ANCHOR, message)
    if found.start.flow_style:
        return text[item.start : item.end]
    source = text[item.start :].partition("\n")[0].rstrip()
    if len(source) > LONGEST_VALUE:
        message = f"item {index} of {pointer}, with its comment, is longer than {LONGEST_VALUE} characters"
        raise EditError(EditReason.TOO_LARGE, message)
    return source


def _with(text: str, found: _List, index: int, source: str, item: ScalarEvent, wanted: Wanted | None) -> str | None:
    place = found.members[index] if index < len(found.members) else _end(found)
    for result in choose(lambda: _insertions(text, found, index, source), wanted):
        try:
            after = parse(result)
        except EditError:
            continue
        without = [*after[:place], *after[place + 1 :]]
        if len(after) > place and means(after[place], item) and _is_same(without, found.events):
            return result
    return None


def _insertions(text: str, found: _List, index: int, source: str) -> Iterable[str]:
    if found.start.flow_style or not found.members:
        return insertions_in_flow(text, found.start.start_mark.index, found.spans, index, source)
    within = (found.events[found.number - 1].end_mark.index, found.events[_end(found)].start_mark.index)
    return insertions_in_block(text, found.start.start_mark.column, found.spans, index, source, within)


def _end(found: _List) -> int:
    return (found.members[-1] if found.members else found.number) + 1


def _is_same(some: Sequence[Event], others: Sequence[Event]) -> bool:
    return len(some) == len(others) and all(essence(a) == essence(b) for a, b in zip(some, others, strict=True))


def _unwritable(source: str, pointer: str) -> EditError:
    return EditError(
        EditReason.NOT_A_LIST, f"{source} cannot be added to {pointer}: the text would mean something else"
    )
