"""What an expression comes to: a value, or the reason why that is not known (pure).

Unknown data makes the whole expression unknown, whatever else stands in it, and so does every fault at run time.
Nobody may take an unknown result for true.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from homeostat.flow.facts import Variables
from homeostat.flow.wording import clip, format_value

from .library import compiled, run
from .reading import OWN_FUNCTION, ExpressionError, Reading, VariablePath, read
from .vocabulary import EACH, FUNCTIONS, MACROS, TEXT_METHODS, TIME_METHODS, VARIABLES, Leaf, Shape, spelled

if TYPE_CHECKING:
    from cel.cel import Program

_OPERATORS = frozenset(
    {"!_", "-_", "_&&_", "_||_", "_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "_+_", "_-_", "_*_", "_/_", "_?_:_"}
    | {"_[_]", "@in", "@not_strictly_false"}
)
_CALLABLE = _OPERATORS | FUNCTIONS | TEXT_METHODS | MACROS | {OWN_FUNCTION.format(name) for name in TIME_METHODS}
_SYNTAX_ERROR = re.compile(r"ERROR: [^ ]* (?:Syntax error: )?(?P<fault>[^\n]*?)(?: expecting [^\n]*)?(?:\n|$)")
_FUNCTION_ERROR = re.compile(
    r"Function '(?:zoned_)?(?P<name>\w+)' error: (?:Python function call failed: \w+: )?"
    r"(?P<fault>.*?)(?:\. Check .*)?$",
    re.DOTALL,
)
_LONGEST_FAULT = 200
_MOST_SHOWN = 8


class Gives(Enum):
    """What an expression must come to."""

    CONDITION = "true or false"
    NUMBER = "a number"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A value, or None where it is not known; and what it rests on, in a sentence."""

    value: bool | float | None
    message: str


@dataclass(frozen=True, slots=True)
class _Compiled:
    program: "Program"
    reading: Reading


def fault(text: str, gives: Gives) -> str:
    """What is wrong with an expression; empty where nothing is."""
    try:
        _compile(text, gives)
    except ExpressionError as error:
        return clip(str(error))
    return ""


def expectations_named(text: str, gives: Gives) -> frozenset[str]:
    """Names of the expectations that a good expression reads one by one."""
    return frozenset(p[1] for p in _compile(text, gives).reading.paths if p[0] == "observed" and p[1:] and p[1] != EACH)


def evaluate(text: str, gives: Gives, variables: Variables) -> Evaluation:
    """What an expression comes to now."""
    try:
        known = _compile(text, gives)
    except ExpressionError as error:
        return Evaluation(None, clip(f"{text} cannot be read: {error}"))
    for path in sorted(known.reading.paths):
        why = _why_unknown(path, variables.unknown)
        if why:
            return Evaluation(None, clip(f"{text} is not known: {why}"))
    try:
        value = run(known.program, _used(known.reading, variables.values))
    except Exception as error:  # whatever the library says, it is no value
        return Evaluation(None, clip(f"{text} is not known: {_said(error)}"))
    if not _is_of(value, gives):
        return Evaluation(None, clip(f"{text} is not known: it came to {_kind_of(value)}"))
    shown = format_value(value) if gives is Gives.NUMBER else str(value).lower()
    rest = ", ".join(_shown(known.reading, variables.values))
    return Evaluation(value, clip(f"{text} is {shown}{f' ({rest})' if rest else ''}"))


@lru_cache(maxsize=4096)
def _compile(text: str, gives: Gives) -> _Compiled:
    reading = read(text)
    try:
        program = compiled(reading.text)
    except ValueError as error:
        raise ExpressionError(f"it is not CEL: {_syntax(str(error))}") from None
    said = program.references()
    beyond = {*said["variables"]} - VARIABLES.keys() - reading.bound | {*said["functions"]} - _CALLABLE
    if beyond:
        raise ExpressionError(f"{', '.join(sorted(beyond))} cannot stand in it")
    _try_out(program, reading, gives)
    return _Compiled(program, reading)


