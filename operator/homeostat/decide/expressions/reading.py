"""Reads an expression before the CEL library does, and refuses what could be dear or could not be understood (pure).

The library has no limit of cost, holds the interpreter's lock while it runs, and tells an unknown name only when it
gets there. So the text is cut into words here, checked, and put together anew from the very words that were checked:

- at most 1024 characters, 256 words and signs, and parentheses 16 deep;
- only the variables, fields and functions of the vocabulary; every path of fields leads to one plain value;
- ``all`` and ``exists`` twice at most, never one in the other, and over ``observed`` alone, which has at most 16 names.

What passes takes at most some thousand steps, each over short values, and reads nothing that its paths do not name.
Whole numbers are written as doubles: CEL does not mix the two.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from homeostat.contracts.common import MAX_EXPRESSION_LENGTH

from .vocabulary import (
    EACH,
    EXPECTATION,
    FUNCTIONS,
    MACROS,
    TEXT_METHODS,
    TIME_METHODS,
    VARIABLES,
    Leaf,
    Shape,
    spelled,
)

MOST_WORDS = 256
MOST_DEPTH = 16
MOST_MACROS = 2

VariablePath = tuple[str, ...]

OWN_FUNCTION = "zoned_{}"
"""Name under which the library knows a function of ours: those of its own cannot be replaced."""

_KEYWORDS = frozenset({"true", "false", "in"})
_SIGNS = r"&&|\|\||[=!<>]=|[<>+\-*/!?:()\[\],.]"
_WORD = re.compile(
    r"(?P<number>(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?![A-Za-z0-9_])"
    r"|(?P<text>\"[^\"\\\r\n]*\"|'[^'\\\r\n]*')"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    rf"|(?P<sign>{_SIGNS})"
)
_SPACE = re.compile(r"[ \t\r\n]*")


class ExpressionError(ValueError):
    """What is wrong with an expression, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Reading:
    """An expression that passed: the text for the library, what it reads, and the names that its macros bind."""

    text: str
    paths: frozenset[VariablePath]
    bound: frozenset[str]


class _Kind(Enum):
    NUMBER = auto()
    TEXT = auto()
    NAME = auto()
    SIGN = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class _Word:
    kind: _Kind
    text: str


_END = _Word(_Kind.END, "")


def read(text: str) -> Reading:
    """Read an expression.

    Raises:
        ExpressionError: it says something that is not allowed or not known here.
    """
    return _Reader(_words(text)).read()


def _words(text: str) -> list[_Word]:
    if len(text) > MAX_EXPRESSION_LENGTH:
        raise ExpressionError(f"it has {len(text)} characters, and {MAX_EXPRESSION_LENGTH} are allowed")
    words: list[_Word] = []
    place = _skip_space(text, 0)
    while place < len(text):
        found = _WORD.match(text, place)
        if found is None or found.lastgroup is None:
            raise ExpressionError(f"{text[place : place + 12]!r} is not understood: {_hint(text[place])}")
        words.append(_Word(_Kind[found.lastgroup.upper()], found.group()))
        place = _skip_space(text, found.end())
    if len(words) > MOST_WORDS:
        raise ExpressionError(f"it has {len(words)} words and signs, and {MOST_WORDS} are allowed")
    if not words:
        raise ExpressionError("it is empty")
    return words


def _skip_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _hint(sign: str) -> str:
    if sign in "\"'":
        return "a text stands between quotes on one line, without backslashes"
    if sign.isdigit():
        return "write a number as 6 or 0.75"
    return "there are names, numbers, texts in quotes, && || ! == != < <= > >= + - * / ?: in ( ) [ ]"


