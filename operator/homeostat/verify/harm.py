"""Whether anything got worse since a change, be it an act or its undo; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from homeostat.contracts.common import parse_duration
from homeostat.contracts.expectation import Expectation
from homeostat.contracts.remediation_policy import Verification
from homeostat.contracts.service_intent import ExpectationStateName
from homeostat.contracts.verification import Baseline
from homeostat.flow.facts import Look, Track
from homeostat.flow.wording import format_value, observed_text, promise_text

from .baseline import Yardstick
from .coverage import Coverage, coverage

LOOKS_OF_HARM = 3
"""Looks in a row with a broken guard, or with too few ready replicas, that tell of harm."""

_WORSE_OF = 5


@dataclass(frozen=True, slots=True)
class Change:
    """A change under judgement, and what was seen since it began."""

    trigger: Yardstick
    guards: tuple[Yardstick, ...]
    began_at: datetime
    terms: Verification
    tracks: Mapping[str, Track]
    now: datetime

    @property
    def all(self) -> tuple[Yardstick, ...]:
        """The trigger and the guards."""
        return (self.trigger, *self.guards)

    def track(self, yardstick: Yardstick) -> Track:
        """Memory of an expectation."""
        return self.tracks.get(yardstick.expectation.name, Track())

    def looks_since(self, yardstick: Yardstick, at: datetime) -> tuple[Look, ...]:
        """Looks at an expectation after a moment."""
        return tuple(look for look in self.track(yardstick).looks if at < look.at <= self.now)

    def seen(self, yardstick: Yardstick, at: datetime) -> Coverage:
        """How well an expectation was seen in the stabilisation window, as far as it lies after ``at``."""
        start = max(at, self.now - parse_duration(self.terms.stabilization))
        return coverage(self.track(yardstick).looks, start, self.now)


def change(
    *,
    trigger: Expectation,
    guards: Sequence[Expectation],
    baselines: Sequence[Baseline],
    began_at: datetime,
    terms: Verification,
    tracks: Mapping[str, Track],
    now: datetime,
) -> Change:
    """Put a change together with what it is compared with."""

    def yardstick(expectation: Expectation) -> Yardstick:
        return _yardstick(expectation, trigger, baselines, tracks)

    return Change(yardstick(trigger), tuple(map(yardstick, guards)), began_at, terms, tracks, now)


def _yardstick(
    expectation: Expectation, trigger: Expectation, baselines: Sequence[Baseline], tracks: Mapping[str, Track]
) -> Yardstick:
    named = {b.expectation: b for b in baselines}
    own, triggers = named.get(expectation.name), named.get(trigger.name)
    load = next((b.load for b in (own, triggers) if b is not None and b.load), "")
    looks = tracks.get(trigger.name, Track()).looks
    load_at = {look.at: look.reading.load for look in looks if look.reading.load is not None}
    return Yardstick(expectation, own, load_at, float(load) if load else None)


def broken_guard(change: Change) -> str:
    """A guard that was known to be kept before the act and is Violated since, by looks that load does not explain."""
    for guard in change.guards:
        track, since = change.track(guard), change.looks_since(guard, change.began_at)
        last = since[-LOOKS_OF_HARM:]
        newly = track.since is None or track.since > change.began_at
        broken = track.state is ExpectationStateName.VIOLATED and newly and guard.was_kept
        if broken and len(last) == LOOKS_OF_HARM and all(guard.breaches(look) for look in last):
            return f"guard {against_before(guard, last[-1])}, for {len(last)} looks."
    return ""


def worse_than_before(change: Change, in_force_at: datetime) -> str:
    """The trigger or a guard is worse than its baseline in 3 of the last 5 looks that saw only the time since.

    An indicator over a window still contains events from before the change until the window has passed.
    """
    for yardstick in change.all:
        window = parse_duration(yardstick.expectation.window)
        last = change.looks_since(yardstick, in_force_at + window)[-_WORSE_OF:]
        worse = [look for look in last if yardstick.is_worse(look)]
        if len(worse) >= LOOKS_OF_HARM:
            return f"{against_before(yardstick, worse[-1])}: worse than before in {len(worse)} of {len(last)} looks."
    return ""


def against_before(yardstick: Yardstick, look: Look) -> str:
    """A value beside what it was before and what is promised."""
    expectation, value, before = yardstick.expectation, look.reading.value, yardstick.before
    seen = "is not known now" if value is None else observed_text(value, expectation)
    was = "" if before is None else f"was {format_value(before)}, "
    return f"{expectation.name} {seen} ({was}promised {promise_text(expectation)})"
