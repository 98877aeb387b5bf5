"""A record that acted is kept while a guard counts its act, and given free when none does any more."""

from hack.cluster import ClusterError
from tests.loop import manifests
from tests.loop.stage import OVERLOAD, Stage, eventually


def test_a_record_is_kept_as_long_as_a_guard_counts_it(stage: Stage):
    often = {"limit": 4, "per": "15s"}
    guardrails = {"cooldown": "1s", "frequency": often, "flapping": often}
    stage.govern(manifests.policy(manifests.add_capacity(), guardrails=guardrails))
    stage.cnf.offer(OVERLOAD)
    record = stage.reach("Succeeded", seconds=60)
    assert record["status"]["guardsUntil"] > record["status"]["times"]["closed"]
    refused = _delete(stage, record["metadata"]["name"])
    assert "count the act of this remediation" in refused
    eventually(lambda: "guardsUntil" in stage.record()["status"], lambda kept: not kept, seconds=30)
    assert _delete(stage, record["metadata"]["name"]) == ""


def _delete(stage: Stage, name: str) -> str:
    try:
        stage.cluster.kubectl("delete", "remediation", name, "--namespace", stage.namespace)
    except ClusterError as error:
        return str(error)
    return ""
