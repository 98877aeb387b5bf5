"""Lists in the text of a configuration: where an item can stand, and what goes when one is taken out.

An item that is put back must stand exactly where it stood, comments around it included. So a place is not computed
but chosen: every way to insert an item is a candidate, best first, and the caller knows the one it wants by its
digest, or takes the first that means what it should.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, pairwise

from homeostat.act.edit_error import EditError, EditReason

Span = tuple[int, int]
"""Begin and end of an item in the text."""

Wanted = Callable[[str], bool]
"""Whether a text is the very one that is to come out."""

_MOST_PLACES = 200
_MOST_TRIED = 4
_BLANKS = range(9)


def choose(candidates: Callable[[], Iterable[str]], wanted: Wanted | None) -> Iterable[str]:
    """The candidate that is wanted alone, or the few best: to check one costs a parse."""
    found = (text for text in candidates() if wanted is not None and wanted(text))
    first = next(found, None)
    return islice(candidates(), _MOST_TRIED) if first is None else (first,)


def insertions_in_flow(text: str, opening: int, items: Sequence[Span], index: int, item: str) -> Iterator[str]:
    """Texts with an item more in a list in brackets, in the list's own layout first.

    ``opening`` is the place of its bracket. In a list of several lines the comma goes to the line before, as a person
    would write it.
    """
    if not items:
        inside = text[opening + 1 :]
        for place in range(opening + 1, min(_MOST_PLACES, len(inside) - len(inside.lstrip())) + opening + 2):
            yield text[:place] + item + text[place:]
        return
    for separator in _separators(text, opening, items):
        place, piece = (items[-1][1], separator + item) if index == len(items) else (items[index][0], item + separator)
        yield text[:place] + piece + text[place:]


def removal_from_flow(text: str, items: Sequence[Span], index: int, at: str) -> str:
    """The text without one item of a list in brackets.

    Raises:
        EditError: a comment would go with it.
    """
    start, end = items[index]
    if index + 1 < len(items):
        end = items[index + 1][0]
    elif index > 0:
        start = items[index - 1][1]
    around = text[start : items[index][0]] + text[items[index][1] : end]
    if "#" in around:
        raise EditError(
            EditReason.NOT_A_LIST, f"a comment beside item {index} of {at} would be lost: take it out by hand"
        )
    return text[:start] + text[end:]


def _separators(text: str, opening: int, items: Sequence[Span]) -> Iterator[str]:
    between = [text[left[1] : right[0]] for left, right in pairwise(items)]
    lead = text[opening + 1 : items[0][0]]
    own = [
        *reversed(between),
        *([f",{lead}"] if lead else []),
        ", ",
        *(f",{' ' * blanks}" for blanks in _BLANKS),
        " , ",
    ]
    return (separator for separator in dict.fromkeys(own) if "#" not in separator)


def insertions_in_block(
    text: str, dash: int, items: Sequence[Span], index: int, item: str, within: Span
) -> Iterator[str]:
    """Texts with a line more in a list of dashes that has items.

    ``dash`` is the column of its dashes; ``within`` the end of what stands before the list and the begin of what
    stands after it, between which comments may be.
    """
    ending = "\r\n" if "\r\n" in text else "\n"
    first = _next_line(text, items[index - 1][1] if index > 0 else within[0])
    last = _line_start(text, items[index][0]) if index < len(items) else max(first, _line_start(text, within[1]))
    if index < len(items) and first > last:
        return
    places = [*_line_starts(text, first, last)][:_MOST_PLACES]
    best = first if index == len(items) else last
    for place in dict.fromkeys([best, *places]):
        for gap in _gaps(text, items):
            line = f"{' ' * dash}-{gap}{item}"
            is_unended = place == len(text) and not text.endswith("\n")
            yield text[:place] + (ending + line if is_unended else line + ending) + text[place:]


def removal_from_block(text: str, items: Sequence[Span], index: int, at: str) -> str:
    """The text without the line of one item of a list of dashes.

    Raises:
        EditError: it is the only item, or has not a line of its own.
    """
    start, end = _line_start(text, items[index][0]), _next_line(text, items[index][1])
    if len(items) == 1:
        message = f"item {index} of {at} is the only one: without it {at} would be null, and not an empty list"
        raise EditError(EditReason.LAST_ITEM, message)
    if text[start : items[index][0]].strip() != "-":
        raise EditError(EditReason.NOT_A_LIST, f"item {index} of {at} has not a line of its own")
    if end == len(text) and not text.endswith("\n"):
        start = len(text[:start].removesuffix("\n").removesuffix("\r"))
    return text[:start] + text[end:]


def _line_start(text: str, place: int) -> int:
    """Where the line of a place begins."""
    return text.rfind("\n", 0, place) + 1


def _next_line(text: str, place: int) -> int:
    """Where the line after that of a place begins; the end of the text where there is none."""
    end = text.find("\n", place)
    return len(text) if end < 0 else end + 1


def _line_starts(text: str, first: int, last: int) -> Iterator[int]:
    while first <= last:
        yield first
        after = _next_line(text, first)
        if after == first:
            return
        first = after


def _gaps(text: str, items: Sequence[Span]) -> Iterator[str]:
    """What stands between dash and item, as the list has it."""
    before = (text[_line_start(text, start) : start].rpartition("-")[2] for start, _ in reversed(items))
    own = (gap for gap in before if gap and not gap.strip(" "))
    return iter(dict.fromkeys([*own, *(" " * blanks for blanks in _BLANKS if blanks)]))
