"""The verdict on an act: Effective, Ineffective, Worse or Inconclusive; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from homeostat.contracts.common import parse_duration
from homeostat.contracts.remediation_policy import Verification
from homeostat.contracts.service_intent import Expectation, ExpectationStateName
from homeostat.contracts.verification import OutcomeName, VerificationResult
from homeostat.flow.facts import Look, Track
from homeostat.flow.wording import clip, format_span, format_time, format_value, observed_text, promise_text

from .baseline import Yardstick
from .coverage import Coverage, coverage

LOOKS_OF_HARM = 3
"""Looks in a row with a broken guard, or with too few ready replicas, that end the wait as Worse."""

_WORSE_OF = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of an act so far; ``outcome`` None: keep looking, at the latest at ``next_look_by``.

    ``ready_low_looks`` is to be handed back at the next look.
    """

    outcome: OutcomeName | None
    in_force_at: datetime | None
    message: str
    next_look_by: datetime | None
    ready_low_looks: int = 0


@dataclass(frozen=True, slots=True)
class _Act:
    """An act under judgement."""

    trigger: Yardstick
    guards: tuple[Yardstick, ...]
    result: VerificationResult
    terms: Verification
    tracks: Mapping[str, Track]
    now: datetime

    def track(self, yardstick: Yardstick) -> Track:
        return self.tracks.get(yardstick.expectation.name, Track())

    def looks_since(self, yardstick: Yardstick, at: datetime) -> tuple[Look, ...]:
        return tuple(look for look in self.track(yardstick).looks if at < look.at <= self.now)

    def seen(self, yardstick: Yardstick, at: datetime) -> Coverage:
        """How well an expectation was seen in the stabilisation window, as far as it lies after ``at``."""
        start = max(at, self.now - parse_duration(self.terms.stabilization))
        return coverage(self.track(yardstick).looks, start, self.now)


def judge(
    *,
    trigger: Expectation,
    guards: Sequence[Expectation],
    result: VerificationResult,
    terms: Verification,
    tracks: Mapping[str, Track],
    ready_now: int,
    awaiting: str,
    now: datetime,
    ready_low_looks: int = 0,
) -> Verdict:
    """Judge an act by the looks since it was made. Call it once per look.

    ``awaiting`` says what is not in force yet, empty once all is. ``ready_now`` is compared with
    ``result.ready_before`` during that wait (for an act that removes replicas, ``ready_before`` is the number that is
    meant to stay); the looks in a row that were below are counted in ``ready_low_looks``, which comes back in the
    verdict and is to be handed in at the next look. ``trigger`` must be among the tracks to ever be Effective.
    """
    act = _Act(
        trigger=_yardstick(trigger, trigger, result, tracks),
        guards=tuple(_yardstick(guard, trigger, result, tracks) for guard in guards),
        result=result,
        terms=terms,
        tracks=tracks,
        now=now,
    )
    harm = _broken_guard(act)
    if result.in_force_at is None and awaiting:
        low = ready_low_looks + 1 if ready_now < result.ready_before else 0
        if not harm and low >= LOOKS_OF_HARM:
            harm = f"{ready_now} replicas are ready, {result.ready_before} were before the act, for {low} looks"
        return _decided(OutcomeName.WORSE, None, harm) if harm else _while_waiting(act, awaiting, low)
    in_force_at = result.in_force_at or now
    harm = harm or _worse_than_before(act, in_force_at)
    return _decided(OutcomeName.WORSE, in_force_at, harm) if harm else _stabilising(act, in_force_at)


def _yardstick(
    expectation: Expectation, trigger: Expectation, result: VerificationResult, tracks: Mapping[str, Track]
) -> Yardstick:
    baselines = {b.expectation: b for b in result.baselines}
    own, triggers = baselines.get(expectation.name), baselines.get(trigger.name)
    load = next((b.load for b in (own, triggers) if b is not None and b.load), "")
    looks = tracks.get(trigger.name, Track()).looks
    load_at = {look.at: look.reading.load for look in looks if look.reading.load is not None}
    return Yardstick(expectation, own, load_at, float(load) if load else None)


def _decided(outcome: OutcomeName, in_force_at: datetime | None, message: str) -> Verdict:
    return Verdict(outcome, in_force_at, clip(message), None)


