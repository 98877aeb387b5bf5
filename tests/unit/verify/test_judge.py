"""The verdict on an act."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat.contracts.common import ObjectRef
from homeostat.contracts.expectation import ConditionOperator, Expectation, Ratio
from homeostat.contracts.remediation_policy import Verification
from homeostat.contracts.service_intent import ExpectationStateName, ServiceIntentSpec
from homeostat.contracts.target import Target
from homeostat.contracts.verification import OutcomeName, VerificationResult
from homeostat.evaluate.assess import assess
from homeostat.flow.facts import Reading, Track, Unknown
from homeostat.verify.baseline import baseline
from homeostat.verify.judge import Awaited, InARow, Obstacle, Verdict, judge

ACT = datetime(2026, 1, 1, 12, tzinfo=UTC)
TERMS = Verification(propagation="20s", stabilization="15s", deadline="60s", guard=["availability"])
BEFORE = 60
"""Looks made before the act, a second apart."""


def promise(name: str, value: str, window: str = "5s") -> Expectation:
    return Expectation(
        name=name,
        ratio=Ratio(good="g", total="t"),
        condition=ConditionOperator.IS_EQUAL_TO_OR_GREATER_THAN,
        value=value,
        window=window,
    )


TRIGGER, GUARD = promise("setup-success", "0.98"), promise("availability", "0.9")
INTENT = ServiceIntentSpec(
    targets=[Target(name="pcscf", ref=ObjectRef(api_version="apps/v1", kind="Deployment", name="pcscf"))],
    expectations=[TRIGGER, GUARD],
    observation_period="1s",
)
Values = Sequence[float | None]


def seconds(count: float) -> datetime:
    return ACT + timedelta(seconds=count)


def read(value: float | None, load: float | None) -> Reading:
    return Reading(None, Unknown.NO_DATA, "the answer is empty") if value is None else Reading(value, load=load)


class Story:
    """A breach, an act at second 0, in force at second ``force``, and what is seen afterwards, a look a second."""

    def __init__(self, guard_before: Values | None = None, breach_looks: int = 10, loads=None, terms=TERMS):
        self.tracks: dict[str, Track] = {}
        self.loads = loads or (lambda _: 100.0)
        self.terms, self.in_a_row = terms, InARow()
        healthy = BEFORE - breach_looks
        before = [0.999] * healthy + [0.91, 0.90, 0.92, 0.91, 0.9] * (breach_looks // 5 + 1)
        guard = guard_before or [0.99]
        for n in range(BEFORE):
            self.look(n - BEFORE + 1, before[n], guard[n % len(guard)])
        baselines = [baseline(name, self.tracks[name].looks, ACT) for name in ("setup-success", "availability")]
        self.result = VerificationResult(
            step="s", attempt=1, started_at=ACT, baselines=baselines, ready_before=2, outcome=None
        )

    def look(self, second: float, value: float | None, guard: float | None = 0.99) -> None:
        at, load = seconds(second), self.loads(second)
        readings = {"setup-success": read(value, load), "availability": read(guard, load)}
        self.tracks = dict(assess(INTENT, self.tracks, readings, at).tracks)

    def judge(self, second: float, awaiting: str = "", ready: int = 2, obstacle: Obstacle = Obstacle.NONE) -> Verdict:
        verdict = judge(
            trigger=TRIGGER,
            guards=[GUARD],
            result=self.result,
            terms=self.terms,
            tracks=self.tracks,
            ready_now=ready,
            awaiting=Awaited(awaiting, obstacle),
            now=seconds(second),
            in_a_row=self.in_a_row,
        )
        self.in_a_row = verdict.in_a_row
        self.result = self.result.model_copy(update={"in_force_at": verdict.in_force_at})
        return verdict

    def run(self, values: Values, guards: Values | None = None, force: int = 5) -> tuple[int, Verdict]:
        """Look and judge each second until there is a verdict; gives the second of it."""
        for second, value in enumerate(values, start=1):
            self.look(second, value, guards[second - 1] if guards else 0.99)
            verdict = self.judge(second, awaiting="" if second >= force else "pods ready")
            if verdict.outcome is not None:
                return second, verdict
        return len(values), verdict


EFFECTIVE, INEFFECTIVE = OutcomeName.EFFECTIVE, OutcomeName.INEFFECTIVE
WORSE, INCONCLUSIVE = OutcomeName.WORSE, OutcomeName.INCONCLUSIVE


@pytest.mark.parametrize(
    ("values", "outcome", "second"),
    [
        # Met from second 3 on (3 of 5 looks), in force at 5: kept throughout 15 s at second 20.
        ([0.99] * 90, EFFECTIVE, 20),
        # Met only from second 12 on: kept throughout at 27.
        ([0.91] * 9 + [0.99] * 90, EFFECTIVE, 27),
        # One bad look does not end it, but the last look must be good.
        ([0.99] * 14 + [0.9] + [0.99] * 80, EFFECTIVE, 20),
        ([0.99] * 19 + [0.9] + [0.99] * 80, EFFECTIVE, 21),
        ([0.91] * 90, INEFFECTIVE, 65),
        ([0.91] * 60 + [0.99] * 30, INEFFECTIVE, 65),
        # A look in three breaches, and 3 of 5 keep the promise: kept, by the promise's own measure.
        ([0.99, 0.99, 0.9] * 30, EFFECTIVE, 20),
        ([0.99, 0.9] * 45, INEFFECTIVE, 65),
        ([0.91] * 10 + [0.5] * 80, WORSE, 13),
        ([0.5] * 90, WORSE, 13),
        ([None] * 90, INCONCLUSIVE, 65),
        ([0.99] * 10 + [None] * 80, INCONCLUSIVE, 65),
        ([0.91] * 10 + [None] * 80, INCONCLUSIVE, 65),
        # Every second look has no data: kept as far as seen, but not seen enough.
        ([0.99, None] * 45, INCONCLUSIVE, 65),
        # One look in four has no data: enough was seen.
        ([0.99, 0.99, 0.99, None] * 20, EFFECTIVE, 21),
    ],
)
def test_an_act_is_judged_by_the_looks_after_it(values, outcome, second):
    at, verdict = Story().run(values)
    assert (verdict.outcome, at) == (outcome, second)
    assert verdict.in_force_at == seconds(5)
    assert verdict.next_look_by is None


@pytest.mark.parametrize("length", range(1, 60))
def test_an_unknown_latest_look_is_never_a_success(length):
    story = Story()
    story.run([0.99] * 19)
    for second in range(20, 20 + length % 3):
        story.look(second, 0.99)
    story.look(19 + length, None)
    assert story.judge(19 + length).outcome is not EFFECTIVE


def test_the_verdict_reads_as_a_sentence():
    _, verdict = Story().run([0.996] * 30)
    assert verdict.message == "setup-success 0.996 (was 0.91, promised >= 0.98), throughout 15 s."


def test_a_baseline_of_few_samples_never_makes_the_trigger_worse():
    at, verdict = Story(breach_looks=5).run([0.5] * 90)
    assert (verdict.outcome, at) == (INEFFECTIVE, 65)


def test_events_from_before_the_change_are_not_held_against_it():
    # The window of 5 s still holds calls that failed before the change was in force at second 5.
    at, verdict = Story().run([0.5] * 10 + [0.99] * 80)
    assert verdict.outcome is EFFECTIVE
    assert at == 28


@pytest.mark.parametrize(("load", "outcome"), [(100.0, WORSE), (160.0, EFFECTIVE)])
def test_a_helpful_act_during_a_ramp_is_not_worse(load, outcome):
    story = Story(loads=lambda second: 100.0 if second <= 0 else load)
    _, verdict = story.run([0.6] * 20 + [0.99] * 60)
    assert verdict.outcome is outcome


@pytest.mark.parametrize(
    ("guards", "outcome", "second"),
    [
        ([0.5] * 90, WORSE, 3),
        ([0.99, 0.5] * 45, WORSE, 16),
        ([0.99] * 10 + [0.5] * 80, WORSE, 13),
        ([0.99] * 12 + [0.93] * 80, WORSE, 15),
        ([None] * 90, INCONCLUSIVE, 65),
        ([0.99] * 90, EFFECTIVE, 20),
        ([0.985] * 90, EFFECTIVE, 20),
    ],
)
def test_a_guard_expectation_must_not_get_worse(guards, outcome, second):
    at, verdict = Story().run([0.99] * 90, guards)
    assert (verdict.outcome, at) == (outcome, second)
    if outcome is WORSE:
        assert "availability" in verdict.message


def test_a_guard_that_was_broken_before_is_not_the_acts_doing():
    at, verdict = Story(guard_before=[0.5]).run([0.99] * 90, [0.5] * 90)
    assert (verdict.outcome, at) == (EFFECTIVE, 20)


def test_a_guard_that_was_unknown_before_is_not_the_acts_doing():
    _, verdict = Story(guard_before=[None]).run([0.99] * 90, [0.5] * 90)
    assert verdict.outcome is EFFECTIVE


def test_a_guard_that_only_the_load_breaks_is_not_the_acts_doing():
    story = Story(loads=lambda second: 100.0 if second <= 0 else 200.0)
    at, verdict = story.run([0.99] * 90, [0.85] * 90)
    assert (verdict.outcome, at) == (EFFECTIVE, 20)


@pytest.mark.parametrize(
    ("ready", "outcome", "second"),
    [
        ([1, 1, 1], WORSE, 3),
        ([2, 1, 1, 2, 1, 1, 2], None, 7),
        ([3, 3, 3, 3], None, 4),
        ([1, 1, 0], WORSE, 3),
    ],
)
def test_fewer_ready_replicas_than_before_for_three_looks_is_worse(ready, outcome, second):
    story = Story()
    for at, count in enumerate(ready, start=1):
        story.look(at, 0.91)
        verdict = story.judge(at, "pods ready", count)
        if verdict.outcome is not None:
            break
    assert (verdict.outcome, at) == (outcome, second)


@pytest.mark.parametrize(("second", "outcome"), [(19, None), (20, INEFFECTIVE), (21, INEFFECTIVE)])
def test_a_change_that_does_not_take_hold_is_ineffective(second, outcome):
    story = Story()
    verdict = story.judge(second, "2 of 3 pods ready")
    assert verdict.outcome is outcome
    assert verdict.in_force_at is None
    if outcome is None:
        assert verdict.next_look_by == seconds(20)
    else:
        assert verdict.message == (
            "NotInForce: the change did not take hold within 20 s; still awaited: 2 of 3 pods ready."
        )


def test_in_force_at_the_last_moment_counts():
    assert Story().judge(20).in_force_at == seconds(20)


def test_in_force_stays_in_force():
    story = Story()
    story.look(1, 0.91)
    assert story.judge(1).in_force_at == seconds(1)
    story.look(2, 0.91)
    assert story.judge(2, "pods ready").in_force_at == seconds(1)


def test_the_next_look_is_due_when_something_can_change():
    story = Story()
    story.look(1, 0.91)
    first = story.judge(1)
    assert first.next_look_by == seconds(16)
    story.look(17, 0.91)
    assert story.judge(17).next_look_by == seconds(61)


def test_a_restart_that_lost_the_looks_waits_for_new_ones():
    story = Story()
    story.run([0.99] * 10)
    kept = story.tracks["setup-success"].since
    story.tracks = {name: Track(state=t.state, since=t.since) for name, t in story.tracks.items()}
    story.look(30, 0.99)
    assert story.tracks["setup-success"].since == kept
    assert story.judge(30).outcome is None
    for second in range(31, 39):
        story.look(second, 0.99)
        assert story.judge(second).outcome is None
    story.look(39, 0.99)
    assert story.judge(39).outcome is EFFECTIVE


def test_without_a_track_of_the_trigger_nothing_is_known():
    story = Story()
    story.tracks = {}
    assert story.judge(1).outcome is None
    assert story.judge(100).outcome is INCONCLUSIVE


def test_a_state_without_beginning_counts_from_the_change_in_force():
    story = Story()
    story.run([0.99] * 19)
    track = story.tracks["setup-success"]
    story.look(20, 0.99)
    story.tracks["setup-success"] = replace(story.tracks["setup-success"], since=None)
    assert track.state is ExpectationStateName.MET
    assert story.judge(20).outcome is EFFECTIVE


readings = st.one_of(st.none(), st.floats(0, 1))


@settings(deadline=None, max_examples=60)
@given(st.lists(readings, min_size=1, max_size=80), st.lists(readings, min_size=80, max_size=80), st.integers(1, 25))
def test_whatever_happens_the_verdict_rests_on_data(values, guards, force):
    story = Story()
    second, verdict = story.run(values, guards, force)
    trigger = story.tracks["setup-success"]
    if verdict.outcome is EFFECTIVE:
        assert trigger.state is ExpectationStateName.MET
        assert trigger.looks[-1].met is True
        assert second >= force + 15
        seen = [look for look in trigger.looks if look.at > seconds(second - 15)]
        assert 3 * sum(look.met is None for look in seen) <= len(seen)
    if verdict.outcome is INEFFECTIVE and verdict.in_force_at is not None:
        assert second >= force + 60
    if verdict.outcome is None:
        assert verdict.next_look_by is not None
        assert verdict.next_look_by > seconds(second)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 80), st.integers(1, 25))
def test_unknown_alone_is_neither_success_nor_harm(count, force):
    _, verdict = Story().run([None] * count, [None] * count, force)
    assert verdict.outcome in {None, INCONCLUSIVE, INEFFECTIVE}
    if verdict.outcome is INEFFECTIVE:
        assert verdict.message.startswith("NotInForce")


def wait_for(obstacle: Obstacle, looks: int = 30, ready: int = 2) -> tuple[int, Verdict]:
    story = Story()
    for second in range(1, looks):
        story.look(second, 0.91)
        verdict = story.judge(second, awaiting="2 pods are pending", ready=ready, obstacle=obstacle)
        if verdict.outcome is not None:
            return second, verdict
    return looks, verdict


@pytest.mark.parametrize(
    ("obstacle", "outcome", "second"),
    [
        (Obstacle.REFUSED, OutcomeName.NO_CAPACITY, 3),
        (Obstacle.FAILED, OutcomeName.FAILED, 3),
        # An autoscaler may bring a node within the propagation of 20 s.
        (Obstacle.NO_NODE, OutcomeName.NO_CAPACITY, 20),
        (Obstacle.NONE, OutcomeName.INEFFECTIVE, 20),
    ],
)
def test_what_cannot_come_into_force_ends_the_wait_as_what_it_is(obstacle, outcome, second):
    ended, verdict = wait_for(obstacle)
    assert (ended, verdict.outcome) == (second, outcome)
    assert "2 pods are pending" in verdict.message


def test_a_refusal_that_is_lifted_in_between_begins_anew():
    story = Story()
    for second, obstacle in enumerate([Obstacle.REFUSED, Obstacle.REFUSED, Obstacle.NONE] * 3, start=1):
        story.look(second, 0.91)
        assert story.judge(second, awaiting="pods", obstacle=obstacle).outcome is None


def test_fewer_ready_replicas_than_before_are_harm_even_without_capacity():
    ended, verdict = wait_for(Obstacle.NO_NODE, ready=1)
    assert (ended, verdict.outcome) == (3, OutcomeName.WORSE)


def test_a_timeout_of_the_step_takes_the_place_of_the_propagation():
    story = Story()
    for second in range(1, 60):
        story.look(second, 0.91)
        verdict = judge(
            trigger=TRIGGER,
            guards=[GUARD],
            result=story.result,
            terms=TERMS,
            tracks=story.tracks,
            ready_now=2,
            awaiting=Awaited("the Job to end"),
            now=seconds(second),
            timed_out_at=seconds(40),
        )
        if verdict.outcome is not None:
            break
    assert (second, verdict.outcome) == (40, OutcomeName.INEFFECTIVE)
