"""What follows a step that is held back, takes too long, or ends other pods than it should: as the policy writes it."""

from typing import Any

import pytest

from tests.loop import manifests
from tests.loop.api import path
from tests.loop.cnf import CAPACITY
from tests.loop.stage import CALM, OVERLOAD, Stage, eventually, throughout

SHED = "CallsShed"
TWO_PODS = pytest.mark.parametrize("stage", [2], indirect=True)
NO_MORE_PODS = {"cooldown": "1s", "frequency": {"limit": 10, "per": "10m"}, "replicas": {"min": 1, "max": 1}}
OTHER_STEP = manifests.reconfigure(
    "more-patience", "Saturated", {"set": {"path": "/timers/noReactionMs", "value": "8000"}}
)
BOTH_RISKS = {"autonomous": [{"risk": "Low"}, {"risk": "Medium"}]}


def calls_shed(stage: Stage) -> list[dict[str, Any]]:
    """The cause that pods turn calls away by themselves."""
    query = f'sum(rate(cnf_calls_total{{namespace="{stage.namespace}",outcome="shed"}}[$window])) > 5'
    return [{"name": SHED, "evidence": [{"name": "calls-shed", "query": query}]}]


@pytest.mark.parametrize(
    ("blocked", "phase", "resources"),
    [("Next", "", ["configmaps", "deployments"]), ("Wait", "Blocked", []), ("Escalate", "Escalated", [])],
)
def test_a_step_that_is_held_back_is_followed_as_written(stage: Stage, blocked: str, phase: str, resources: list[str]):
    held = manifests.add_capacity(then={"blocked": blocked})
    stage.govern(manifests.policy(held, OTHER_STEP, guardrails=NO_MORE_PODS))
    stage.cnf.offer(OVERLOAD)

    if phase:
        record = stage.reach(phase)
        assert record["status"]["reason"] == "OutOfBounds"
        throughout(stage.acts, lambda acts: acts == [], seconds=2)
    else:
        eventually(stage.acts, lambda acts: [w.resource for w in acts] == resources)
        record = stage.record()
    verdicts = {c["step"]: c["reason"] for c in record["status"]["candidates"]}
    assert verdicts["add-capacity"] == "OutOfBounds"


@TWO_PODS
def test_a_step_that_comes_to_nothing_in_its_time_has_failed_and_changed_nothing(stage: Stage):
    stage.spare_sessions('sum(cnf_calls_in_progress{namespace="$namespace",pod=~"$pods"})')
    step = {"name": "begin-anew", "action": {"restart": {"target": manifests.EDGE}}, "timeout": "3s"}
    stage.govern(manifests.policy({**step, "then": {"failed": "Escalate"}}, boundaries=BOTH_RISKS))
    stage.cnf.hold_calls(2)  # so that no pod is ever drained
    stage.cnf.offer(3 * CAPACITY)

    record = stage.reach("Escalated")

    assert record["status"]["outcome"] == "Failed"
    assert "could not be made within 3s" in record["status"]["message"]
    assert "to be drained" in record["status"]["message"]
    assert {o["state"] for o in record["status"]["operations"]} == {"Void"}
    assert stage.acts() == []


@TWO_PODS
def test_the_one_bad_pod_is_evicted_and_no_other(stage: Stage):
    shed = 'sum by (pod) (rate(cnf_calls_total{namespace="$namespace",pod=~"$pods",outcome="shed"}[$window]))'
    worst = {"query": shed, "threshold": "5"}
    step = {"name": "end-the-worst", "action": {"evict": {"target": manifests.EDGE, "worst": worst}}}
    stage.govern(manifests.policy(step, causes=calls_shed(stage), boundaries=BOTH_RISKS))
    bad, good = sorted(stage.pods())
    stage.cnf.cripple(bad)
    stage.cnf.offer(CALM)

    record = stage.reach("Succeeded", seconds=60)

    assert record["status"]["outcome"] == "Effective"
    assert [(w.verb, w.resource, w.name) for w in stage.writes("pods", "pods/eviction")] == [
        ("create", "pods/eviction", bad)
    ]
    assert stage.acts() == []
    pods = stage.pods()
    assert good in pods
    assert bad not in pods
    told = "\n".join(stage.record()["status"]["report"])
    assert f"/api/v1/namespaces/{stage.namespace}/pods/{bad}/eviction" in told


def test_a_bad_release_is_rolled_back_to_the_one_before(stage: Stage):
    step = {"name": "go-back", "action": {"rollback": {"target": manifests.EDGE}}}
    stage.govern(manifests.policy(step, causes=calls_shed(stage), boundaries=BOTH_RISKS))
    first = stage.deployment()["spec"]["template"]
    bad = {"metadata": {"annotations": {manifests.BUILT_IN_TUNING: "limits: {invitesPerSecond: 5}"}}}
    stage.api.patch(path("deployments", stage.namespace, manifests.EDGE), {"spec": {"template": bad}})

    record = stage.reach("Succeeded", seconds=60)

    assert record["status"]["outcome"] == "Effective"
    assert stage.deployment()["spec"]["template"] == first
    (written,) = stage.acts()
    assert (written.verb, written.resource, written.name) == ("patch", "deployments", manifests.EDGE)
    annotations = {manifests.BUILT_IN_TUNING: None}
    assert written.sent["spec"]["template"]["metadata"]["annotations"] in (annotations, None)
    (done,) = record["status"]["operations"]
    assert (done["action"], done["before"], done["intended"]) == ("Rollback", "revision 2", "revision 1")
    assert "kubectl rollout undo deployment/edge" in "\n".join(stage.record()["status"]["report"])
