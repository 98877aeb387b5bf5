"""Whether it is a time to act (pure).

A window is half-open: its first moment belongs to it, the moment at which it ends does not. It begins when cron says,
in its time zone, and lasts for the time that passes. As in Debian's cron, of a local time that a change to daylight
saving skips the window begins at once after the gap, and of one that comes twice at the first; where minute or hour
begin with ``*``, it begins at every local time that fits and none that is skipped.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from homeostat.contracts.common import parse_duration
from homeostat.contracts.windows import ChangeWindow

from .question import Finding, Question, deny, permit

_LONGEST_JUMP = timedelta(hours=3)
"""Clocks are set back by less. In the hour that comes twice, cronsim does not find what began in it the first time."""

_MOST_JUMPS = 64
"""After so many windows on end it is not told when the last one ends."""


def windows(question: Question) -> Finding:
    """No freeze lasts, and if there are windows for changes, one is open."""
    stated = question.terms.guardrails.windows
    if not stated:
        return permit("no windows are set")
    now = question.now
    frozen = next((window for window in stated if window.deny and end_of(window, now) is not None), None)
    if frozen is not None:
        return deny("Frozen", f"window {frozen.name} lets nothing be done; {_until(stated, now)}")
    allowed = [window for window in stated if window.allow]
    opened = next((window for window in allowed if end_of(window, now) is not None), None)
    if allowed and opened is None:
        names = ", ".join(window.name for window in allowed)
        return deny("OutsideWindow", f"changes are made only in {names}; {_until(stated, now)}")
    return permit(f"window {opened.name} is open" if opened else "no freeze lasts now")


def end_of(window: ChangeWindow, at: datetime) -> datetime | None:
    """When the window ends that lasts at this moment; None where none does."""
    begun = _last_begin(window, at)
    if begun is None:
        return None
    end = begun + parse_duration(window.duration)
    return end if at < end else None


def next_permitted(stated: Iterable[ChangeWindow], at: datetime) -> datetime | None:
    """The first moment from this one on at which no freeze lasts and changes are allowed; None: none is in sight."""
    freezes = [window for window in stated if window.deny]
    allowed = [window for window in stated if window.allow]
    moment = at
    for _ in range(_MOST_JUMPS):
        ends = [end for window in freezes if (end := end_of(window, moment)) is not None]
        if ends:
            moment = max(ends)
        elif not allowed or any(end_of(window, moment) for window in allowed):
            return moment
        else:
            begins = [begin for window in allowed if (begin := _next_begin(window, moment)) is not None]
            if not begins:
                return None
            moment = min(begins)
    return None


def _until(stated: Iterable[ChangeWindow], now: datetime) -> str:
    moment = next_permitted(stated, now)
    return f"it goes on by itself at {moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "no end of this is in sight"


def _last_begin(window: ChangeWindow, at: datetime) -> datetime | None:
    """The last begin at or before a moment."""
    later = at.replace(microsecond=0) + _LONGEST_JUMP + timedelta(seconds=1)
    for begin in CronSim(window.cron, later.astimezone(ZoneInfo(window.time_zone)), reverse=True):
        moment = begin.astimezone(UTC)
        if moment <= at:
            return moment
    return None


def _next_begin(window: ChangeWindow, at: datetime) -> datetime | None:
    """The first begin after a moment."""
    earlier = at.replace(microsecond=0) - _LONGEST_JUMP
    for begin in CronSim(window.cron, earlier.astimezone(ZoneInfo(window.time_zone))):
        moment = begin.astimezone(UTC)
        if moment > at:
            return moment
    return None
