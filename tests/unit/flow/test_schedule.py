import itertools

from hypothesis import given
from hypothesis import strategies as st

from homeostat.flow.schedule import Schedule, spread


@given(st.text(min_size=1), st.floats(min_value=0.1, max_value=3600))
def test_a_key_has_one_place_within_its_period(key, period):
    assert 0 <= spread(key, period) < period
    assert spread(key, period) == spread(key, period)


def test_a_key_is_due_once_per_period():
    schedule = Schedule()
    schedule.plan("a", 10, now=0)
    taken = [now for now in range(100) if schedule.take_due(now)]
    assert len(taken) == 10
    assert all(later - earlier == 10 for earlier, later in itertools.pairwise(taken))


def test_lateness_is_told_and_missed_looks_are_not_made_up_for():
    schedule = Schedule()
    schedule.plan("a", 1, now=0)
    first = schedule.take_due(50)
    assert [key for key, _ in first] == ["a"]
    assert first[0][1] >= 49
    assert schedule.take_due(50.5) == ()
    assert schedule.seconds_to_next(50.5) == 0.5


def test_the_same_period_again_keeps_the_place_and_another_moves_it():
    schedule = Schedule()
    schedule.plan("a", 10, now=0)
    due = schedule.seconds_to_next(0)
    schedule.plan("a", 10, now=3)
    assert schedule.seconds_to_next(0) == due
    schedule.plan("a", 2, now=3)
    assert 3 <= (schedule.seconds_to_next(0) or 0) <= 5


def test_a_forgotten_key_is_due_no_more():
    schedule = Schedule()
    schedule.plan("a", 1, now=0)
    schedule.forget("a")
    assert schedule.take_due(100) == ()
    assert schedule.seconds_to_next(100) is None


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.floats(min_value=0.5, max_value=20)), max_size=20))
def test_no_key_is_taken_twice_in_one_turn(plans):
    schedule = Schedule()
    for key, period in plans:
        schedule.plan(key, period, now=0)
    for now in range(0, 60, 3):
        keys = [key for key, _ in schedule.take_due(now)]
        assert len(keys) == len(set(keys))