class _Reader:
    """Goes through the words once."""

    def __init__(self, words: list[_Word]) -> None:
        self._words = words
        self._at = 0
        self._out: list[str] = []
        self._paths: set[VariablePath] = set()
        self._open: list[str] = []
        self._bound: set[str] = set()
        self._macros = 0
        self._scope: tuple[str, int] | None = None

    def read(self) -> Reading:
        while self._at < len(self._words):
            self._read_one()
        return Reading(" ".join(self._out), frozenset(self._paths), frozenset(self._bound))

    def _word(self, ahead: int = 0) -> _Word:
        place = self._at + ahead
        return self._words[place] if 0 <= place < len(self._words) else _END

    def _is_sign(self, sign: str, ahead: int = 0) -> bool:
        return self._word(ahead) == _Word(_Kind.SIGN, sign)

    def _take(self, count: int = 1) -> None:
        self._out += [word.text for word in self._words[self._at : self._at + count]]
        self._at += count

    def _read_one(self) -> None:
        word = self._word()
        if word.kind is _Kind.NUMBER:
            self._number(word.text)
        elif word.kind is _Kind.NAME:
            self._name(word.text)
        elif word == _Word(_Kind.SIGN, "."):
            self._method()
        else:
            self._sign_or_text(word.text)

    def _number(self, text: str) -> None:
        value = float(text)
        if not math.isfinite(value):
            raise ExpressionError(f"{text} is too large a number")
        self._out.append(repr(value))
        self._at += 1

    def _sign_or_text(self, text: str) -> None:
        if text == "[" and self._follows_a_value():
            raise ExpressionError('[ ] stands only after observed and intent.labels, such as observed["NAME"].value')
        if text in {"(", "["}:
            self._open.append(text)
            if len(self._open) > MOST_DEPTH:
                raise ExpressionError(f"its parentheses are more than {MOST_DEPTH} deep")
        if text in {")", "]"} and self._open:
            self._open.pop()
            if self._scope is not None and len(self._open) < self._scope[1]:
                self._scope = None
        self._take()

    def _follows_a_value(self) -> bool:
        before = self._word(-1)
        is_keyword = before.kind is _Kind.NAME and before.text == "in"
        return (before.kind is not _Kind.SIGN and before.kind is not _Kind.END and not is_keyword) or (
            before.kind is _Kind.SIGN and before.text in {")", "]"}
        )

    def _name(self, name: str) -> None:
        if name in _KEYWORDS:
            self._take()
        elif self._is_sign("(", 1):
            if name not in FUNCTIONS:
                raise ExpressionError(_no_function(name))
            self._take()
        elif self._scope is not None and name == self._scope[0]:
            if self._is_sign(".", 1) and not self._is_sign("(", 3):
                raise ExpressionError(f"{name} is the name of an expectation: write observed[{name}].value")
            self._take()
        elif name in VARIABLES:
            self._variable()
        else:
            raise ExpressionError(f"{name} is not known; there are {_listed(VARIABLES)}")

    def _variable(self) -> None:
        after_in = self._word(-1) == _Word(_Kind.NAME, "in")
        path = self._path()
        end = _follow(path)
        if isinstance(end, Leaf):
            self._paths.add(path)
        elif path == ("observed",) and self._is_sign(".") and self._word(1).text in MACROS:
            self._macro()
        elif EACH in end and after_in:
            self._paths.add(path)
        else:
            raise ExpressionError(f"{spelled(path)} is no plain value: write {_examples(path, end)}")

    def _path(self) -> VariablePath:
        """The path of fields that begins here, taken."""
        path = [self._word().text]
        self._take()
        while True:
            if self._is_sign(".") and self._word(1).kind is _Kind.NAME and not self._is_sign("(", 2):
                path.append(self._word(1).text)
                self._take(2)
            elif self._is_sign("[") and self._is_sign("]", 2) and self._index() is not None:
                path.append(self._index() or "")
                self._take(3)
            else:
                return tuple(path)

    def _index(self) -> str | None:
        word = self._word(1)
        if word.kind is _Kind.TEXT:
            return word.text[1:-1]
        in_scope = self._scope is not None and word == _Word(_Kind.NAME, self._scope[0])
        return EACH if in_scope else None

    def _macro(self) -> None:
        name, variable = self._word(1).text, self._word(3)
        if not (self._is_sign("(", 2) and variable.kind is _Kind.NAME and self._is_sign(",", 4)):
            raise ExpressionError(f"write observed.{name}(NAME, ...), with observed[NAME].state and the like in it")
        if variable.text in VARIABLES or variable.text in _KEYWORDS:
            raise ExpressionError(f"{variable.text} means something else already: give the expectation another name")
        self._macros += 1
        if self._scope is not None:
            raise ExpressionError("all and exists cannot stand in one another")
        if self._macros > MOST_MACROS:
            raise ExpressionError(f"all and exists can stand {MOST_MACROS} times in it, no more")
        self._bound.add(variable.text)
        self._open.append("(")
        self._scope = (variable.text, len(self._open))
        self._take(5)

    def _method(self) -> None:
        name = self._word(1)
        if name.kind is not _Kind.NAME or not self._is_sign("(", 2) or not self._follows_a_value():
            raise ExpressionError(f". and {name.text or 'nothing'} cannot stand here; {_functions()}")
        if name.text in TIME_METHODS:
            self._zone(name.text)
            self._out += [".", OWN_FUNCTION.format(name.text)]
            self._at += 2
        elif name.text in TEXT_METHODS:
            self._take(2)
        elif name.text in MACROS:
            raise ExpressionError(
                f"{name.text} runs through observed and nothing else: observed.{name.text}(NAME, ...)"
            )
        else:
            raise ExpressionError(_no_function(name.text))

    def _zone(self, method: str) -> None:
        if self._is_sign(")", 3):
            return
        zone = self._word(3)
        if zone.kind is not _Kind.TEXT or not self._is_sign(")", 4):
            raise ExpressionError(f'{method} takes nothing (UTC), or a time zone such as "Europe/Stockholm"')
        try:
            ZoneInfo(zone.text[1:-1])
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ExpressionError(f'{zone.text} is no time zone; they read like "Europe/Stockholm"') from None


def _follow(path: VariablePath) -> Shape | Leaf:
    node: Shape | Leaf = VARIABLES
    for depth, part in enumerate(path):
        if isinstance(node, Leaf):
            raise ExpressionError(f"{spelled(path[:depth])} is {node} and has no field {part}")
        if part in node and part != EACH:
            node = node[part]
        elif EACH in node:
            node = node[EACH]
        else:
            raise ExpressionError(f"{spelled(path[:depth])} has no field {part}; it has {_listed(node)}")
    return node


def _examples(path: VariablePath, shape: Mapping[str, Shape | Leaf]) -> str:
    if path[0] == "observed":
        return f'observed["NAME"].value; the fields are {_listed(EXPECTATION)}'
    if EACH in shape:
        return f'{spelled(path)}["NAME"]'
    return f"{spelled(path)}.{next(iter(shape))}; the fields are {_listed(shape)}"


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(names)


def _no_function(name: str) -> str:
    return f"there is no function {name}; {_functions()}"


def _functions() -> str:
    known = [*sorted(FUNCTIONS), *sorted(TEXT_METHODS), *TIME_METHODS, *sorted(f"observed.{m}" for m in MACROS)]
    return f"there are {', '.join(known)}"
