"""How a run of a step ended: Effective, Ineffective, Worse, Inconclusive, NoCapacity or Failed; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from homeostat.contracts.common import parse_duration
from homeostat.contracts.expectation import Expectation
from homeostat.contracts.remediation_policy import Verification
from homeostat.contracts.service_intent import ExpectationStateName
from homeostat.contracts.verification import OutcomeName, VerificationResult
from homeostat.flow.facts import Track
from homeostat.flow.wording import clip, format_span, format_time

from .harm import LOOKS_OF_HARM, Change, against_before, broken_guard, change, worse_than_before

LOOKS_OF_REFUSAL = 3
"""Looks in a row at which the cluster refuses what was asked for, that end the wait."""


class Obstacle(StrEnum):
    """What stands against a change coming into force, where more than time does.

    NoNode: pods find no node, which an autoscaler may bring, so that the whole limit is waited for. Refused: a quota or
    an admission refusal, which no waiting lifts. Failed: the object says itself that it cannot go on.
    """

    NONE = "None"
    NO_NODE = "NoNode"
    REFUSED = "Refused"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class Awaited:
    """What is not in force yet, as it continues "waiting for"; empty once all is."""

    text: str = ""
    obstacle: Obstacle = Obstacle.NONE

    @property
    def ends_the_wait(self) -> bool:
        """Whether more waiting is of no use."""
        return self.obstacle in {Obstacle.REFUSED, Obstacle.FAILED}


@dataclass(frozen=True, slots=True)
class InARow:
    """Looks in a row at which too few replicas were ready, and at which the cluster refused."""

    ready_low: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of an act so far; ``outcome`` None: keep looking, at the latest at ``next_look_by``.

    ``in_a_row`` is to be handed back at the next look.
    """

    outcome: OutcomeName | None
    in_force_at: datetime | None
    message: str
    next_look_by: datetime | None
    in_a_row: InARow = InARow()


def judge(
    *,
    trigger: Expectation,
    guards: Sequence[Expectation],
    result: VerificationResult,
    terms: Verification,
    tracks: Mapping[str, Track],
    ready_now: int,
    awaiting: Awaited,
    now: datetime,
    timed_out_at: datetime | None = None,
    in_a_row: InARow = InARow(),
) -> Verdict:
    """Judge an act by the looks since it was made. Call it once per look.

    ``ready_now`` is compared with ``result.ready_before`` while something is awaited (for an act that removes replicas,
    ``ready_before`` is the number that is meant to stay). ``timed_out_at`` is when the step's own timeout ends that
    wait; without one the terms' ``propagation`` does. ``in_a_row`` comes back in the verdict and is to be handed in at
    the next look. ``trigger`` must be among the tracks to ever be Effective.
    """
    act = change(
        trigger=trigger,
        guards=guards,
        baselines=result.baselines,
        began_at=result.started_at,
        terms=terms,
        tracks=tracks,
        now=now,
    )
    harm = broken_guard(act)
    if result.in_force_at is None and awaiting.text:
        in_a_row = InARow(
            ready_low=in_a_row.ready_low + 1 if ready_now < result.ready_before else 0,
            refused=in_a_row.refused + 1 if awaiting.ends_the_wait else 0,
        )
        if not harm and in_a_row.ready_low >= LOOKS_OF_HARM:
            low = f"{ready_now} replicas are ready, {result.ready_before} were before the act"
            harm = f"{low}, for {in_a_row.ready_low} looks"
        if harm:
            return _decided(OutcomeName.WORSE, None, harm)
        return _while_waiting(act, awaiting, timed_out_at or act.began_at + parse_duration(terms.propagation), in_a_row)
    in_force_at = result.in_force_at or now
    harm = harm or worse_than_before(act, in_force_at)
    return _decided(OutcomeName.WORSE, in_force_at, harm) if harm else _stabilising(act, in_force_at)


