"""What a person reads who is asked."""

from datetime import timedelta

import pytest

from homeostat.contracts.operations import Authority
from homeostat.flow.asking import difference, envelope, request, still_missing
from tests.unit.record.samples import AT, TUNING, plan

UNTIL = AT + timedelta(minutes=15)
PLAN = plan(authority=Authority.APPROVAL, valid_until=UNTIL, largest_step="+1")


def test_a_request_says_what_by_when_what_then_and_how_to_answer():
    assert request("call-setup-1", "ims", PLAN, 1, (), "") == (
        "Waits for approval: scale Deployment/pcscf 2 -> 3. "
        "If nobody answers by 12:16:03 UTC, nothing is done and the record says so (Expired). "
        "Answer: kubectl homeostat approve call-setup-1 -n ims --plan d1d1d1d1, or reject; "
        "kubectl homeostat explain shows all of it."
    )


@pytest.mark.parametrize(
    ("approvers", "by", "told"),
    [
        (1, [], ""),
        (2, [], "It takes 2 people: nobody has approved yet."),
        (2, ["alice"], "It takes 2 people: alice approved, 1 more must."),
        (4, ["alice", "bob"], "It takes 4 people: alice and bob approved, 2 more must."),
        (2, ["alice", "bob"], ""),
    ],
)
def test_a_request_says_how_many_are_missing(approvers, by, told):
    assert still_missing(approvers, by) == told
    assert told in request("r", "ims", PLAN, approvers, by, "")


def test_the_envelope_of_an_amount_is_its_largest_step():
    assert envelope(PLAN) == (
        "spec.replicas of Deployment/pcscf by at most +1, also if it moves before the act; until 12:16:03 UTC"
    )


def test_the_envelope_of_a_value_is_that_value():
    value = PLAN.model_copy(update={"target": TUNING, "field": "data[a]/b", "intended": "400", "largest_step": ""})
    assert envelope(value) == ("data[a]/b of ConfigMap/pcscf-tuning to 400, and to no other value; until 12:16:03 UTC")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, ""),
        (
            {"before": "3", "intended": "4"},
            "The target moved since it was first planned: 2 is now 3, and it would be set to 4, not 3.",
        ),
        ({"before": "1"}, "The target moved since it was first planned: 2 is now 1."),
        ({"step": "restore"}, "Before, this was asked: scale Deployment/pcscf 2 -> 3."),
    ],
)
def test_a_request_that_is_made_again_shows_the_difference(changes, told):
    assert difference(PLAN, PLAN.model_copy(update=changes)) == told
