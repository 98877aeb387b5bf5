"""An act that needs approval waits, and happens only on the word of a person who may give it."""

import pytest

from tests.loop import manifests
from tests.loop.people import decide, let_decide
from tests.loop.stage import OVERLOAD, Stage, throughout

APPROVER, ANOTHER, STRANGER = "alice", "bob", "mallory"


def asked(stage: Stage, timeout: str = "5m") -> str:
    """Bring the CNF to where approval is asked for; returns the record's name."""
    policy = manifests.policy(
        manifests.add_capacity(), boundaries=manifests.ASK_FIRST, approval={"timeout": timeout, "onTimeout": "Stop"}
    )
    stage.govern(policy)
    stage.cnf.offer(OVERLOAD)
    return str(stage.reach("AwaitingApproval")["metadata"]["name"])


@pytest.fixture
def people(stage: Stage) -> None:
    """Two may decide in this namespace; the third may write to records, but not decide."""
    let_decide(stage, APPROVER, ANOTHER)
    kubectl, within = stage.cluster.kubectl, f"--namespace={stage.namespace}"
    kubectl("create", "role", "writer", within, "--verb=get,list,patch", "--resource=remediations.homeostat.dev")
    kubectl("create", "rolebinding", "writer", within, "--role=writer", f"--user={STRANGER}")


@pytest.mark.usefixtures("people")
def test_it_waits_and_acts_once_when_an_approver_approves(stage: Stage):
    name = asked(stage)
    refused = decide(stage, STRANGER, "approve", name)
    assert refused.returncode == 1
    assert "may not approve" in refused.stderr
    throughout(stage.acts, lambda acts: not acts, seconds=3)
    assert stage.record()["status"]["phase"] == "AwaitingApproval"

    approved = decide(stage, APPROVER, "approve", name)
    assert approved.returncode == 0, approved.stderr
    record = stage.reach("Succeeded")
    assert [(d["type"], d["by"]) for d in record["spec"]["decisions"]] == [("Approve", APPROVER)]
    assert stage.replicas() == 2
    assert [w.resource for w in stage.acts()] == ["deployments/scale"]


@pytest.mark.usefixtures("people")
def test_a_rejected_act_never_happens(stage: Stage):
    name = asked(stage)
    rejected = decide(stage, ANOTHER, "reject", name, "--reason=match day, hands off")
    assert rejected.returncode == 0, rejected.stderr
    record = stage.reach("Rejected")
    assert record["status"]["message"] == f"Rejected by {ANOTHER}: match day, hands off."
    throughout(stage.acts, lambda acts: not acts, seconds=4)
    assert len(stage.records()) == 1


def test_an_unanswered_request_expires_and_nothing_happens(stage: Stage):
    asked(stage, timeout="4s")
    record = stage.reach("Expired")
    assert record["status"]["reason"] == "NobodyAnswered"
    throughout(stage.acts, lambda acts: not acts, seconds=4)
    assert len(stage.records()) == 1