def _while_waiting(act: Change, awaiting: Awaited, ends: datetime, in_a_row: InARow) -> Verdict:
    if in_a_row.refused >= LOOKS_OF_REFUSAL and awaiting.obstacle is Obstacle.FAILED:
        return _decided(OutcomeName.FAILED, None, f"The change cannot come into force: {awaiting.text}.")
    if in_a_row.refused >= LOOKS_OF_REFUSAL:
        return _decided(OutcomeName.NO_CAPACITY, None, f"The cluster cannot give what was asked for: {awaiting.text}.")
    if act.now < ends:
        message = f"Waiting until the change is in force, at most until {format_time(ends)}: {awaiting.text}."
        return Verdict(None, None, clip(message), ends, in_a_row)
    waited = format_span(ends - act.began_at)
    if awaiting.obstacle is Obstacle.NO_NODE:
        message = f"The cluster could not give what was asked for within {waited}: {awaiting.text}."
        return _decided(OutcomeName.NO_CAPACITY, None, message)
    message = f"NotInForce: the change did not take hold within {waited}; still awaited: {awaiting.text}."
    return _decided(OutcomeName.INEFFECTIVE, None, message)


def _decided(outcome: OutcomeName, in_force_at: datetime | None, message: str) -> Verdict:
    return Verdict(outcome, in_force_at, clip(message), None)


def _stabilising(act: Change, in_force_at: datetime) -> Verdict:
    """Effective once the trigger's state has been Met for the whole window, and enough of it was seen.

    Met is the state by N of M looks, as everywhere: the rule by which the promise was found broken finds it kept.
    """
    track, name = act.track(act.trigger), act.trigger.expectation.name
    stabilization, deadline = parse_duration(act.terms.stabilization), parse_duration(act.terms.deadline)
    kept_from = max(track.since or in_force_at, in_force_at)
    throughout = track.state is ExpectationStateName.MET and act.now - kept_from >= stabilization
    latest = track.looks[-1] if track.looks else None
    unseen = [y.expectation.name for y in act.all if not act.seen(y, in_force_at).is_enough]
    if throughout and latest is not None and latest.met is True and not unseen:
        message = f"{against_before(act.trigger, latest)}, throughout {format_span(stabilization)}."
        return _decided(OutcomeName.EFFECTIVE, in_force_at, message)
    ends = in_force_at + deadline
    if act.now < ends:
        wait = f"In force since {format_time(in_force_at)}; {name} must be kept for {format_span(stabilization)}."
        return Verdict(None, in_force_at, wait, _next_look(act.now, kept_from + stabilization, ends))
    blind = latest is None or act.seen(act.trigger, in_force_at).is_mostly_unknown
    return _at_deadline(act, in_force_at, throughout=throughout, unseen=[name] if blind else unseen, blind=blind)


def _at_deadline(
    act: Change, in_force_at: datetime, *, throughout: bool, unseen: Sequence[str], blind: bool
) -> Verdict:
    """Ineffective needs looks that show it; where too little was seen and nothing seen breaches, nobody can tell."""
    start = max(in_force_at, act.now - parse_duration(act.terms.stabilization))
    window = act.looks_since(act.trigger, start)
    breached = any(look.met is False for look in window) and not throughout
    if blind or (not breached and (unseen or window[-1].met is None)):
        what = ", ".join(unseen) or act.trigger.expectation.name
        message = f"{what} could not be measured often enough to tell whether the act helped."
        return _decided(OutcomeName.INCONCLUSIVE, in_force_at, message)
    span = format_span(parse_duration(act.terms.stabilization))
    message = f"{against_before(act.trigger, window[-1])}: not kept for {span} by the deadline."
    return _decided(OutcomeName.INEFFECTIVE, in_force_at, message)


def _next_look(now: datetime, *moments: datetime) -> datetime:
    return min((moment for moment in moments if moment > now), default=now + timedelta(seconds=1))
