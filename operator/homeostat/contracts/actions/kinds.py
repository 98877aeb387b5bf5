"""What all actions have in common: their names, their risk, and whether they can be taken back."""

from abc import ABC, abstractmethod
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from homeostat.contracts.common import Name, Resource


class Risk(StrEnum):
    """Risk of an action; authors may raise an action's default, never lower it."""

    LOW = "Low"
    MEDIUM = "Medium"
    HIGH = "High"


class Reversal(StrEnum):
    """Whether an act can be taken back, known before it is done."""

    POSSIBLE = "Possible"
    IMPOSSIBLE = "Impossible"


class ActionType(StrEnum):
    """Kinds of action."""

    SCALE = "Scale"
    RECONFIGURE = "Reconfigure"
    RESIZE = "Resize"
    ROLLBACK = "Rollback"
    RESTART = "Restart"
    EVICT = "Evict"
    PATCH = "Patch"
    JOB = "Job"
    HTTP = "Http"
    EXTENSION = "Extension"


class ActionSpec(Resource, ABC):
    """What every action states."""

    target: Annotated[Name, Field(description="Target of the intent that is acted on, or on whose behalf.")]

    @property
    @abstractmethod
    def default_risk(self) -> Risk:
        """Risk of the action itself.

        Low: easily taken back, and takes nothing from anyone. Medium: may drop work in progress, or brings what has
        not proven itself. High: reaches beyond the target, or cannot be foreseen.
        """

    @property
    @abstractmethod
    def reversal(self) -> Reversal:
        """Whether it can be taken back."""
