"""The health of objects: Argo CD's own test data with Argo CD's verdicts, and the rules that those do not touch."""

import csv
from pathlib import Path
from typing import Any

import pytest
import yaml

from homeostat.evaluate.health import Health, HealthState, health

HERE = Path(__file__)
ARGO = Path("shared", "data", "argo-health")
"""Beside the repository."""

AS_ARGO_SAYS = {
    HealthState.CURRENT: "Healthy",
    HealthState.IN_PROGRESS: "Progressing",
    HealthState.FAILED: "Degraded",
    HealthState.SUSPENDED: "Suspended",
    # Argo CD has no word of its own for what is being deleted: until it is gone, it is on its way.
    HealthState.TERMINATING: "Progressing",
}
"""One of Argo CD's words for each state; Unknown means the same in both and needs none."""

NOT_JUDGED_BY_ARGO = {"Application", "Service"}
"""Kinds (of custom resources) in the data for which Argo CD's built-in checks give no verdict."""


def data() -> Path:
    found = next((folder / ARGO for folder in HERE.parents if (folder / ARGO / "verdicts.csv").is_file()), None)
    assert found is not None, f"the test data is missing: {ARGO} with verdicts.csv must stand beside the repository"
    return found


def objects() -> dict[str, dict[str, Any]]:
    return {file.name: yaml.safe_load(file.read_text()) for file in sorted((data() / "testdata").glob("*.yaml"))}


def verdicts() -> dict[str, str]:
    with (data() / "verdicts.csv").open(newline="") as table:
        return {row["file"]: row["verdict"] for row in csv.DictReader(table)}


def test_argo_cd_agrees_on_each_of_its_own_objects():
    wanted, bodies = verdicts(), objects()
    assert len(wanted) >= 46
    assert wanted.keys() <= bodies.keys()
    said = {name: AS_ARGO_SAYS[health(bodies[name]).state] for name in wanted}
    assert said == wanted


def test_objects_without_a_verdict_are_custom_resources_that_tell_no_conditions():
    left = [body for name, body in objects().items() if name not in verdicts()]
    assert len(objects()) == 49
    assert {body["kind"] for body in left} == NOT_JUDGED_BY_ARGO
    assert all("." in body["apiVersion"].partition("/")[0] for body in left)
    assert [health(body).state for body in left] == [HealthState.CURRENT] * len(left)


def test_what_is_not_current_says_why():
    judged = [health(body) for body in objects().values()]
    assert all(found.message for found in judged if found.state is not HealthState.CURRENT)


def custom(generation: int = 2, **status: Any) -> dict[str, Any]:
    metadata = {"name": "upf", "generation": generation}
    return {
        "apiVersion": "workload.nephio.org/v1alpha1",
        "kind": "NFDeployment",
        "metadata": metadata,
        "status": status,
    }


def condition(kind: str, status: str, **more: str) -> dict[str, str]:
    return {"type": kind, "status": status, **more}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (custom(), HealthState.CURRENT),
        (custom(observedGeneration=1), HealthState.IN_PROGRESS),
        (custom(observedGeneration=2), HealthState.CURRENT),
        (custom(conditions=[condition("Reconciling", "True")]), HealthState.IN_PROGRESS),
        (custom(conditions=[condition("Stalled", "True")]), HealthState.FAILED),
        (custom(conditions=[condition("Ready", "False")]), HealthState.IN_PROGRESS),
        (custom(conditions=[condition("Ready", "Unknown")]), HealthState.IN_PROGRESS),
        (custom(conditions=[condition("Ready", "True")]), HealthState.CURRENT),
        # A controller that works on it comes before what it said last.
        (custom(conditions=[condition("Ready", "True"), condition("Reconciling", "True")]), HealthState.IN_PROGRESS),
        (custom(conditions=[condition("Synced", "False")]), HealthState.CURRENT),
        (custom(conditions="none"), HealthState.CURRENT),
    ],
)
def test_a_custom_resource_is_judged_by_its_generation_and_conditions(body, expected):
    assert health(body).state is expected


def apps(kind: str, spec: dict[str, Any], **status: Any) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "x"}, "spec": spec, "status": status}


ROLLED_OUT = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2}
AVAILABLE = condition("Available", "True")
PROGRESSED = condition("Progressing", "True", reason="NewReplicaSetAvailable")
COUNTED = dict.fromkeys(("desiredNumberScheduled", "currentNumberScheduled", "numberAvailable", "numberReady"), 2)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (apps("Deployment", {"replicas": 2}, **ROLLED_OUT, conditions=[AVAILABLE]), HealthState.CURRENT),
        (apps("Deployment", {"replicas": 2}, **ROLLED_OUT), HealthState.IN_PROGRESS),
        (
            apps(
                "Deployment",
                {"replicas": 2, "progressDeadlineSeconds": 600},
                **ROLLED_OUT,
                conditions=[AVAILABLE, PROGRESSED],
            ),
            HealthState.CURRENT,
        ),
        (
            apps("Deployment", {"replicas": 2, "progressDeadlineSeconds": 600}, **ROLLED_OUT, conditions=[AVAILABLE]),
            HealthState.IN_PROGRESS,
        ),
        (apps("StatefulSet", {"replicas": 2}, replicas=2, readyReplicas=1), HealthState.IN_PROGRESS),
        (
            apps("StatefulSet", {"replicas": 2}, replicas=2, readyReplicas=2, currentRevision="a", updateRevision="b"),
            HealthState.IN_PROGRESS,
        ),
        (
            apps(
                "StatefulSet",
                {"replicas": 2, "updateStrategy": {"rollingUpdate": {"partition": 1}}},
                replicas=2,
                readyReplicas=2,
                updatedReplicas=1,
                currentRevision="a",
                updateRevision="b",
            ),
            HealthState.CURRENT,
        ),
        (apps("DaemonSet", {}), HealthState.IN_PROGRESS),
        (apps("DaemonSet", {}, **COUNTED, updatedNumberScheduled=1), HealthState.IN_PROGRESS),
        (apps("DaemonSet", {}, **COUNTED, updatedNumberScheduled=2), HealthState.CURRENT),
        (apps("ReplicaSet", {}, conditions=[condition("ReplicaFailure", "True")]), HealthState.IN_PROGRESS),
        (apps("ReplicaSet", {}, replicas=1, availableReplicas=1, readyReplicas=1), HealthState.CURRENT),
    ],
)
def test_a_workload_is_current_once_its_rollout_is_done(body, expected):
    assert health(body).state is expected


def test_a_kind_of_another_group_is_not_taken_for_the_built_in_one():
    body = {"apiVersion": "serving.example/v1", "kind": "Job", "metadata": {"name": "x"}}
    assert health(body) == Health(HealthState.CURRENT)
