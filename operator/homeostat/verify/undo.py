"""Whether an undo did what it should: in force, and nothing worse than before it; pure.

An undo need not help: what it took back may have been the better. It is verified once its fields are back and in force,
and the trigger and the guards were watched for the stabilisation window without one of them getting worse; it counts
from when they no longer contain events from before. Where they cannot be measured for so long, as after a restart of
their pods, the watch goes on until the deadline at the latest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from homeostat.contracts.common import parse_duration
from homeostat.contracts.expectation import Expectation
from homeostat.contracts.remediation_policy import Verification
from homeostat.contracts.verification import UndoResult, UndoState
from homeostat.flow.facts import Track
from homeostat.flow.wording import clip, format_value, observed_text

from .baseline import Yardstick
from .harm import Change, broken_guard, change, worse_than_before


@dataclass(frozen=True, slots=True)
class UndoVerdict:
    """What is known of an undo in force; ``state`` None: keep looking."""

    state: UndoState | None
    message: str = ""


def judge_undo(
    *,
    trigger: Expectation,
    guards: Sequence[Expectation],
    result: UndoResult,
    in_force_at: datetime,
    terms: Verification,
    tracks: Mapping[str, Track],
    now: datetime,
) -> UndoVerdict:
    """Judge an undo that is in force by the looks since. Call it once per look."""
    undo = change(
        trigger=trigger,
        guards=guards,
        baselines=result.baselines,
        began_at=result.began_at,
        terms=terms,
        tracks=tracks,
        now=now,
    )
    harm = broken_guard(undo) or worse_than_before(undo, in_force_at)
    if harm:
        return UndoVerdict(UndoState.WORSE, clip(harm))
    window = max(parse_duration(y.expectation.window) for y in undo.all)
    watched = now >= in_force_at + window + parse_duration(terms.stabilization)
    unseen = any(not undo.seen(y, in_force_at).is_enough for y in undo.all)
    if not watched or (unseen and now < in_force_at + parse_duration(terms.deadline)):
        return UndoVerdict(None)
    seen = "; ".join(_told(undo, yardstick, in_force_at) for yardstick in undo.all)
    return UndoVerdict(UndoState.UNDONE, clip(f"{seen}."))


def _told(undo: Change, yardstick: Yardstick, in_force_at: datetime) -> str:
    """An expectation beside what it was before the undo: ``setup-success 0.97 as before``."""
    expectation, before = yardstick.expectation, yardstick.before
    looks = undo.looks_since(yardstick, in_force_at)
    value = looks[-1].reading.value if looks else None
    if value is None or not undo.seen(yardstick, in_force_at).is_enough:
        return f"{expectation.name} could not be measured"
    seen = f"{expectation.name} {observed_text(value, expectation)}"
    if before is None:
        return seen
    same = format_value(before) == format_value(value)
    return f"{seen} as before" if same else f"{seen} (was {format_value(before)})"
