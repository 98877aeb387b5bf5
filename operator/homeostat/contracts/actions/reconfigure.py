"""The action ``reconfigure``."""

import re
from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from homeostat.contracts.actions.kinds import ActionSpec, Reversal, Risk
from homeostat.contracts.common import ObjectName, Resource, cel

_POINTER = r"^(/[^/]+)+$"
_ONE = "give exactly one of set {path, value}, restore, add {path, item} and remove {path, item}"
_PATH_RULE = (
    "in format Yaml and Json the path is a JSON Pointer, such as /limits/rate; in format Text it is the begin of a "
    "line, with <value> once in it where the value stands, such as children=<value>"
)
_LIST_RULE = "a list item is added or removed in format Yaml or Json: a plain text has no lists"


class ConfigFormat(StrEnum):
    """How a configuration text is read, to find the place in it."""

    YAML = "Yaml"
    JSON = "Json"
    TEXT = "Text"


Place = Annotated[str, Field(pattern=r"^[^\r\n]+$", min_length=1, max_length=512)]


class SetValue(Resource):
    """A value to write."""

    path: Annotated[
        Place,
        Field(
            description="JSON Pointer to a scalar that exists. In format Text: the line as it begins, with <value> "
            "where the value stands, and what follows the value if it is not the line's last word."
        ),
    ]
    value: Annotated[
        str,
        Field(
            max_length=1024,
            description="The value as the format writes it: 500, true or 'text' in Yaml, \"text\" with its quotes in "
            "Json, anything on one line in Text.",
        ),
    ]


class ListItem(Resource):
    """A single value in a list of such."""

    path: Annotated[str, Field(pattern=_POINTER, max_length=512, description="JSON Pointer to the list.")]
    item: Annotated[
        str, Field(min_length=1, max_length=1024, description="The item as the format writes it, such as 10.0.0.1.")
    ]


def _path_rule(path: str, optional: str) -> str:
    text = f"size(self.{path}.split('<value>')) == 2 && self.{path}.matches('^[^ \\t].*<value>')"
    return f"!has(self.{optional}) || (self.format == 'Text' ? {text} : self.{path}.matches('{_POINTER}'))"


class ReconfigureAction(ActionSpec):
    """Change one value in a key of a ConfigMap, then have the target take it up."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("[has(self.set), has(self.restore), has(self.add), has(self.remove)].exists_one(h, h)", _ONE),
                cel(_path_rule("set.path", "set"), _PATH_RULE, fieldPath=".set.path"),
                cel(_path_rule("restore", "restore"), _PATH_RULE, fieldPath=".restore"),
                cel("self.format != 'Text' || !(has(self.add) || has(self.remove))", _LIST_RULE, fieldPath=".format"),
            ]
        }
    )

    config_map: Annotated[ObjectName, Field(description="ConfigMap in the same namespace.")]
    key: Annotated[
        str,
        Field(pattern=r"^[-._a-zA-Z0-9]+$", min_length=1, max_length=253, description="Key that holds the text."),
    ]
    format: Annotated[
        ConfigFormat, Field(default=ConfigFormat.YAML, description="How the key's text is read: Yaml, Json or Text.")
    ]
    set: Annotated[SetValue | None, Field(default=None, description="Write this value.")]
    restore: Annotated[
        Place | None,
        Field(
            default=None,
            description="Path, as of set, of a scalar: write the value it had in the last content under which the "
            "promise was kept; refused where none is known.",
        ),
    ]
    add: Annotated[ListItem | None, Field(default=None, description="Add an item at the end of a list.")]
    remove: Annotated[ListItem | None, Field(default=None, description="Take an item out of a list.")]

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [change for change in (self.set, self.restore, self.add, self.remove) if change is not None]
        if len(given) != 1:
            raise ValueError(_ONE)
        if self.list_change is not None and self.format is ConfigFormat.TEXT:
            raise ValueError(_LIST_RULE)
        if not self._is_path_of_format():
            raise ValueError(_PATH_RULE)
        return self

    def _is_path_of_format(self) -> bool:
        if self.format is ConfigFormat.TEXT:
            return self.path.count("<value>") == 1 and re.match(r"[^ \t].*<value>", self.path) is not None
        return re.fullmatch(_POINTER, self.path) is not None

    @property
    def list_change(self) -> ListItem | None:
        """The item that is added or removed, where one is."""
        return self.add or self.remove

    @property
    def path(self) -> str:
        """Where the change is made; of a list item, the list."""
        if self.set is not None:
            return self.set.path
        return self.list_change.path if self.list_change is not None else self.restore or ""

    @property
    def default_risk(self) -> Risk:
        """Low for a value that worked before; one that is set has not proven itself."""
        return Risk.LOW if self.restore is not None else Risk.MEDIUM

    @property
    def reversal(self) -> Reversal:
        """The value before can be written again."""
        return Reversal.POSSIBLE