def _while_waiting(act: _Act, awaiting: str, low: int) -> Verdict:
    limit = parse_duration(act.terms.propagation)
    ends = act.result.started_at + limit
    if act.now >= ends:
        message = f"NotInForce: the change did not take hold within {format_span(limit)}; still awaited: {awaiting}."
        return _decided(OutcomeName.INEFFECTIVE, None, message)
    message = clip(f"Waiting until the change is in force, at most until {format_time(ends)}: {awaiting}.")
    return Verdict(None, None, message, ends, low)


def _broken_guard(act: _Act) -> str:
    """A guard that was known to be kept before the act and is Violated since, by looks that load does not explain."""
    for guard in act.guards:
        track, since = act.track(guard), act.looks_since(guard, act.result.started_at)
        last = since[-LOOKS_OF_HARM:]
        newly = track.since is None or track.since > act.result.started_at
        broken = track.state is ExpectationStateName.VIOLATED and newly and guard.was_kept
        if broken and len(last) == LOOKS_OF_HARM and all(guard.breaches(look) for look in last):
            return f"guard {_against_before(guard, last[-1])}, for {len(last)} looks."
    return ""


def _worse_than_before(act: _Act, in_force_at: datetime) -> str:
    """The trigger or a guard is worse than its baseline in 3 of the last 5 looks that saw only the time since.

    An indicator over a window still contains events from before the change until the window has passed.
    """
    for yardstick in (act.trigger, *act.guards):
        window = parse_duration(yardstick.expectation.window)
        last = act.looks_since(yardstick, in_force_at + window)[-_WORSE_OF:]
        worse = [look for look in last if yardstick.is_worse(look)]
        if len(worse) >= LOOKS_OF_HARM:
            return f"{_against_before(yardstick, worse[-1])}: worse than before in {len(worse)} of {len(last)} looks."
    return ""


def _stabilising(act: _Act, in_force_at: datetime) -> Verdict:
    """Effective once the trigger's state has been Met for the whole window, and enough of it was seen.

    Met is the state by N of M looks, as everywhere: the rule by which the promise was found broken finds it kept.
    """
    track, name = act.track(act.trigger), act.trigger.expectation.name
    stabilization, deadline = parse_duration(act.terms.stabilization), parse_duration(act.terms.deadline)
    kept_from = max(track.since or in_force_at, in_force_at)
    throughout = track.state is ExpectationStateName.MET and act.now - kept_from >= stabilization
    latest = track.looks[-1] if track.looks else None
    unseen = [y.expectation.name for y in (act.trigger, *act.guards) if not act.seen(y, in_force_at).is_enough]
    if throughout and latest is not None and latest.met is True and not unseen:
        message = f"{_against_before(act.trigger, latest)}, throughout {format_span(stabilization)}."
        return _decided(OutcomeName.EFFECTIVE, in_force_at, message)
    ends = in_force_at + deadline
    if act.now < ends:
        wait = f"In force since {format_time(in_force_at)}; {name} must be kept for {format_span(stabilization)}."
        return Verdict(None, in_force_at, wait, _next_look(act.now, kept_from + stabilization, ends))
    blind = latest is None or act.seen(act.trigger, in_force_at).is_mostly_unknown
    return _at_deadline(act, in_force_at, throughout=throughout, unseen=[name] if blind else unseen, blind=blind)


def _at_deadline(act: _Act, in_force_at: datetime, *, throughout: bool, unseen: Sequence[str], blind: bool) -> Verdict:
    """Ineffective needs looks that show it; where too little was seen and nothing seen breaches, nobody can tell."""
    start = max(in_force_at, act.now - parse_duration(act.terms.stabilization))
    window = act.looks_since(act.trigger, start)
    breached = any(look.met is False for look in window) and not throughout
    if blind or (not breached and (unseen or window[-1].met is None)):
        what = ", ".join(unseen) or act.trigger.expectation.name
        message = f"{what} could not be measured often enough to tell whether the act helped."
        return _decided(OutcomeName.INCONCLUSIVE, in_force_at, message)
    span = format_span(parse_duration(act.terms.stabilization))
    message = f"{_against_before(act.trigger, window[-1])}: not kept for {span} by the deadline."
    return _decided(OutcomeName.INEFFECTIVE, in_force_at, message)


def _next_look(now: datetime, *moments: datetime) -> datetime:
    return min((moment for moment in moments if moment > now), default=now + timedelta(seconds=1))


def _against_before(yardstick: Yardstick, look: Look) -> str:
    expectation, value, before = yardstick.expectation, look.reading.value, yardstick.before
    seen = "is not known now" if value is None else observed_text(value, expectation)
    was = "" if before is None else f"was {format_value(before)}, "
    return f"{expectation.name} {seen} ({was}promised {promise_text(expectation)})"
