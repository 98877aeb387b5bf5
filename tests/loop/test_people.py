"""A person's word comes before whatever the operator would do next, in every phase."""

from typing import Any

import pytest

from tests.loop import manifests
from tests.loop.api import path
from tests.loop.cnf import CAPACITY
from tests.loop.people import decide, let_decide
from tests.loop.stage import CALM, OVERLOAD, Stage, eventually, phase_of, throughout

PERSON, ANOTHER = "alice", "bob"
PATIENT = {**manifests.VERIFICATION, "stabilization": "20s", "deadline": "40s"}
"""A verification that is still running when a person has decided."""

RUSH = 2.6 * CAPACITY
"""Calls per second that two pods do not carry, and three do."""


def govern(stage: Stage, **policy: Any) -> None:
    stage.govern(manifests.policy(manifests.add_capacity(release=manifests.release()), **policy))
    let_decide(stage, PERSON, ANOTHER)
    stage.cnf.offer(OVERLOAD)


def say(stage: Stage, user: str, verb: str, *more: str) -> None:
    told = decide(stage, user, verb, stage.record()["metadata"]["name"], *more)
    assert told.returncode == 0, told.stderr


def nothing_more_is_done(stage: Stage, acts: int, seconds: float = 6) -> None:
    throughout(stage.acts, lambda seen: len(seen) == acts, seconds=seconds)
    assert len(stage.records()) == 1


def test_two_people_must_approve_and_the_same_one_counts_once(stage: Stage):
    govern(stage, boundaries=manifests.ASK_FIRST, approval={"timeout": "5m", "approvers": 2})
    record = stage.reach("AwaitingApproval")
    assert "It takes 2 people: nobody has approved yet." in record["status"]["message"]

    say(stage, PERSON, "approve")
    record = eventually(stage.record, lambda r: f"{PERSON} approved, 1 more must" in r["status"]["message"])
    again = decide(stage, PERSON, "approve", record["metadata"]["name"])
    assert again.returncode == 1
    assert "approved this plan already" in again.stderr
    nothing_more_is_done(stage, acts=0, seconds=3)

    say(stage, ANOTHER, "approve")
    record = stage.reach("Succeeded", seconds=60)
    assert [d["by"] for d in record["spec"]["decisions"]] == [PERSON, ANOTHER]
    assert stage.replicas() == 2


def test_one_no_outweighs_a_yes(stage: Stage):
    govern(stage, boundaries=manifests.ASK_FIRST, approval={"timeout": "5m", "approvers": 2})
    stage.reach("AwaitingApproval")
    say(stage, PERSON, "approve")
    say(stage, ANOTHER, "reject", "--reason=match day")
    assert stage.reach("Rejected")["status"]["message"] == f"Rejected by {ANOTHER}: match day."
    nothing_more_is_done(stage, acts=0)


@pytest.mark.parametrize(
    ("by", "phase", "told"),
    [
        ("+1", "Planned", "1 is now 2, and it would be set to 3, not 2. That is within what was approved."),
        ("+100%", "AwaitingApproval", "1 is now 2, and it would be set to 4, not 2. It is outside of what was"),
    ],
    ids=["within", "outside"],
)
def test_a_target_that_moved_after_it_was_asked_about(stage: Stage, by: str, phase: str, told: str):
    step = manifests.add_capacity()
    step["action"]["scale"]["by"] = by
    stage.govern(manifests.policy(step, boundaries=manifests.ASK_FIRST))
    let_decide(stage, PERSON)
    stage.cnf.offer(RUSH)
    asked = stage.reach("AwaitingApproval")["status"]["plan"]
    assert asked["largestStep"] == "+1"
    stage.api.patch(path("deployments", stage.namespace, manifests.EDGE), {"spec": {"replicas": 2}})
    say(stage, PERSON, "approve")
    eventually(lambda: [e for e in stage.events(phase) if told in e["note"]], bool)
    if phase == "Planned":
        eventually(stage.replicas, lambda replicas: replicas == 3)
        assert stage.record()["status"]["plan"]["digest"] == asked["digest"]
    else:
        assert stage.record()["status"]["plan"]["digest"] != asked["digest"]
        nothing_more_is_done(stage, acts=0, seconds=3)


