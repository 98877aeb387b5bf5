"""Whether an intent is kept: one look added to each expectation's memory."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from homeostat.contracts.common import parse_duration
from homeostat.contracts.expectation import Expectation, NoData
from homeostat.contracts.service_intent import ExpectationStateName, Fulfilment, ServiceIntentSpec
from homeostat.flow.facts import Assessment, Look, Reading, Track, Unknown
from homeostat.flow.wording import clip, observed_text, promise_text

from .conditions import look_at
from .sustain import next_state, remembered

BREACHED, KEPT = "Breached", "Kept"
"""Reasons of the states that rest on data; the reason of Unknown is that of the reading."""

_NOT_LOOKED = Reading(None, Unknown.NOT_YET_OBSERVED, "not yet observed")


def assess(
    spec: ServiceIntentSpec, tracks: Mapping[str, Track], readings: Mapping[str, Reading], at: datetime
) -> Assessment:
    """Add one look per expectation and give the state of each, and of the intent.

    An expectation without a reading is looked at and found Unknown. A track may be seeded from a stored status, with a
    state and no looks: the state then holds until data decides. ``since`` and ``message`` are those of the transition;
    while Unknown, they follow the reason.
    """
    period = parse_duration(spec.observation_period)
    after = {
        expectation.name: _looked(
            expectation,
            tracks.get(expectation.name, Track()),
            look_at(expectation, readings.get(expectation.name, _NOT_LOOKED), at),
            period,
        )
        for expectation in spec.expectations
    }
    return Assessment(at, _fulfilment(spec, after), after)


def _looked(expectation: Expectation, track: Track, look: Look, period: timedelta) -> Track:
    looks = remembered((*track.looks, look), expectation.sustain.of, period, look.at)
    state = next_state(track.state, looks, expectation.sustain)
    same = state is track.state and bool(track.message)
    if same and state is not ExpectationStateName.UNKNOWN:
        return replace(track, looks=looks)
    reason, message = _explained(expectation, state, looks)
    if same and reason == track.reason:
        return replace(track, looks=looks)
    since = track.since if state is track.state and track.since is not None else look.at
    return Track(state, since, reason, message, looks)


def _explained(expectation: Expectation, state: ExpectationStateName, looks: tuple[Look, ...]) -> tuple[str, str]:
    window = looks[-expectation.sustain.of :]
    if state is ExpectationStateName.UNKNOWN:
        return _why_unknown(expectation, window)
    agrees = state is ExpectationStateName.MET
    seen = next((look.reading.value for look in reversed(window) if look.reading.value is not None), None)
    value = "held from before, not seen since" if seen is None else observed_text(seen, expectation)
    count = sum(look.met is agrees for look in window)
    text = f"{expectation.name} {value}, promised {promise_text(expectation)} ({count} of {len(window)} looks)"
    return (KEPT if agrees else BREACHED), text


def _why_unknown(expectation: Expectation, window: tuple[Look, ...]) -> tuple[str, str]:
    latest = next((look.reading for look in reversed(window) if look.reading.unknown is not None), None)
    if latest is not None and latest.unknown is not None and latest.unknown is not Unknown.NOT_YET_OBSERVED:
        return latest.unknown.value, clip(f"{expectation.name} is not known: {latest.message or latest.unknown.value}")
    known = sum(look.met is not None for look in window)
    wanted = expectation.sustain.breaches
    return (
        Unknown.NOT_YET_OBSERVED.value,
        f"{expectation.name} is not known yet: {known} looks with data, {wanted} that agree are needed",
    )


def _fulfilment(spec: ServiceIntentSpec, tracks: Mapping[str, Track]) -> Fulfilment:
    """Broken where data shows it, or where the author counts missing data as broken; else Unknown outweighs kept.

    Not having looked long enough yet is not missing data.
    """
    unknown = [e for e in spec.expectations if tracks[e.name].state is ExpectationStateName.UNKNOWN]
    missing = [e for e in unknown if tracks[e.name].reason != Unknown.NOT_YET_OBSERVED]
    if any(t.state is ExpectationStateName.VIOLATED for t in tracks.values()):
        return Fulfilment.NOT_FULFILLED
    if any(e.no_data is NoData.VIOLATE for e in missing):
        return Fulfilment.NOT_FULFILLED
    return Fulfilment.UNKNOWN if unknown else Fulfilment.FULFILLED