def _try_out(program: "Program", reading: Reading, gives: Gives) -> None:
    """Run it once on made-up values, which finds the operands that do not go together.

    A label that is no number where one is needed is no fault of the expression, so what labels lead to is let pass.
    """
    reads_labels = any(path[:2] == ("intent", "labels") for path in reading.paths)
    try:
        value = run(program, _made_up(reading))
    except TypeError as error:
        raise ExpressionError(_said(error)) from None
    except Exception as error:  # whatever the library says, it is no value
        if reads_labels:
            return
        raise ExpressionError(_said(error)) from None
    if not _is_of(value, gives):
        raise ExpressionError(f"it comes to {_kind_of(value)}, and {gives.value} is needed")


def _is_of(value: object, gives: Gives) -> bool:
    if gives is Gives.CONDITION:
        return isinstance(value, bool)
    return isinstance(value, float) and math.isfinite(value)


def _kind_of(value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "no number, such as a division by 0"
    kinds = ((bool, "true or false"), (float, "a number"), (str, "a text"), (datetime, "a time"), (list, "a list"))
    return next((word for kind, word in kinds if isinstance(value, kind)), "another thing")


def _why_unknown(path: VariablePath, unknown: Mapping[VariablePath, str]) -> str:
    """Why a path has no value; empty where it has one, as far as that was known beforehand."""
    for beginning, why in unknown.items():
        if len(beginning) <= len(path) and all(
            part in {above, EACH} for above, part in zip(beginning, path, strict=False)
        ):
            return why
    return ""


def _used(reading: Reading, values: Mapping[str, Any]) -> dict[str, Any]:
    roots = {path[0] for path in reading.paths} | ({"observed"} if reading.bound else set())
    return {root: values[root] for root in roots if root in values}


def _shown(reading: Reading, values: Mapping[str, Any]) -> Iterator[str]:
    for path in sorted(reading.paths)[:_MOST_SHOWN]:
        for full, value in _found(path, values):
            yield f"{spelled(full)} {f'has {_names(value)}' if isinstance(value, Mapping) else f'is {_text(value)}'}"


def _found(path: VariablePath, values: Any) -> Iterator[tuple[VariablePath, Any]]:  # noqa: ANN401 - any value may stand here
    if not path:
        yield (), values
    elif isinstance(values, Mapping):
        for name in values if path[0] == EACH else (path[0],):
            for rest, value in _found(path[1:], values[name]) if name in values else ():
                yield (name, *rest), value


def _names(value: Mapping[str, Any]) -> str:
    return ", ".join(sorted(value)) or "nothing"


def _text(value: object) -> str:
    if isinstance(value, float):
        return format_value(value)
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else str(value)


def _said(error: Exception) -> str:
    """What the library says of a run, for a person."""
    if isinstance(error, KeyError):
        return f'there is no "{error.args[0]}"; ask first: "{error.args[0]}" in ...'
    if isinstance(error, TypeError):
        return (
            "two things in it do not go together, such as a number and a text; compare like with like, write numbers "
            "without quotes and texts in quotes"
        )
    found = _FUNCTION_ERROR.match(str(error))
    return (f"{found['name']}: {found['fault']}" if found else str(error))[:_LONGEST_FAULT]


def _syntax(said: str) -> str:
    found = _SYNTAX_ERROR.search(said)
    return (
        (found["fault"] if found else said)
        .replace("mismatched input", "unexpected")
        .replace("'<EOF>'", "end")[:_LONGEST_FAULT]
    )


def _made_up(reading: Reading) -> dict[str, Any]:
    """Values of the right kinds under every path that is read; numbers that no arithmetic brings to 0 by chance."""
    numbers = (math.sqrt(n) for n in range(2, 1000) if math.isqrt(n) ** 2 != n)

    def filled(shape: Shape | Leaf, names: frozenset[str]) -> Any:  # noqa: ANN401 - any value may stand here
        if isinstance(shape, Leaf):
            leaves = {Leaf.TEXT: "1", Leaf.TIME: datetime(2026, 6, 1, 12, 34, tzinfo=UTC)}
            return leaves[shape] if shape in leaves else next(numbers)
        fields = {name: inner for name, inner in shape.items() if name != EACH}
        if EACH in shape:
            fields |= dict.fromkeys(names or {"1"}, shape[EACH])
        return {name: filled(inner, names) for name, inner in fields.items()}

    written = frozenset(part for path in reading.paths for part in path[1:] if part != EACH)
    return {name: filled(shape, written) for name, shape in VARIABLES.items()}
