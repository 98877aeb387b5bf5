"""Why a configuration text is left as it is, and the bounds within which one is edited."""

from enum import StrEnum

LONGEST_TEXT = 262_144
"""Longest text that is edited, in characters."""

DEEPEST = 100
"""Deepest nesting of lists and mappings that is edited."""

LONGEST_VALUE = 1024
"""Longest value that is read or written, in characters: the most that a record holds."""


class EditReason(StrEnum):
    """Why a value cannot be read or changed."""

    NOT_YAML = "KeyIsNotYaml"
    NOT_JSON = "KeyIsNotJson"
    TEMPLATE = "KeyIsTemplate"
    PATH_NOT_FOUND = "PathNotFound"
    AMBIGUOUS = "Ambiguous"
    NOT_A_SCALAR = "NotAScalar"
    NOT_A_LIST = "NotAList"
    LAST_ITEM = "LastItem"
    ALIAS_OR_ANCHOR = "AliasOrAnchor"
    BLOCK_SCALAR = "BlockScalar"
    DUPLICATE_KEY = "DuplicateKey"
    TOO_LARGE = "TooLarge"


class EditError(Exception):
    """The text is left as it is; ``reason`` for machines, ``message`` for people."""

    def __init__(self, reason: EditReason, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message


def refuse_longer(text: str) -> None:
    """Refuse a text beyond the bounds before anything is spent on it.

    Raises:
        EditError: it is too long.
    """
    if len(text) > LONGEST_TEXT:
        raise EditError(
            EditReason.TOO_LARGE, f"{len(text)} characters are more than the {LONGEST_TEXT} that are edited"
        )
