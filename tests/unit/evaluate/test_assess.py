"""From looks to states."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat.contracts.common import ObjectRef
from homeostat.contracts.expectation import ConditionOperator, Expectation, NoData, Sustain
from homeostat.contracts.service_intent import ExpectationStateName, Fulfilment, ServiceIntentSpec
from homeostat.contracts.target import Target
from homeostat.evaluate.assess import assess
from homeostat.flow.facts import Assessment, Reading, Track, Unknown

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
MET, VIOLATED, UNKNOWN = ExpectationStateName.MET, ExpectationStateName.VIOLATED, ExpectationStateName.UNKNOWN
VALUES = {"M": 0.99, "B": 0.91, "h": 0.982}
"""M meets and clears; B breaches; h meets but does not clear; U, N are Unknown; - was not observed."""


def expectation(name: str = "setup-success", breaches: int = 3, of: int = 5, no_data: NoData = NoData.HOLD):
    return Expectation(
        name=name,
        query="q",
        condition=ConditionOperator.IS_EQUAL_TO_OR_GREATER_THAN,
        value="0.98",
        clear="0.985",
        sustain=Sustain(breaches=breaches, of=of),
        no_data=no_data,
    )


def intent(*expectations: Expectation, period: str = "5s") -> ServiceIntentSpec:
    target = Target(name="pcscf", ref=ObjectRef(api_version="apps/v1", kind="Deployment", name="pcscf"))
    return ServiceIntentSpec(targets=[target], expectations=list(expectations), observation_period=period)


def reading(letter: str) -> Reading:
    if letter == "U":
        return Reading(None, Unknown.STALE, "the sample is 40 s old")
    if letter == "N":
        return Reading(None, Unknown.NO_DATA, "the answer is empty")
    return Reading(VALUES[letter])


def watch(spec, letters: str, track: Track | None = None, step: float = 5) -> list[Assessment]:
    name = spec.expectations[0].name
    tracks = {name: track} if track else {}
    seen = []
    for number, letter in enumerate(letters):
        readings = {} if letter == "-" else {name: reading(letter)}
        result = assess(spec, tracks, readings, START + timedelta(seconds=step * number))
        tracks = dict(result.tracks)
        seen.append(result)
    return seen


def states(seen: list[Assessment], name: str = "setup-success") -> str:
    return "".join(a.tracks[name].state.value[0] for a in seen)


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("MMM", "UUM"),
        ("BBB", "UUV"),
        ("BBMB", "UUUV"),
        ("MMB", "UUU"),
        ("MMBM", "UUUM"),
        ("MMMBBB", "UUMMMV"),
        ("MMMBMBMB", "UUMMMMMV"),
        ("MMMBUBUB", "UUMMMMMV"),
        ("BBBU", "UUVV"),
        ("BBBUU", "UUVVV"),
        ("BBBUUU", "UUVVVU"),
        ("BBBUUUBBB", "UUVVVUUUV"),
        ("MMMUUU", "UUMMMU"),
        ("MMMUUUMMM", "UUMMMUUUM"),
        ("BBBMMM", "UUVVVM"),
        ("BBBhhh", "UUVVVV"),
        ("BBBhhhMMM", "UUVVVVVVM"),
        ("BBBMMhMM", "UUVVVVMM"),
        ("BBBMMUM", "UUVVVVM"),
        ("UUUUU", "UUUUU"),
        ("-----", "UUUUU"),
        ("BBUU", "UUUU"),
        ("hhh", "UUM"),
    ],
)
def test_states_follow_the_looks(letters, expected):
    assert states(watch(intent(expectation()), letters)) == expected


@pytest.mark.parametrize(
    ("letters", "breaches", "of", "expected"),
    [
        ("B", 1, 1, "V"),
        ("BMU", 1, 1, "VMU"),
        ("MB", 2, 2, "UU"),
        ("MMUMM", 2, 2, "UMUUM"),
        ("MMMBBBMMMM", 2, 5, "UMMMVVVVVM"),
        ("BBMMMM", 2, 5, "UVVVVM"),
    ],
)
def test_other_ways_to_sustain(letters, breaches, of, expected):
    assert states(watch(intent(expectation(breaches=breaches, of=of)), letters)) == expected


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("M", "V"),
        ("BB", "VV"),
        ("U", "V"),
        ("UU", "VV"),
        ("UUU", "VVU"),
        ("MMM", "VVM"),
        ("UUMMM", "VVVVM"),
        ("--M", "VVV"),
    ],
)
def test_a_violation_restored_from_storage_holds_until_data_decides(letters, expected):
    stored = Track(VIOLATED, START - timedelta(minutes=9), "Breached", "setup-success 0.9, promised >= 0.98")
    seen = watch(intent(expectation()), letters, stored)
    assert states(seen) == expected
    held = [a.tracks["setup-success"] for a in seen if a.tracks["setup-success"].state is VIOLATED]
    assert all((t.since, t.message) == (stored.since, stored.message) for t in held)


def test_a_restored_state_without_message_explains_itself():
    track = watch(intent(expectation()), "U", Track(VIOLATED, START))[-1].tracks["setup-success"]
    assert track.message == "setup-success held from before, not seen since, promised >= 0.98 (0 of 1 looks)"


def test_the_transition_is_told_in_a_sentence():
    seen = watch(intent(expectation()), "MMMBBBB")
    track = seen[-1].tracks["setup-success"]
    assert track.message == "setup-success 0.91, promised >= 0.98 (3 of 5 looks)"
    assert track.reason == "Breached"
    assert track.since == START + timedelta(seconds=25)
    assert seen[-1].violated() == ("setup-success",)
    kept = seen[2].tracks["setup-success"]
    assert (kept.reason, kept.message) == ("Kept", "setup-success 0.99, promised >= 0.98 (3 of 3 looks)")


def test_unknown_follows_the_latest_reason_and_keeps_its_beginning():
    seen = watch(intent(expectation()), "MMMUUUNN")
    first, last = seen[5].tracks["setup-success"], seen[-1].tracks["setup-success"]
    assert (first.reason, last.reason) == ("Stale", "NoData")
    assert last.message == "setup-success is not known: the answer is empty"
    assert first.since == last.since == START + timedelta(seconds=25)


def test_the_start_is_not_yet_observed():
    track = watch(intent(expectation()), "M")[-1].tracks["setup-success"]
    assert (track.reason, track.since) == ("NotYetObserved", START)
    assert track.message == "setup-success is not known yet: 1 looks with data, 3 that agree are needed"


@pytest.mark.parametrize(
    ("no_data", "letters", "fulfilment"),
    [
        (NoData.HOLD, "MMM", Fulfilment.FULFILLED),
        (NoData.HOLD, "BBB", Fulfilment.NOT_FULFILLED),
        (NoData.HOLD, "UUU", Fulfilment.UNKNOWN),
        (NoData.VIOLATE, "UUU", Fulfilment.NOT_FULFILLED),
        (NoData.VIOLATE, "---", Fulfilment.UNKNOWN),
        (NoData.VIOLATE, "M", Fulfilment.UNKNOWN),
        (NoData.VIOLATE, "MMM", Fulfilment.FULFILLED),
    ],
)
def test_missing_data_may_count_as_broken_but_is_never_violated(no_data, letters, fulfilment):
    last = watch(intent(expectation(no_data=no_data)), letters)[-1]
    assert last.fulfilment is fulfilment
    assert bool(last.violated()) == (letters == "BBB")


def test_one_broken_promise_outweighs_an_unknown_one():
    spec = intent(expectation("a"), expectation("b"))
    tracks: dict[str, Track] = {}
    for number in range(3):
        result = assess(spec, tracks, {"b": reading("B")}, START + timedelta(seconds=number))
        tracks = dict(result.tracks)
    assert result.fulfilment is Fulfilment.NOT_FULFILLED
    assert list(result.tracks) == ["a", "b"]


def test_an_unknown_promise_outweighs_kept_ones():
    spec = intent(expectation("a"), expectation("b"))
    tracks: dict[str, Track] = {}
    for number in range(3):
        result = assess(spec, tracks, {"b": reading("M")}, START + timedelta(seconds=number))
        tracks = dict(result.tracks)
    assert result.fulfilment is Fulfilment.UNKNOWN


@pytest.mark.parametrize(
    ("step", "count", "of", "kept"),
    [(1, 400, 5, 300), (0.25, 2000, 5, 600), (60, 30, 5, 5), (120, 30, 3, 3), (10, 100, 60, 60)],
)
def test_memory_is_bounded(step, count, of, kept):
    spec = intent(expectation(of=of), period=f"{max(1, int(step))}s")
    looks = watch(spec, "M" * count, step=step)[-1].tracks["setup-success"].looks
    assert len(looks) == kept
    assert list(looks) == sorted(looks, key=lambda look: look.at)


def test_looks_from_before_a_long_pause_do_not_help_to_make_a_breach():
    spec = intent(expectation())
    before = dict(watch(spec, "MMMBB")[-1].tracks)
    after = assess(spec, before, {"setup-success": reading("B")}, START + timedelta(hours=1))
    assert after.tracks["setup-success"].state is MET
    assert len(after.tracks["setup-success"].looks) == 1


def test_readings_of_other_expectations_are_ignored():
    assert list(assess(intent(expectation()), {"old": Track()}, {"old": Reading(1.0)}, START).tracks) == [
        "setup-success"
    ]


@settings(deadline=None)
@given(
    st.text("MBhUN-", max_size=40),
    st.integers(1, 6).flatmap(lambda of: st.tuples(st.integers(1, of), st.just(of))),
)
def test_violated_and_met_rest_on_enough_looks(letters, sustain):
    breaches, of = sustain
    before = UNKNOWN
    for result in watch(intent(expectation(breaches=breaches, of=of)), letters, step=1):
        track = result.tracks["setup-success"]
        window = track.looks[-of:]
        if track.state is VIOLATED and before is not VIOLATED:
            assert sum(look.met is False for look in window) >= breaches
            assert window[-1].met is False
        if track.state is MET and before is not MET:
            assert sum(look.met is True for look in window) >= breaches
        if track.state is MET and before is VIOLATED:
            assert sum(look.cleared is True for look in window) >= breaches
            assert window[-1].cleared is True
        if sum(look.met is None for look in window) > of - breaches:
            assert track.state is UNKNOWN
        before = track.state


@settings(deadline=None)
@given(st.text("UN-", max_size=30), st.sampled_from(NoData))
def test_no_unknown_ever_makes_a_violation(letters, no_data):
    spec = intent(expectation(no_data=NoData.HOLD if no_data is NoData.FALLBACK else no_data))
    assert all(not a.violated() for a in watch(spec, letters))


@settings(deadline=None)
@given(st.text("MhUN", max_size=30), st.text("UN-", min_size=3, max_size=5))
def test_unknown_looks_never_add_up_to_a_breach(letters, gap):
    assert all(not a.violated() for a in watch(intent(expectation()), letters + "B" + gap + "B" + gap))
