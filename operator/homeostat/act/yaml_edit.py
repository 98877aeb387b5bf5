"""Changing one scalar of a YAML text and not one byte more.

The place comes from the parser's own marks. Afterwards the text is parsed again: its parser events must be the same
but for that one scalar. So comments, quoting, indentation, line endings and everything else stay as they are.
"""

from collections.abc import Sequence

from ruamel.yaml.events import Event, ScalarEvent

from homeostat.act.edit_error import EditError, EditReason
from homeostat.act.yaml_events import essence, find, means, parse, scalar, spellings, value_of


def read_scalar(text: str, pointer: str) -> str:
    """The scalar at a JSON Pointer, exactly as it is written, quotes included.

    Raises:
        EditError: there is no scalar there that could also be replaced.
    """
    events = parse(text)
    found = scalar(events, find(events, pointer), pointer)
    return text[found.start : found.end]


def replace_scalar(text: str, pointer: str, value_yaml: str, *, verbatim: bool = False) -> str:
    """The text with one scalar replaced; nothing else differs.

    A string takes the quotes that the old scalar had, unless it is to be written ``verbatim``.

    Raises:
        EditError: the scalar cannot be found, or the value cannot be written in its place.
    """
    events = parse(text)
    found = scalar(events, find(events, pointer), pointer)
    written, intended = value_of(value_yaml)
    candidates = [written] if verbatim else spellings(written, intended, found.event)
    for candidate in candidates:
        result = text[: found.start] + candidate + text[found.end :]
        if _differs_only_there(events, result, found.number, intended):
            return result
    raise EditError(
        EditReason.NOT_A_SCALAR, f"{written} cannot be written at {pointer}: the text would mean something else"
    )


def _differs_only_there(events: Sequence[Event], result: str, number: int, intended: ScalarEvent) -> bool:
    try:
        after = parse(result)
    except EditError:
        return False
    if len(after) != len(events) or not means(after[number], intended):
        return False
    return all(
        number == place or essence(old) == essence(new)
        for place, (old, new) in enumerate(zip(events, after, strict=True))
    )
