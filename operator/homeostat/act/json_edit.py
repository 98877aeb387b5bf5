"""Changing one scalar, or one item of a list of scalars, of a JSON text and not one byte more.

The place comes from the text's own tokens. Afterwards all tokens must be the same, letter by letter, but for that one:
no number is spelled anew, no key moves, no white space goes. JSON is strict: a comment or a trailing comma is refused,
because a reader that is as strict would refuse the whole file.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple, NoReturn

from homeostat.act.edit_error import DEEPEST, LONGEST_VALUE, EditError, EditReason, refuse_longer
from homeostat.act.list_text import Span, Wanted, choose, insertions_in_flow, removal_from_flow
from homeostat.act.templates import refuse_placeholder, refuse_template

_TOKEN = re.compile(r'[ \t\r\n]*+("(?:[^"\\]++|\\.)*+"|[{}\[\]:,]|[^ \t\r\n{}\[\]:,"]++)')
_PUNCTUATION = frozenset("{}[]:,")


class _Token(NamedTuple):
    """A token and where it stands."""

    text: str
    start: int
    end: int


def read_scalar(text: str, pointer: str) -> str:
    """The scalar at a JSON Pointer, exactly as it is written.

    Raises:
        EditError: there is no scalar there that could also be replaced.
    """
    tokens = _parse(text)
    return _scalar(tokens, _find(tokens, pointer), pointer).text


def replace_scalar(text: str, pointer: str, value: str) -> str:
    """The text with one scalar replaced, ``value`` being a scalar as JSON has it.

    Raises:
        EditError: the scalar cannot be found, or the value is none.
    """
    tokens, written = _parse(text), _value(value)
    place = _find(tokens, pointer)
    old = _scalar(tokens, place, pointer)
    result = text[: old.start] + written + text[old.end :]
    _check(result, [*_texts(tokens[:place]), written, *_texts(tokens[place + 1 :])], pointer)
    return result


def indexes_of_item(text: str, pointer: str, item: str) -> tuple[int, ...]:
    """Where a scalar stands in a list, in the same spelling or another one.

    Raises:
        EditError: there is no list of scalars.
    """
    tokens, wanted = _parse(text), _meaning(_value(item))
    _, members = _list(tokens, pointer)
    return tuple(i for i, member in enumerate(members) if _meaning(tokens[member].text) == wanted)


def read_item(text: str, pointer: str, index: int) -> str:
    """An item of a list of scalars as it is written.

    Raises:
        EditError: there is no item that could be taken out.
    """
    tokens = _parse(text)
    _, members = _list(tokens, pointer)
    return _scalar(tokens, _member(members, index, pointer), f"item {index} of {pointer}").text


def added_item(text: str, pointer: str, item: str) -> str:
    """The text with an item more at the list's end.

    Raises:
        EditError: there is no list of scalars, or the item is none.
    """
    _, members = _list(_parse(text), pointer)
    return with_item(text, pointer, len(members), item)


def with_item(text: str, pointer: str, index: int, item: str, wanted: Wanted | None = None) -> str:
    """The text with an item more; of several layouts the wanted one.

    Raises:
        EditError: there is no list of scalars, or the item is none.
    """
    tokens, written = _parse(text), _value(item)
    opening, members = _list(tokens, pointer)
    if index > len(members):
        raise EditError(EditReason.PATH_NOT_FOUND, f"{pointer} has only {len(members)} items")
    spans = _spans(tokens, members)
    result = next(iter(choose(lambda: insertions_in_flow(text, tokens[opening].start, spans, index, written), wanted)))
    place = members[index] if index < len(members) else (members[-1] + 1 if members else opening + 1)
    more = [written] if not members else [written, ","] if index < len(members) else [",", written]
    _check(result, [*_texts(tokens[:place]), *more, *_texts(tokens[place:])], pointer)
    return result


def without_item(text: str, pointer: str, index: int) -> str:
    """The text without one item of a list of scalars.

    Raises:
        EditError: there is no such item.
    """
    tokens = _parse(text)
    _, members = _list(tokens, pointer)
    gone = _member(members, index, pointer)
    _scalar(tokens, gone, f"item {index} of {pointer}")
    result = removal_from_flow(text, _spans(tokens, members), index, pointer)
    first = gone - 1 if index > 0 and index + 1 == len(members) else gone
    last = gone + (1 if index + 1 < len(members) else 0)
    _check(result, [*_texts(tokens[:first]), *_texts(tokens[last + 1 :])], pointer)
    return result


def _parse(text: str) -> list[_Token]:
    refuse_longer(text)
    tokens, place, depth = [], 0, 0
    while match := _TOKEN.match(text, place):
        place = match.end()
        tokens.append(_Token(match[1], match.start(1), place))
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(match[1], 0)
        if depth > DEEPEST:
            raise EditError(EditReason.TOO_LARGE, f"nested deeper than {DEEPEST} levels")
    try:
        json.loads(text, parse_int=str, parse_float=str, parse_constant=_no_constant)
    except ValueError as error:
        refuse_template(text, readable=False)
        raise EditError(EditReason.NOT_JSON, f"not JSON: {error}") from error
    return tokens


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a value of JSON")


def _find(tokens: Sequence[_Token], pointer: str) -> int:
    """Number of the token at which the value of a JSON Pointer begins."""
    if not pointer.startswith("/"):
        raise EditError(EditReason.PATH_NOT_FOUND, f"{pointer!r} is not a JSON Pointer such as /limits/rate")
    place, at = 0, ""
    for part in pointer[1:].split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        if tokens[place].text not in {"{", "["}:
            raise EditError(EditReason.PATH_NOT_FOUND, f"{at or 'the text'} has nothing below it")
        found = [value for key, value in _members(tokens, place) if key == name]
        if not found:
            raise EditError(EditReason.PATH_NOT_FOUND, f"there is no {name!r} in {at or 'the text'}")
        if len(found) > 1:
            raise EditError(EditReason.DUPLICATE_KEY, f"{name!r} occurs {len(found)} times in {at or 'the text'}")
        place, at = found[0], f"{at}/{part}"
    return place


def _members(tokens: Sequence[_Token], place: int) -> Iterator[tuple[str, int]]:
    """Name or index, and token, of each direct member of a collection in a valid text."""
    is_object, index, place = tokens[place].text == "{", 0, place + 1
    while tokens[place].text not in {"}", "]"}:
        if is_object:
            yield str(json.loads(tokens[place].text)), place + 2
            place += 2
        else:
            yield str(index), place
        place, index = _after(tokens, place), index + 1
        place += tokens[place].text == ","


def _after(tokens: Sequence[_Token], place: int) -> int:
    """Number of the token after a value."""
    depth = 0
    while True:
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(tokens[place].text, 0)
        place += 1
        if depth == 0:
            return place


def _scalar(tokens: Sequence[_Token], place: int, at: str) -> _Token:
    token = tokens[place]
    if token.text in _PUNCTUATION:
        raise EditError(EditReason.NOT_A_SCALAR, f"{at} is an object or a list, not a single value")
    if len(token.text) > LONGEST_VALUE:
        raise EditError(EditReason.TOO_LARGE, f"{at} is longer than {LONGEST_VALUE} characters")
    refuse_placeholder(token.text, at)
    return token


def _list(tokens: Sequence[_Token], pointer: str) -> tuple[int, tuple[int, ...]]:
    """Number of the token that opens a list of scalars, and those of its items."""
    opening = _find(tokens, pointer)
    members = tuple(value for _, value in _members(tokens, opening)) if tokens[opening].text == "[" else None
    if members is None or any(tokens[member].text in _PUNCTUATION for member in members):
        raise EditError(EditReason.NOT_A_LIST, f"{pointer} is not a list of single values")
    return opening, members


def _member(members: Sequence[int], index: int, pointer: str) -> int:
    if index >= len(members):
        raise EditError(EditReason.PATH_NOT_FOUND, f"{pointer} has only {len(members)} items")
    return members[index]


def _spans(tokens: Sequence[_Token], members: Sequence[int]) -> tuple[Span, ...]:
    return tuple((tokens[member].start, tokens[member].end) for member in members)


def _value(value: str) -> str:
    try:
        tokens = _parse(value)
    except EditError as error:
        if error.reason is not EditReason.NOT_JSON:
            raise
        message = f'the new value {value!r} is not JSON: write 500, true, null, or "text" with its quotes'
        raise EditError(EditReason.NOT_A_SCALAR, message) from error
    return _scalar(tokens, 0, "the new value").text


def _meaning(token: str) -> object:
    value = json.loads(token, parse_int=str, parse_float=str)
    return (token.startswith('"'), value)


def _texts(tokens: Sequence[_Token]) -> list[str]:
    return [token.text for token in tokens]


def _check(result: str, wanted: Sequence[str], pointer: str) -> None:
    if _texts(_parse(result)) != wanted:
        raise EditError(
            EditReason.NOT_A_SCALAR, f"{pointer} cannot be changed alone: the text would mean something else"
        )
