"""Changing one value in one line of a plain text and not one byte more.

The place is written as the line itself, with ``<value>`` where the value stands: ``children=<value>``, or
``modparam("usrloc", "timer", <value>)``. It is compared letter by letter from the line's first sign on, never as a
regular expression, which could run for ever. Exactly one line must begin so.
"""

from homeostat.act.edit_error import LONGEST_VALUE, EditError, EditReason, refuse_longer
from homeostat.act.templates import refuse_placeholder, refuse_template

PLACE_OF_VALUE = "<value>"


def read_value(text: str, line: str) -> str:
    """The value as it is written.

    Raises:
        EditError: there is not exactly one place for it, or it is none that could also be replaced.
    """
    start, end = _find(text, line)
    return text[start:end]


def replace_value(text: str, line: str, value: str) -> str:
    """The text with one value replaced.

    Raises:
        EditError: there is not exactly one place for it, or it cannot be written there.
    """
    if not value.isprintable() or len(value) > LONGEST_VALUE:
        message = f"the new value has more than one line, signs that cannot be seen, or over {LONGEST_VALUE} characters"
        raise EditError(EditReason.NOT_A_SCALAR, message)
    refuse_placeholder(value, "the new value")
    start, end = _find(text, line)
    result = text[:start] + value + text[end:]
    if _find(result, line) != (start, start + len(value)):
        message = f"{value!r} cannot be written at {line}: it would not end where the value ends"
        raise EditError(EditReason.NOT_A_SCALAR, message)
    return result


def _find(text: str, line: str) -> tuple[int, int]:
    refuse_longer(text)
    refuse_template(text, readable=True)
    before, mark, after = line.partition(PLACE_OF_VALUE)
    if not before.strip() or not mark or PLACE_OF_VALUE in after:
        message = f"{line!r} is not the begin of a line with {PLACE_OF_VALUE} once in it, such as children=<value>"
        raise EditError(EditReason.PATH_NOT_FOUND, message)
    places, offset = [], 0
    for number, present in enumerate(text.split("\n"), start=1):
        start = offset + len(present) - len(present.lstrip(" \t")) + len(before)
        if present.lstrip(" \t").startswith(before) and (not after or after in text[start : offset + len(present)]):
            places.append((number, start, offset + len(present)))
        offset += len(present) + 1
    if not places:
        raise EditError(EditReason.PATH_NOT_FOUND, f"no line begins with {line}")
    if len(places) > 1:
        lines = ", ".join(str(number) for number, _, _ in places[:5])
        message = f"{len(places)} lines begin with {before} (lines {lines}): one alone must"
        raise EditError(EditReason.AMBIGUOUS, message)
    return _value(text, places[0], after)


def _value(text: str, place: tuple[int, int, int], after: str) -> tuple[int, int]:
    number, start, line_end = place
    end = text.index(after, start, line_end) if after else start + len(text[start:line_end].rstrip())
    value = text[start:end]
    if not value.strip():
        raise EditError(EditReason.NOT_A_SCALAR, f"line {number} has no value there: write one there first")
    if not after and any(sign.isspace() for sign in value):
        message = f"line {number} goes on after the value: write behind {PLACE_OF_VALUE} what follows it"
        raise EditError(EditReason.NOT_A_SCALAR, message)
    if len(value) > LONGEST_VALUE:
        raise EditError(EditReason.TOO_LARGE, f"the value in line {number} is longer than {LONGEST_VALUE} characters")
    refuse_placeholder(value, f"line {number}")
    return start, end
