"""What was tried, read from the record alone."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.contracts.operations import OperationKind, OperationState
from homeostat.contracts.steps import Retries, Step
from homeostat.contracts.verification import OutcomeName
from homeostat.flow.attempts import (
    GIVEN_UP,
    MOST_VERIFICATIONS,
    failed_tries,
    goes_on_after_success,
    has_later,
    has_room,
    lacks_room_for,
    last_ended,
    may_run_again,
    next_attempt,
    retry_wait,
    runs,
    timed_out_at,
    try_again_at,
)
from tests.unit.record.samples import AT, POLICY, operation, status, verification

STEP = Step.model_validate({**POLICY["steps"][0], "retries": {"limit": 2, "backoff": "4s"}, "timeout": "30s"})
OTHER = STEP.model_copy(update={"name": "shed-load"})


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def tried(attempt: int, state: OperationState, message: str = "a quota stands against it", at: float = 0):
    moment = AT + seconds(at)
    return operation(
        id=f"o{attempt}",
        attempt=attempt,
        state=state,
        message=message,
        recorded_at=moment,
        finished_at=moment + seconds(1),
    )


VOID, APPLIED = OperationState.VOID, OperationState.APPLIED
REFUSED_TWICE = status(operations=[tried(1, VOID), tried(2, VOID, at=10)], verifications=[])


def test_tries_that_were_not_made_are_no_runs():
    found = status(operations=[tried(1, VOID), tried(2, APPLIED), tried(3, OperationState.UNKNOWN)])
    assert runs(found) == {"add-capacity": 2}
    assert next_attempt(found, "add-capacity") == 4
    assert next_attempt(found, "shed-load") == 1


@pytest.mark.parametrize(
    ("operations", "before", "expected"),
    [
        ([tried(1, VOID), tried(2, VOID)], 3, [1, 2]),
        # The present attempt is not one of those before it.
        ([tried(1, VOID), tried(2, APPLIED)], 2, [1]),
        # A run that was made is another run.
        ([tried(1, VOID), tried(2, APPLIED), tried(3, VOID)], 4, [3]),
        # What a guard held back was not tried.
        ([tried(1, VOID), tried(2, VOID, f"{GIVEN_UP}CoolingDown"), tried(3, VOID)], 4, [1, 3]),
        ([], 1, []),
    ],
)
def test_the_tries_of_one_run_are_told_from_those_of_another(operations, before, expected):
    found = failed_tries(status(operations=operations, verifications=[]), "add-capacity", before)
    assert [tries[0].attempt for tries in found] == expected


def test_a_run_that_ended_as_failed_is_not_counted_again():
    ended = verification(attempt=2, outcome=OutcomeName.FAILED)
    found = status(operations=[tried(1, VOID), tried(2, VOID), tried(3, VOID)], verifications=[ended])
    assert len(failed_tries(found, "add-capacity", 4)) == 1


def test_the_next_try_waits_from_the_end_of_the_last():
    at = try_again_at(REFUSED_TWICE, STEP, 3, "uid")
    assert at is not None
    assert AT + seconds(11 + 4) <= at <= AT + seconds(11 + 8), "8 s, cut by up to a half"
    assert try_again_at(REFUSED_TWICE, OTHER, 1, "uid") is None


def test_the_timeout_counts_from_the_first_try():
    assert timed_out_at(REFUSED_TWICE, STEP, 3, AT + seconds(20)) == AT + seconds(30)
    assert timed_out_at(REFUSED_TWICE, OTHER, 1, AT + seconds(20)) == AT + seconds(50)
    assert timed_out_at(REFUSED_TWICE, STEP.model_copy(update={"timeout": None}), 3, AT) is None


@given(st.integers(1, 11), st.text(max_size=40))
def test_the_wait_doubles_and_is_cut_by_at_most_a_half_the_same_way_each_time(tries, seed):
    wait, whole = retry_wait(Retries(backoff="3s"), tries, seed), seconds(3 * 2 ** (tries - 1))
    assert whole / 2 <= wait <= whole
    assert wait == retry_wait(Retries(backoff="3s"), tries, seed)


def test_two_records_do_not_keep_step():
    waits = {retry_wait(Retries(backoff="1m"), 1, f"record-{n}") for n in range(20)}
    assert len(waits) == 20


def ended(outcome: OutcomeName):
    return status(verifications=[verification(outcome=outcome), verification(attempt=2, outcome=None)])


@pytest.mark.parametrize("outcome", list(OutcomeName))
def test_a_step_runs_again_only_after_it_did_not_help(outcome):
    last = last_ended(ended(outcome))
    assert last is not None
    assert last.outcome is outcome, "the one that runs now has not ended"
    assert may_run_again(last) == (outcome is OutcomeName.INEFFECTIVE)


def test_a_policy_goes_on_after_success_only_where_it_says_so():
    goes_on = STEP.model_validate({**POLICY["steps"][0], "then": {"effective": "Next"}})
    assert goes_on_after_success(ended(OutcomeName.EFFECTIVE), [goes_on, OTHER])
    assert not goes_on_after_success(ended(OutcomeName.EFFECTIVE), [STEP, OTHER])
    assert not goes_on_after_success(ended(OutcomeName.INEFFECTIVE), [goes_on, OTHER])


@pytest.mark.parametrize(
    ("step", "repeat", "outcome", "expected"),
    [
        (STEP, 1, OutcomeName.INEFFECTIVE, True),
        (OTHER, 1, OutcomeName.INEFFECTIVE, False),
        (OTHER, 2, OutcomeName.INEFFECTIVE, True),
        (OTHER, 2, OutcomeName.WORSE, False),
    ],
)
def test_something_follows_the_last_step_only_if_it_may_run_again(step, repeat, outcome, expected):
    step = Step.model_validate({**step.model_dump(), "repeat": {"limit": repeat}})
    made = operation(step=step.name, kind=OperationKind.APPLY)
    assert has_later(status(operations=[made]), [STEP, OTHER], step, outcome) == expected


def test_a_record_that_is_nearly_full_has_no_room():
    assert has_room(status())
    assert not has_room(status(verifications=[verification()] * MOST_VERIFICATIONS))
    assert not has_room(status(operations=[operation(id=str(n)) for n in range(49)]))
    assert has_room(status(operations=[]), planned=32)
    assert not has_room(status(operations=[]), planned=33), "the undo takes as many"


def test_a_full_record_says_so_before_anything_is_done():
    known = [operation(id=f"add-capacity.1.release.{n}") for n in range(1, 63)]
    assert lacks_room_for(known, [operation(id="a"), operation(id="b")]) == ""
    assert lacks_room_for(known, known[-2:]) == "", "written over"
    told = lacks_room_for(known, [operation(id="a"), operation(id="b"), operation(id="c")])
    assert told == "that takes 3 operations, and the record, which holds 64, has 62"
