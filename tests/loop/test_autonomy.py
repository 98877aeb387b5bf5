"""What bounds every act: the ceiling, its stop switch, and the loop breaker."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.loop import manifests
from tests.loop.api import path
from tests.loop.people import decide, let_decide
from tests.loop.stage import CALM, OVERLOAD, Stage, eventually, phase_of, throughout
from tests.loop.test_undo import CAUSE, GUARDED, HARM, NO_HELP, refused_calls

PERSON = "alice"
STOP = {"by": PERSON, "reason": "match day"}
SetCeiling = Callable[..., None]


@pytest.fixture
def ceiling(stage: Stage) -> Iterator[SetCeiling]:
    """Change the cluster's ceiling for one test."""
    at = path("autonomyceilings", name="cluster")
    before = stage.api.get(at)["spec"]

    def change(**spec: Any) -> None:
        stage.api.patch(at, {"spec": spec})

    yield change
    change(**{"stop": None, **before})


def condition(stage: Stage, kind: str) -> dict[str, Any]:
    status = stage.api.get(path("remediationpolicies", stage.namespace, manifests.POLICY)).get("status", {})
    return next((c for c in status.get("conditions", []) if c["type"] == kind), {})


def test_a_stop_holds_back_what_is_approved_the_moment_after(stage: Stage, ceiling: SetCeiling):
    let_decide(stage, PERSON)
    stage.govern(manifests.policy(manifests.add_capacity(), boundaries=manifests.ASK_FIRST))
    stage.cnf.offer(OVERLOAD)
    name = stage.reach("AwaitingApproval")["metadata"]["name"]

    ceiling(stop=STOP)
    approved = decide(stage, PERSON, "approve", name)
    assert approved.returncode == 0, approved.stderr
    record = stage.reach("Blocked")
    assert record["status"]["reason"] == "Stopped"
    assert "alice stopped all writes" in record["status"]["message"]
    throughout(stage.acts, lambda acts: not acts, seconds=3)

    ceiling(stop=None)
    stage.reach("AwaitingApproval")
    assert not stage.acts()


def test_a_stop_holds_an_undo_back_too_until_it_is_lifted(stage: Stage, ceiling: SetCeiling):
    let_decide(stage, PERSON)
    stage.govern(manifests.policy(manifests.add_capacity()))
    stage.cnf.offer(OVERLOAD)
    name = stage.reach("Succeeded", seconds=60)["metadata"]["name"]
    stage.cnf.offer(CALM)

    ceiling(stop=STOP)
    asked = decide(stage, PERSON, "undo", name, "--reason=not needed")
    assert asked.returncode == 0, asked.stderr
    record = eventually(stage.record, lambda r: r["status"].get("reason") == "Stopped")
    assert phase_of(record) == "RollingBack"
    assert "kubectl scale deployment/edge" in record["status"]["message"], "a person is told how to do it"
    throughout(stage.replicas, lambda replicas: replicas == 2, seconds=3)

    ceiling(stop=None)
    stage.reach("RolledBack", seconds=60)
    assert stage.replicas() == 1


def test_under_a_shadow_ceiling_a_live_policy_writes_nothing(stage: Stage, ceiling: SetCeiling):
    ceiling(mode="Shadow")
    stage.govern(manifests.policy(manifests.add_capacity()))
    held = eventually(lambda: condition(stage, "Autonomous"), lambda c: c.get("reason") == "LimitedByCeiling")
    assert held["status"] == "False"
    assert condition(stage, "Ready")["reason"] == "HeldInShadow"
    stage.cnf.offer(OVERLOAD)
    record = stage.reach("Recorded")
    assert record["spec"]["autonomy"]["level"] == 1
    assert "the AutonomyCeiling (mode Shadow)" in record["status"]["message"]
    throughout(stage.acts, lambda acts: not acts, seconds=4)
    assert stage.replicas() == 1


def test_after_harm_a_person_is_asked_before_the_next_step(stage: Stage):
    harm = manifests.reconfigure("shed-load", CAUSE, {"set": HARM}, then={"worse": "Next"})
    next_step = manifests.reconfigure("more-patience", CAUSE, {"set": NO_HELP})
    stage.govern(
        manifests.policy(harm, next_step, causes=refused_calls(stage), verification=GUARDED, escalation={"demoteTo": 2})
    )
    stage.cnf.offer(CALM, refused=0.4)

    record = stage.reach("AwaitingApproval", seconds=90)
    assert [v["outcome"] for v in record["status"]["verifications"]] == ["Worse"]
    assert "the loop breaker" in record["status"]["message"]
    assert stage.tuning() == manifests.TUNING
    demoted = eventually(lambda: condition(stage, "Autonomous"), lambda c: c.get("reason") == "Demoted")
    assert record["metadata"]["name"] in demoted["message"]
    status = stage.api.get(path("remediationpolicies", stage.namespace, manifests.POLICY))["status"]
    assert status["effectiveAutonomyLevel"] == 2
