"""Overload: one scale-out, verified by the callers' experience, and taken back when the load has gone."""

from tests.loop import manifests
from tests.loop.stage import CALM, OVERLOAD, Stage, eventually, throughout

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
CALLS = 'sum(cnf_calls_in_progress{namespace="$namespace",pod=~"$pods"})'


def marked(stage: Stage) -> list[str]:
    return [n for n, p in stage.pods().items() if DELETION_COST in p["metadata"].get("annotations", {})]


def test_an_overloaded_service_is_scaled_once_and_released_once_drained(stage: Stage):
    stage.spare_sessions(CALLS)
    stage.govern(manifests.policy(manifests.add_capacity(release=manifests.release())))
    first = set(stage.pods())
    stage.cnf.offer(OVERLOAD)

    record = stage.reach("Succeeded")
    assert record["status"]["outcome"] == "Effective"
    assert record["spec"]["diagnosis"]["causes"][0]["name"] == "Saturated"
    assert stage.fulfilment() == "Fulfilled"
    assert stage.replicas() == 2
    scaled = stage.writes("deployments/scale")
    assert [w.verb for w in scaled] == ["patch"]
    assert scaled[0].sent["spec"] == {"replicas": 2}

    stage.cnf.hold_calls(3)
    stage.cnf.offer(CALM)
    (victim,) = eventually(lambda: marked(stage), lambda pods: len(pods) == 1)
    assert victim not in first, "the pod that came last is the one to go"
    throughout(stage.replicas, lambda replicas: replicas == 2, seconds=3)  # calls are still in progress on it

    stage.cnf.hold_calls(0)
    eventually(stage.replicas, lambda replicas: replicas == 1)
    eventually(stage.pods, lambda pods: set(pods) == first)
    record = eventually(stage.record, lambda r: r["status"]["release"]["state"] == "Released")
    assert record["status"]["phase"] == "Succeeded"
    assert [w.sent["spec"]["replicas"] for w in stage.writes("deployments/scale")] == [2, 1]
    assert [(w.resource, w.name) for w in stage.acts() if w.resource != "deployments/scale"] == [("pods", victim)]
    (ended,) = [o for o in record["status"]["operations"] if o["ends"]]
    assert ended["ends"] == [victim]
    assert ended["sessions"] == {"before": "3", "left": "0", "held": ""}
    told = "\n".join(stage.record()["status"]["report"])
    assert f"sessions on {victim}: 3 before, 3 drained, none lost" in told


def test_added_instances_with_sessions_are_released_one_after_the_other(stage: Stage):
    stage.spare_sessions(CALLS, registrations='max(cnf_calls_total{namespace="$namespace",pod=~"$pods"})')
    action = {"scale": {"target": manifests.EDGE, "by": "+2", "max": 4}}
    guardrails = {"cooldown": "1s", "frequency": {"limit": 10, "per": "10m"}, "largestStep": 300}
    step = manifests.add_capacity(action=action, release=manifests.release())
    stage.govern(manifests.policy(step, guardrails=guardrails))
    stage.cnf.offer(OVERLOAD)
    stage.reach("Succeeded")
    assert stage.replicas() == 3

    stage.cnf.offer(CALM)
    eventually(stage.record, lambda r: r["status"]["release"]["state"] == "Released")

    sizes = [w.sent["spec"]["replicas"] for w in stage.writes("deployments/scale")]
    assert sizes == [3, 2, 1]
