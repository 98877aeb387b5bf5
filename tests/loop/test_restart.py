"""The operator is killed at the worst moments: the end is the same, and nothing is done twice."""

import json

import pytest

from tests.loop import manifests
from tests.loop.api import path
from tests.loop.stage import CALM, OVERLOAD, Stage, eventually


def overload(stage: Stage) -> None:
    stage.cnf.offer(OVERLOAD)


@pytest.mark.parametrize("phase", ["Planned", "Executing", "Verifying"])
def test_killed_in_a_phase_it_ends_the_same(stage: Stage, phase: str):
    stage.govern(manifests.policy(manifests.add_capacity()))
    stage.kill_operator_in(phase, lambda: overload(stage))
    stage.operator.start_again()
    assert_scaled_once(stage)


def test_killed_between_the_effect_and_its_note_it_ends_the_same(stage: Stage):
    stage.govern(manifests.policy(manifests.add_capacity()))
    stage.kill_operator_once_scaled(2, lambda: overload(stage))
    stage.operator.start_again()
    assert_scaled_once(stage)


def test_killed_while_a_person_is_asked_the_answer_still_counts(stage: Stage):
    stage.govern(manifests.policy(manifests.add_capacity(), boundaries=manifests.ASK_FIRST))
    stage.kill_operator_in("AwaitingApproval", lambda: overload(stage))
    record = stage.record()
    assert not stage.acts()
    approve(stage, record["metadata"]["name"], record["status"]["plan"]["digest"])
    stage.operator.start_again()
    assert_scaled_once(stage)


def test_killed_while_a_release_waits_it_is_still_released_once(stage: Stage):
    stage.govern(manifests.policy(manifests.add_capacity(release=manifests.release())))
    stage.kill_operator_in("Succeeded", lambda: overload(stage))
    stage.cnf.offer(CALM)
    stage.operator.start_again()
    eventually(stage.record, lambda r: r["status"]["release"]["state"] == "Released")
    assert stage.replicas() == 1
    assert [w.sent["spec"]["replicas"] for w in stage.writes("deployments/scale")] == [2, 1]
    assert len(stage.records()) == 1


def assert_scaled_once(stage: Stage) -> None:
    record = stage.reach("Succeeded", seconds=60)
    assert record["status"]["outcome"] == "Effective"
    assert stage.replicas() == 2
    assert [w.sent["spec"]["replicas"] for w in stage.writes("deployments/scale")] == [2]
    assert [w.resource for w in stage.acts()] == ["deployments/scale"]
    assert len(stage.records()) == 1
    applied = [o for o in record["status"]["operations"] if o["state"] == "Applied"]
    assert [(o["action"], o["intended"]) for o in applied] == [("Scale", "2")]


def approve(stage: Stage, name: str, digest: str) -> None:
    """An approver's decision as kubectl patch sends it; the plugin is tried elsewhere."""
    stage.cluster.kubectl(
        "create",
        "rolebinding",
        "approver",
        f"--namespace={stage.namespace}",
        "--clusterrole=homeostat-approver",
        "--user=alice",
    )
    decision = {"id": "one", "type": "Approve", "by": "alice", "planDigest": digest}
    patch = json.dumps({"spec": {"decisions": [decision]}})
    at = ("remediation", name, f"--namespace={stage.namespace}")
    stage.cluster.kubectl("patch", *at, "--type=merge", "--patch", patch, user="alice")
    assert stage.api.get(path("remediations", stage.namespace, name))["spec"]["decisions"]
