"""A record that vanished stops acting for its episode: without it nobody can tell what was done."""

import pytest

from hack.cluster import ClusterError
from tests.loop import manifests
from tests.loop.stage import HOPELESS, Stage, eventually, phase_of, throughout

COLLECTOR = "system:serviceaccount:kube-system:generic-garbage-collector"
"""Who alone may delete an open record, beside the operator."""


def lose_the_record(stage: Stage) -> None:
    at = ("remediation", str(stage.record()["metadata"]["name"]), f"--namespace={stage.namespace}", "--wait=false")
    with pytest.raises(ClusterError, match="is open"):
        stage.cluster.kubectl("delete", *at)
    stage.cluster.kubectl("delete", *at, user=COLLECTOR)
    assert not stage.records()


def assert_told(stage: Stage) -> None:
    eventually(lambda: stage.events("RecordLost"), bool)
    eventually(lambda: stage.condition("Remediating"), lambda said: said["reason"] == "RecordLost", 15)


def test_lost_while_the_operator_waits_for_a_person(stage: Stage):
    stage.govern(manifests.policy(manifests.add_capacity(), boundaries=manifests.ASK_FIRST))
    stage.cnf.offer(HOPELESS)
    stage.reach("AwaitingApproval")
    lose_the_record(stage)
    throughout(lambda: (stage.records(), stage.acts()), lambda seen: seen == ([], []), seconds=4)
    assert_told(stage)


def test_lost_while_the_operator_is_away(stage: Stage):
    stage.govern(manifests.policy(manifests.add_capacity(repeat={"limit": 3})))
    stage.cnf.offer(HOPELESS)
    eventually(stage.record, lambda record: phase_of(record) == "Verifying")
    stage.operator.kill()
    assert [w.resource for w in stage.acts()] == ["deployments/scale"]
    lose_the_record(stage)
    stage.operator.start_again()
    assert_told(stage)
    throughout(
        lambda: (stage.records(), stage.replicas(), len(stage.acts())), lambda seen: seen == ([], 2, 1), seconds=4
    )