def test_cancelled_while_verifying_it_says_what_stands_and_can_be_undone_later(stage: Stage):
    govern(stage, verification=PATIENT)
    stage.reach("Verifying")
    say(stage, PERSON, "cancel", "--reason=planned work")
    record = stage.reach("Cancelled", seconds=10)
    message = record["status"]["message"]
    assert message.startswith(f"Cancelled by {PERSON}: planned work. Nothing further is done.")
    assert "Still in place: Scale of Deployment/edge 1 -> 2." in message
    assert f"kubectl homeostat undo {record['metadata']['name']} -n {stage.namespace}" in message
    stage.cnf.offer(CALM)
    nothing_more_is_done(stage, acts=1)  # no release either

    say(stage, ANOTHER, "undo", "--reason=not needed")
    record = stage.reach("RolledBack", seconds=80)
    assert stage.replicas() == 1
    assert record["status"]["verifications"][-1]["message"] == f"Not judged: {PERSON} cancelled it."


def test_taken_over_while_verifying_nothing_is_undone_nor_released(stage: Stage):
    govern(stage, verification=PATIENT)
    stage.reach("Verifying")
    say(stage, PERSON, "takeover", "--reason=I have it")
    record = stage.reach("TakenOver", seconds=10)
    assert "kubectl scale deployment/edge" in record["status"]["message"]
    assert "--replicas=1" in record["status"]["message"]
    refused = decide(stage, ANOTHER, "undo", record["metadata"]["name"], "--reason=no")
    assert refused.returncode == 1
    assert "taken this over" in refused.stderr
    stage.cnf.offer(CALM)
    nothing_more_is_done(stage, acts=1)
    assert stage.replicas() == 2


def test_taken_over_between_intention_and_effect_the_effect_does_not_follow(stage: Stage):
    stage.govern(manifests.policy(manifests.add_capacity(), verification=PATIENT))
    let_decide(stage, PERSON)
    stage.kill_operator_in("Executing", lambda: stage.cnf.offer(OVERLOAD))
    say(stage, PERSON, "takeover", "--reason=I have it")
    stage.operator.start_again()
    record = stage.reach("TakenOver")
    (operation,) = record["status"]["operations"]
    was_done = stage.replicas() == 2
    assert operation["state"] == ("Applied" if was_done else "Void")
    nothing_more_is_done(stage, acts=int(was_done))


def test_what_was_seen_and_what_is_thought_of_it_are_kept_and_counted(stage: Stage):
    govern(stage, verification=PATIENT)
    stage.reach("Verifying")
    say(stage, PERSON, "ack", "--reason=looking")
    record = eventually(stage.record, lambda r: r["status"].get("acknowledgedBy") == [PERSON])
    assert phase_of(record) == "Verifying"
    assert any(f"Acknowledge by {PERSON}: looking" in line for line in record["status"]["report"])
    (event, *_) = eventually(lambda: stage.events("Acknowledged"), bool)
    assert f"{PERSON} has seen it: looking." in event["note"]

    say(stage, PERSON, "cancel", "--reason=enough")
    stage.reach("Cancelled", seconds=10)
    say(stage, ANOTHER, "review", "--verdict=unneeded", "--note=a drill")
    policy = path("remediationpolicies", stage.namespace, manifests.POLICY)
    eventually(lambda: stage.api.get(policy)["status"]["outcomes"], lambda seen: seen.get("unneeded") == 1)
    assert any(f"Unneeded, by {ANOTHER}: a drill" in line for line in stage.record()["status"]["report"])
    nothing_more_is_done(stage, acts=1, seconds=2)
