"""The scalars of a YAML text, and which of them two texts differ in.

Only read here; changing one is ``act.yaml_edit``. An alias is not followed but named, so that a change shows once, at
its own place, and a text of nested aliases stays as small as it is written.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

LONGEST_TEXT = 262_144
"""Longest text that is read, in characters: 256 KiB of configuration is far beyond what a person maintains."""

_DEEPEST = 100
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OPENING = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_CLOSING = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


class YamlTextError(Exception):
    """The text is not one YAML document that can be read safely; the message says why."""


@dataclass(frozen=True, slots=True)
class ScalarChange:
    """A scalar that differs between two texts; values as YAML text, empty where there was none."""

    path: str
    before: str
    after: str


def scalars(text: str) -> dict[str, str]:
    """All scalars by JSON Pointer, as written; an alias as ``*pointer``, an empty collection as ``{}`` or ``[]``.

    Of a key that occurs twice the last value counts, as it does for most readers.

    Raises:
        YamlTextError: not one YAML document, longer than LONGEST_TEXT, or nested deeper than 100 levels.
    """
    return {path: written for path, (_, written) in _read(text).items()}


def changed_scalars(before: str, after: str) -> tuple[ScalarChange, ...]:
    """The scalars that differ in value, in the order of the later text, then those that went.

    Raises:
        YamlTextError: one of the texts cannot be read.
    """
    old, new = _read(before), _read(after)
    nothing = ("", "")
    return tuple(
        ScalarChange(path, old.get(path, nothing)[1], new.get(path, nothing)[1])
        for path in dict.fromkeys([*new, *old])
        if old.get(path, nothing)[0] != new.get(path, nothing)[0]
    )


def _read(text: str) -> dict[str, tuple[str, str]]:
    if len(text) > LONGEST_TEXT:
        raise YamlTextError(f"{len(text)} characters are more than the {LONGEST_TEXT} that are read")
    try:
        _refuse_deep(text)
        root = yaml.compose(text, Loader=_LOADER)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise YamlTextError(" ".join(str(error).split())) from error
    return dict(_walk(root, "", text, {})) if root is not None else {}


def _refuse_deep(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        depth += isinstance(event, _OPENING)
        depth -= isinstance(event, _CLOSING)
        if depth > _DEEPEST:
            raise YamlTextError(f"nested deeper than {_DEEPEST} levels")


def _walk(node: yaml.Node, path: str, text: str, seen: dict[int, str]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Path, comparable value and written value of each scalar; a node that was seen before is an alias."""
    if id(node) in seen:
        alias = f"*{seen[id(node)] or '/'}"
        yield path, (alias, alias)
        return
    seen[id(node)] = path
    if isinstance(node, yaml.ScalarNode):
        yield path, (f"{node.tag} {node.value}", text[node.start_mark.index : node.end_mark.index].rstrip())
    elif not node.value:
        empty = "{}" if isinstance(node, yaml.MappingNode) else "[]"
        yield path, (empty, empty)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _walk(value, f"{path}/{_token(key)}", text, seen)
    else:
        for index, value in enumerate(node.value):
            yield from _walk(value, f"{path}/{index}", text, seen)


def _token(key: yaml.Node) -> str:
    if not isinstance(key, yaml.ScalarNode):
        raise YamlTextError(f"line {key.start_mark.line + 1}: a key that is not a scalar has no JSON Pointer")
    return str(key.value).replace("~", "~0").replace("/", "~1")
