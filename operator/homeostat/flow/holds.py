"""What people do to hold the operator back, as values: a stop, a pause, planned work."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from homeostat.contracts.actions.kinds import ActionType


class HoldKind(StrEnum):
    """What holds back; each is a guard of this name."""

    STOP = "Stop"
    PAUSE = "Pause"
    MAINTENANCE = "Maintenance"


class HoldReason(StrEnum):
    """Why nothing is done, as one word; what cannot be read holds back like what it was meant to say."""

    STOPPED = "Stopped"
    STOP_UNREADABLE = "StopUnreadable"
    PAUSED = "Paused"
    PAUSE_UNREADABLE = "PauseUnreadable"
    UNDER_MAINTENANCE = "UnderMaintenance"
    SETTLING = "SettlingAfterMaintenance"
    MAINTENANCE_UNREADABLE = "MaintenanceUnreadable"
    UNKNOWN = "HoldsUnknown"


HOLD_REASONS = frozenset(map(str, HoldReason))


@dataclass(frozen=True, slots=True)
class Hold:
    """One thing that holds back. ``until`` None: until a person lifts it, or its end is not known.

    ``message`` says who holds what back until when, and why. ``is_rollout``: a rollout by others, which a rollback is
    the answer to and is not held back by.
    """

    kind: HoldKind
    reason: HoldReason
    message: str
    until: datetime | None = None
    is_rollout: bool = False


@dataclass(frozen=True, slots=True)
class Holds:
    """All that holds back at a moment. ``unknown`` says why it could not be found out: then nothing is written."""

    found: tuple[Hold, ...] = ()
    unknown: str = ""

    def joined(self, *others: "Holds") -> "Holds":
        """These and others, such as the stop of everything: whatever holds back in one of them does."""
        every = (self, *others)
        unknown = next((holds.unknown for holds in every if holds.unknown), "")
        return Holds(tuple(hold for holds in every for hold in holds.found), unknown)

    def first(self, action: ActionType | None = None) -> Hold | None:
        """What holds an act back, the strongest first; without an action, what is worth telling."""
        return next((hold for kind in HoldKind if (hold := self.of(kind, action))), None)

    def of(self, kind: HoldKind, action: ActionType | None = None) -> Hold | None:
        """What holds an act back of a kind, the longest first; everything where that is not known."""
        if self.unknown:
            return Hold(kind, HoldReason.UNKNOWN, f"whether people hold it back is not known: {self.unknown}")
        return max(self._of(kind, action), key=_lasts, default=None)

    def _of(self, kind: HoldKind, action: ActionType | None) -> Iterator[Hold]:
        for hold in self.found:
            if hold.kind is kind and not (hold.is_rollout and action is ActionType.ROLLBACK):
                yield hold


def _lasts(hold: Hold) -> tuple[bool, float]:
    return hold.until is None, hold.until.timestamp() if hold.until else 0.0


NO_HOLDS = Holds()


@dataclass(frozen=True, slots=True)
class Marked:
    """An object that people may have marked. ``by`` says of an annotation who wrote it and when, where that is known.

    ``name`` is worded as ``kubectl homeostat`` takes it: ``call-setup``, ``policy/call-setup``, ``namespace/ims``.
    """

    what: str
    name: str
    annotations: Mapping[str, str]
    by: Mapping[str, str] = field(default_factory=dict)
