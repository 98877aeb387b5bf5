"""An autoscaler owns the replicas: its floor is raised instead, and lowered again when the need has passed."""

from tests.loop import manifests
from tests.loop.api import path
from tests.loop.stage import CALM, OVERLOAD, Stage, eventually

AUTOSCALER = {
    "metadata": {"name": manifests.EDGE},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": manifests.EDGE},
        "minReplicas": 1,
        "maxReplicas": 4,
    },
}
RAISE_FLOOR = {
    "patch": {
        "target": manifests.EDGE,
        "ref": {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": manifests.EDGE},
        "fields": [{"path": "/spec/minReplicas", "value": "2"}],
    }
}
CALLS = 'sum(cnf_calls_in_progress{namespace="$namespace",pod=~"$pods"})'


def floor(stage: Stage) -> tuple[int, int]:
    """The floor, and how often the operator has written to its object."""
    body = stage.api.get(path("horizontalpodautoscalers", stage.namespace, manifests.EDGE))
    return body["spec"]["minReplicas"], len(stage.writes("horizontalpodautoscalers"))


def test_a_raised_floor_is_lowered_again_once_the_instance_is_drained(stage: Stage):
    stage.spare_sessions(CALLS)
    stage.api.create("horizontalpodautoscalers", stage.namespace, AUTOSCALER)
    step = manifests.add_capacity(name="raise-floor", action=RAISE_FLOOR, release=manifests.release())
    guardrails = {
        "cooldown": "1s",
        "frequency": {"limit": 10, "per": "10m"},
        "takeFrom": ["kubectl-edit"],
    }
    stage.govern(
        manifests.policy(
            step, guardrails=guardrails, boundaries={"autonomous": [{"action": "Patch", "risk": "Medium"}]}
        )
    )
    first = set(stage.pods())
    stage.cnf.offer(OVERLOAD)
    record = stage.reach("Succeeded", seconds=60)
    assert (record["status"]["outcome"], stage.replicas(), floor(stage)) == ("Effective", 2, (2, 1))

    stage.cnf.hold_calls(3)
    stage.cnf.offer(CALM)
    eventually(lambda: stage.record()["status"]["release"]["message"], lambda told: "to be drained (3 in" in told)
    assert floor(stage) == (2, 1), "calls are still in progress"

    stage.cnf.hold_calls(0)
    record = eventually(stage.record, lambda r: r["status"]["release"]["state"] == "Released")
    assert floor(stage) == (1, 2)
    (lowered,) = [o for o in record["status"]["operations"] if o["ends"]]
    assert not set(lowered["ends"]) & first, "the instance that came last goes"
    assert (lowered["kind"], lowered["action"], lowered["sessions"]["left"]) == ("Release", "Patch", "0")
    assert "/spec/minReplicas of HorizontalPodAutoscaler/edge is 1 again" in record["status"]["message"]
