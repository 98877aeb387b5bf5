"""Fields of Kubernetes objects by JSON Pointer, whose list items may also be named by one of their fields (pure).

``/spec/rules/0/backendRefs/[name=v2]/weight`` is the weight of the item whose name is v2; a selector may look deeper:
``[destination.subset=v2]``. It must fit exactly one item.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

Place = tuple[str | int, ...]
"""Where a field is in one body: keys of maps and indexes of lists."""

_ANNOTATIONS = ("metadata", "annotations")


class FieldPathError(Exception):
    """The path leads to no field; ``reason`` for machines, ``message`` for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message


def tokens_of(path: str) -> tuple[str, ...]:
    """The parts of a path, unescaped; selectors as they are written."""
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:])


def names_paths(field: str) -> bool:
    """Whether the field of a plan names paths, parted by spaces; an extension may call what it changes anything."""
    return field.startswith("/")


def is_through_lists(path: str) -> bool:
    """Whether a path may lead through a list."""
    return any(token.isdigit() or token.startswith("[") for token in tokens_of(path))


def find(body: Mapping[str, Any], path: str) -> Place:
    """The place of a field that exists, or that could be added to a map that exists.

    Raises:
        FieldPathError: what it would be in does not exist, an item fits no selector or several do, or what is there is
            not a scalar.
    """
    place: Place = ()
    node: Any = body
    *way, last = tokens_of(path)
    for token in way:
        key = _key(node, token, path)
        place = (*place, key)
        if place == _ANNOTATIONS and isinstance(node, Mapping) and key not in node:
            return (*place, last)
        node = _inside(node, key, path)
    key = _key(node, last, path)
    if not isinstance(node, Mapping) and key >= len(node):  # type: ignore[operator]
        raise FieldPathError("PathNotFound", f"{path}: the list has no item {last}")
    value = node.get(key) if isinstance(node, Mapping) else node[key]
    if isinstance(value, Mapping | list):
        raise FieldPathError("NotAScalar", f"{path} is a list or a map: name a scalar in it")
    return (*place, key)


def value_at(body: Mapping[str, Any], place: Place) -> Any:  # noqa: ANN401 - whatever JSON holds
    """What stands at a place; None where nothing does."""
    node: Any = body
    for key in place:
        if isinstance(node, Mapping):
            node = node.get(key)
        elif isinstance(node, list) and isinstance(key, int) and key < len(node):
            node = node[key]
        else:
            return None
    return node


def with_values(body: Mapping[str, Any], values: Mapping[Place, Any]) -> dict[str, Any]:
    """The body with other values of some fields; None removes one."""
    after = copy.deepcopy(dict(body))
    for place, value in values.items():
        _set(after, place, value)
    return after


def _key(node: Any, token: str, path: str) -> str | int:  # noqa: ANN401
    if isinstance(node, Mapping):
        return token
    if not isinstance(node, list):
        raise FieldPathError("PathNotFound", f"{path}: what {token} would be in is neither a map nor a list")
    if token.isdigit():
        return int(token)
    if not token.startswith("["):
        raise FieldPathError("PathNotFound", f"{path}: {token} is in a list: name an item by index or by [field=value]")
    name, _, wanted = token[1:-1].partition("=")
    fitting = [index for index, item in enumerate(node) if _text_at(item, name.split(".")) == wanted]
    if len(fitting) != 1:
        reason, how_many = (
            ("ItemAmbiguous", f"{len(fitting)} items fit") if fitting else ("ItemNotFound", "no item fits")
        )
        raise FieldPathError(reason, f"{path}: {how_many} {token}, and one must")
    return fitting[0]


def _text_at(item: Any, names: Sequence[str]) -> str | None:  # noqa: ANN401
    value = value_at(item, tuple(names)) if isinstance(item, Mapping) else None
    if value is None or isinstance(value, Mapping | list):
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _inside(node: Any, key: str | int, path: str) -> Any:  # noqa: ANN401
    found = value_at({"": node}, ("", key))
    if found is None:
        raise FieldPathError(
            "ParentNotFound",
            f"{path}: there is no {key}. A field can be added to what exists, so that taking it back leaves nothing "
            "behind; add its parent by hand first",
        )
    return found


def _set(body: dict[str, Any], place: Place, value: Any) -> None:  # noqa: ANN401
    node: Any = body
    for key in place[:-1]:
        node = node.setdefault(key, {}) if isinstance(node, dict) else node[key]
    if value is None:
        node.pop(place[-1], None)
    else:
        node[place[-1]] = value
