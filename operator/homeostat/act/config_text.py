"""One change of a configuration text, whatever its format: a value turned into another, an item more or less.

A change is told by its place, the value before and the value intended; an empty one stands for a list item that is
not there. So every change is absolute, and its opposite is the same place with the values swapped.
"""

import re
from dataclasses import dataclass
from typing import Protocol

from homeostat.act import json_edit, text_edit, yaml_edit, yaml_list
from homeostat.act.edit_error import EditError, EditReason
from homeostat.act.list_text import Wanted
from homeostat.contracts.actions.reconfigure import ConfigFormat, ReconfigureAction

_FIELD = re.compile(r"data\[([-._a-zA-Z0-9]+)\](?::(Json|Text))?/(.*)", re.DOTALL)


class _ListEditor(Protocol):
    """What the editors of lists have in common."""

    def indexes_of_item(self, text: str, pointer: str, item: str, /) -> tuple[int, ...]: ...

    def read_item(self, text: str, pointer: str, index: int, /) -> str: ...

    def added_item(self, text: str, pointer: str, item: str, /) -> str: ...

    def with_item(self, text: str, pointer: str, index: int, item: str, wanted: Wanted | None, /) -> str: ...

    def without_item(self, text: str, pointer: str, index: int, /) -> str: ...


@dataclass(frozen=True, slots=True)
class ConfigField:
    """A place in a key of a ConfigMap: in a YAML or JSON text a JSON Pointer, in a plain text the line with <value>.

    As it is named in records: ``data[KEY]/limits/rate``, ``data[KEY]:Json/limits/rate``,
    ``data[KEY]:Text/children=<value>``.
    """

    key: str
    path: str
    format: ConfigFormat = ConfigFormat.YAML

    def __str__(self) -> str:
        if self.format is ConfigFormat.YAML:
            return f"data[{self.key}]{self.path}"
        slash = "/" if self.format is ConfigFormat.TEXT else ""
        return f"data[{self.key}]:{self.format}{slash}{self.path}"

    @classmethod
    def parse(cls, text: str) -> "ConfigField":
        """Read the name of a field.

        Raises:
            ValueError: it names no place in a key of a ConfigMap.
        """
        match = _FIELD.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not data[KEY] and a JSON Pointer, or a line of a plain text")
        key, named, path = match.groups()
        form = ConfigFormat(named) if named else ConfigFormat.YAML
        return cls(key, path if form is ConfigFormat.TEXT else f"/{path}", form)


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """A change that could be made: where, from what to what, and the whole text after it."""

    field: ConfigField
    before: str
    intended: str
    text: str


def read_value(text: str, path: str, form: ConfigFormat) -> str:
    """The value at a path, as it is written.

    Raises:
        EditError: there is no value there that could also be replaced.
    """
    match form:
        case ConfigFormat.YAML:
            return yaml_edit.read_scalar(text, path)
        case ConfigFormat.JSON:
            return json_edit.read_scalar(text, path)
        case ConfigFormat.TEXT:
            return text_edit.read_value(text, path)


def planned(text: str, action: ReconfigureAction, restored: str = "") -> ConfigChange:
    """The change that an action means for a text; ``restored`` is the value for ``restore``.

    Its text is the present one where nothing is left to do.

    Raises:
        EditError: it cannot be made.
    """
    place = ConfigField(action.key, action.path, action.format)
    if action.add is not None:
        return _planned_addition(text, place, action.add.item)
    if action.remove is not None:
        return _planned_removal(text, place, action.remove.item)
    before = read_value(text, action.path, action.format)
    if action.set is None:
        return ConfigChange(place, before, restored, _replaced(text, place, restored))
    if action.format is ConfigFormat.YAML:
        after = yaml_edit.replace_scalar(text, action.path, action.set.value)
    else:
        after = _replaced(text, place, action.set.value)
    return ConfigChange(place, before, read_value(after, action.path, action.format), after)


def turned(text: str, field: ConfigField, before: str, intended: str, wanted: Wanted | None = None) -> str:
    """The text with the value at a place turned from ``before`` to ``intended``, written just so.

    Several layouts can hold an item that is put back: ``wanted`` knows the one it had.

    Raises:
        EditError: what is there is not ``before``, or the change cannot be made.
    """
    if before and intended:
        if read_value(text, field.path, field.format) != before:
            raise EditError(EditReason.PATH_NOT_FOUND, f"{field} is not {before} any more")
        return _replaced(text, field, intended)
    lists = _lists(field.format)
    path, _, index = field.path.rpartition("/")
    if before:
        if lists.read_item(text, path, int(index)) != before:
            raise EditError(EditReason.PATH_NOT_FOUND, f"{field} is not {before} any more")
        return lists.without_item(text, path, int(index))
    if lists.indexes_of_item(text, path, intended):
        raise EditError(EditReason.PATH_NOT_FOUND, f"{intended} is in {path} already")
    return lists.with_item(text, path, int(index), intended, wanted)


def _replaced(text: str, field: ConfigField, value: str) -> str:
    match field.format:
        case ConfigFormat.YAML:
            return yaml_edit.replace_scalar(text, field.path, value, verbatim=True)
        case ConfigFormat.JSON:
            return json_edit.replace_scalar(text, field.path, value)
        case ConfigFormat.TEXT:
            return text_edit.replace_value(text, field.path, value)


def _planned_addition(text: str, place: ConfigField, item: str) -> ConfigChange:
    lists = _lists(place.format)
    present = lists.indexes_of_item(text, place.path, item)
    if present:
        return ConfigChange(_item_field(place, present[0]), "", item, text)
    after = lists.added_item(text, place.path, item)
    (index,) = lists.indexes_of_item(after, place.path, item)
    return ConfigChange(_item_field(place, index), "", lists.read_item(after, place.path, index), after)


def _planned_removal(text: str, place: ConfigField, item: str) -> ConfigChange:
    lists = _lists(place.format)
    present = lists.indexes_of_item(text, place.path, item)
    if not present:
        return ConfigChange(place, item, "", text)
    if len(present) > 1:
        message = f"{item} stands {len(present)} times in {place.path}: take the others out by hand first"
        raise EditError(EditReason.AMBIGUOUS, message)
    source = lists.read_item(text, place.path, present[0])
    return ConfigChange(_item_field(place, present[0]), source, "", lists.without_item(text, place.path, present[0]))


def _item_field(place: ConfigField, index: int) -> ConfigField:
    return ConfigField(place.key, f"{place.path}/{index}", place.format)


def _lists(form: ConfigFormat) -> _ListEditor:
    if form is ConfigFormat.TEXT:
        raise EditError(EditReason.NOT_A_LIST, "a plain text has no lists")
    return yaml_list if form is ConfigFormat.YAML else json_edit
