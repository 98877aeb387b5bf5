"""What people decided about a record: what of it counts, and what is still to be done."""

from datetime import timedelta
from typing import Any

import pytest

from homeostat.contracts.decisions import DecisionType, PersonDecision, ReviewVerdict
from homeostat.contracts.operations import Authority
from homeostat.contracts.remediation import CLOSED_PHASES, AnsweredDecision, Phase, Remediation
from homeostat.contracts.remediation_policy import Approval
from homeostat.contracts.verification import ReleaseState, ReleaseStatus
from homeostat.flow.people import (
    answering,
    approvals,
    approved_plan,
    ending_decision,
    latest_review,
    missing_approvers,
    names,
    rejection,
    undo_requests,
)
from homeostat.flow.phases import is_open
from tests.unit.record.samples import AT, plan, record, spec

PLAN = plan(authority=Authority.APPROVAL, valid_until=AT + timedelta(minutes=15))
OWED = ReleaseStatus(state=ReleaseState.WAITING)


def decision(kind: DecisionType, by: str = "alice", **more: Any) -> PersonDecision:
    if kind is DecisionType.APPROVE:
        more = {"plan_digest": PLAN.digest, **more}
    return PersonDecision(**{"id": f"{kind.lower()}-{by}", "type": kind, "by": by, "reason": "planned work", **more})


def decided(
    *decisions: PersonDecision, approvers: int = 1, answered: tuple[str, ...] = (), **status: Any
) -> Remediation:
    terms = spec().terms.model_copy(update={"approval": Approval(approvers=approvers)})
    taken_up = [AnsweredDecision(id=name, at=AT) for name in answered]
    return record(
        record_spec=spec(decisions=list(decisions), plan=PLAN, terms=terms), answered=taken_up, plan=PLAN, **status
    )


@pytest.mark.parametrize("kind", [DecisionType.CANCEL, DecisionType.TAKE_OVER])
@pytest.mark.parametrize("phase", sorted(set(Phase) - CLOSED_PHASES))
def test_a_person_ends_it_in_every_open_phase_once(kind, phase):
    wanted = decision(kind)
    assert ending_decision(decided(wanted, phase=phase)) == wanted
    assert ending_decision(decided(wanted, phase=phase, answered=(wanted.id,))) is None


def test_a_success_whose_release_is_owed_can_be_ended_and_one_that_is_over_cannot():
    wanted = decision(DecisionType.CANCEL)
    assert ending_decision(decided(wanted, release=OWED)) == wanted
    assert ending_decision(decided(wanted)) is None


def test_taking_over_goes_before_cancelling():
    cancel, take_over = decision(DecisionType.CANCEL), decision(DecisionType.TAKE_OVER, "bob")
    assert ending_decision(decided(cancel, take_over, phase=Phase.VERIFYING)) == take_over


UNDO = decision(DecisionType.UNDO)


@pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.ESCALATED, Phase.CANCELLED])
def test_a_request_for_an_undo_opens_a_closed_record_until_it_is_answered(phase):
    asked = decided(UNDO, phase=phase)
    assert undo_requests(asked) == (UNDO,)
    assert is_open(asked)
    answered = decided(UNDO, phase=phase, answered=(UNDO.id,))
    assert undo_requests(answered) == ()
    assert not is_open(answered)


def test_each_request_has_an_answer_of_its_own():
    again = UNDO.model_copy(update={"id": "undo-2"})
    assert undo_requests(decided(UNDO, again, answered=(UNDO.id,))) == (again,)


def test_what_a_person_has_taken_over_is_not_undone_by_the_operator():
    taken_over = decided(UNDO, decision(DecisionType.TAKE_OVER), phase=Phase.TAKEN_OVER)
    assert undo_requests(taken_over) == ()
    assert not is_open(taken_over)


@pytest.mark.parametrize("kind", [DecisionType.ACKNOWLEDGE, DecisionType.REVIEW])
def test_a_remark_is_taken_up_once_and_ends_nothing(kind):
    remark = decision(kind)
    assert is_open(decided(remark))
    assert not is_open(decided(remark, answered=(remark.id,)))
    assert ending_decision(decided(remark, phase=Phase.EXECUTING)) is None


WAITING: dict[str, Any] = {"phase": Phase.AWAITING_APPROVAL, "operations": [], "verifications": [], "outcome": None}


@pytest.mark.parametrize(
    ("approvers", "by", "missing"),
    [
        (1, [], 1),
        (1, ["alice"], 0),
        (2, ["alice"], 1),
        (2, ["alice", "bob"], 0),
        (2, ["a", "b", "c"], 0),
        (5, ["a"], 4),
    ],
)
def test_an_approval_takes_as_many_people_as_the_policy_says(approvers, by, missing):
    given = [decision(DecisionType.APPROVE, name) for name in by]
    asked = decided(*given, approvers=approvers, **WAITING)
    assert missing_approvers(asked) == missing
    assert (approved_plan(asked, AT) == PLAN) is (missing == 0)


def test_the_same_person_counts_once_however_often():
    twice = [decision(DecisionType.APPROVE, id=name) for name in ("one", "two", "three")]
    asked = decided(*twice, approvers=2, **WAITING)
    assert [d.id for d in approvals(asked)] == ["one"]
    assert missing_approvers(asked) == 1


def test_an_approval_of_another_plan_counts_for_nothing():
    other = decision(DecisionType.APPROVE, plan_digest="0" * 64)
    assert approvals(decided(other, **WAITING)) == ()


def test_an_approval_that_was_not_used_in_time_holds_no_longer():
    given = decided(decision(DecisionType.APPROVE), **WAITING)
    assert PLAN.valid_until is not None
    assert approved_plan(given, PLAN.valid_until - timedelta(seconds=1)) == PLAN
    assert approved_plan(given, PLAN.valid_until) is None


def test_what_needs_no_approval_has_none():
    autonomous = record(record_spec=spec(decisions=[decision(DecisionType.APPROVE)]))
    assert approvals(autonomous) == ()
    assert approved_plan(autonomous, AT) is None


def test_one_no_counts_while_it_waits():
    no = decision(DecisionType.REJECT, "bob")
    assert rejection(decided(decision(DecisionType.APPROVE), no, **WAITING)) == no
    assert rejection(decided(no, phase=Phase.ROLLING_BACK)) is None


def test_the_last_review_counts():
    first = decision(DecisionType.REVIEW, verdict=ReviewVerdict.WRONG, reason=None)
    second = decision(DecisionType.REVIEW, "bob", verdict=ReviewVerdict.RIGHT, reason=None)
    assert latest_review(decided(first, second)) == second
    assert latest_review(decided(UNDO)) is None


def test_what_is_answered_is_noted_once_with_its_time():
    known = decided(UNDO, answered=(UNDO.id,))
    later = AT + timedelta(minutes=1)
    remark = decision(DecisionType.ACKNOWLEDGE)
    assert [(a.id, a.at) for a in answering(known, [UNDO, remark], later)] == [(UNDO.id, AT), (remark.id, later)]


@pytest.mark.parametrize(
    ("people", "told"), [([], ""), (["alice"], "alice"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_people_are_listed_as_in_a_sentence(people, told):
    assert names(people) == told
