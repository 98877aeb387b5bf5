from typing import Any

import pytest

from homeostat.contracts.target import Target
from homeostat.observe.workloads import (
    ZONE,
    cpu_limit,
    failure_domains,
    is_settled,
    pod_of,
    selector_of,
    unavailable_in_rollout,
)


def pod(name: str = "a", ready: bool = True, **metadata: str) -> dict[str, Any]:
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": "2026-01-01T00:00:00Z"}
    return {
        "metadata": {"name": name, "uid": f"u-{name}", **metadata},
        "spec": {"containers": [{"name": "c", "resources": {"limits": {"cpu": "500m"}}}]},
        "status": {"phase": "Running", "conditions": [condition]},
    }


def test_pod():
    seen = pod_of(pod())
    assert (seen.ready, seen.terminating, seen.cpu_limit) == (True, False, 0.5)
    assert seen.ready_since is not None
    assert seen.ready_since.isoformat() == "2026-01-01T00:00:00+00:00"
    gone = pod_of(pod(ready=False, deletionTimestamp="2026-01-01T00:00:00Z"))
    assert (gone.ready, gone.ready_since, gone.terminating) == (False, None, True)
    assert pod_of({"metadata": {"name": "a", "uid": "u"}}).ready is False


@pytest.mark.parametrize(
    ("limits", "expected"),
    [(["500m", "1"], 1.5), (["500m", None], None), ([], None), (["1500u"], 0.0015), ([2], 2.0)],
)
def test_cpu_limit_is_that_of_all_containers(limits, expected):
    containers = [{"resources": {"limits": {"cpu": limit}}} if limit is not None else {} for limit in limits]
    assert cpu_limit(containers) == expected


@pytest.mark.parametrize(
    ("body", "scale", "expected"),
    [
        ({"spec": {"selector": {"matchLabels": {"b": "2", "a": "1"}}}}, None, "a=1,b=2"),
        ({"spec": {}}, {"status": {"selector": "x=y"}}, "x=y"),
        ({"spec": {"selector": {"matchLabels": {"a": "1"}}}}, {"status": {}}, "a=1"),
        ({"spec": {}}, None, ""),
        ({}, None, ""),
        (
            {
                "spec": {
                    "selector": {
                        "matchLabels": {"a": "1"},
                        "matchExpressions": [
                            {"key": "b", "operator": "In", "values": ["x", "y"]},
                            {"key": "c", "operator": "NotIn", "values": ["z"]},
                            {"key": "d", "operator": "Exists"},
                            {"key": "e", "operator": "DoesNotExist"},
                        ],
                    }
                }
            },
            None,
            "a=1,b in (x,y),c notin (z),d,!e",
        ),
    ],
)
def test_selector(body, scale, expected):
    assert selector_of(body, scale) == expected


def deployment(**status: int | None) -> dict[str, Any]:
    done = {"observedGeneration": 2, "updatedReplicas": 2, "readyReplicas": 2, "replicas": 2}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"generation": 2},
        "status": {k: v for k, v in {**done, **status}.items() if v is not None},
    }


PODS = (pod_of(pod("a")), pod_of(pod("b")))


@pytest.mark.parametrize(
    ("body", "replicas", "pods", "settled"),
    [
        (deployment(), 2, PODS, True),
        (deployment(observedGeneration=1), 2, PODS, False),
        (deployment(updatedReplicas=1), 2, PODS, False),
        (deployment(updatedReplicas=None), 2, PODS, False),
        (deployment(replicas=3), 2, PODS, False),
        (deployment(), 3, PODS, False),
        (deployment(), 2, (PODS[0], pod_of(pod("b", ready=False))), False),
        (deployment(), 2, (PODS[0], pod_of(pod("b", deletionTimestamp="2026-01-01T00:00:00Z"))), False),
        (deployment(updatedReplicas=None, readyReplicas=None, replicas=None), 0, (), True),
        ({"metadata": {"generation": 1}}, 2, PODS, True),
        ({"metadata": {"generation": 1}}, None, PODS, True),
    ],
)
def test_settled(body, replicas, pods, settled):
    assert is_settled(body, replicas, pods) is settled


def rolled(kind: str, kind_of_strategy: str = "RollingUpdate", **rolling: Any) -> dict[str, Any]:
    strategy = {"type": kind_of_strategy, **({"rollingUpdate": rolling} if rolling else {})}
    field = "strategy" if kind == "Deployment" else "updateStrategy"
    return {"apiVersion": "apps/v1", "kind": kind, "spec": {field: strategy}}


@pytest.mark.parametrize(
    ("body", "replicas", "expected"),
    [
        (rolled("Deployment"), 3, 0),
        (rolled("Deployment"), 9, 2),
        (rolled("Deployment", maxUnavailable=2, maxSurge=0), 3, 2),
        (rolled("Deployment", maxUnavailable="25%", maxSurge=0), 3, 1),
        (rolled("Deployment", maxUnavailable="25%", maxSurge="0%"), 8, 2),
        (rolled("Deployment", "Recreate"), 3, 3),
        (rolled("StatefulSet"), 3, 1),
        (rolled("StatefulSet", partition=0), 3, 1),
        (rolled("DaemonSet", maxUnavailable="34%"), 3, 2),
        (rolled("DaemonSet", maxUnavailable=0, maxSurge=1), 3, 0),
        ({"apiVersion": "x.example/v1", "kind": "Deployment"}, 3, 1),
    ],
)
def test_pods_that_a_rollout_takes_out_of_service(body, replicas, expected):
    assert unavailable_in_rollout(body, replicas) == expected


def in_zone(*zones: str | None) -> list[dict[str, Any]]:
    """Bound pods; None: one that no node was found for."""
    return [
        {"metadata": {"labels": {ZONE: zone} if zone else {}}, "spec": {"nodeName": "n"} if zone is not None else {}}
        for zone in zones
    ]


@pytest.mark.parametrize(
    ("stated", "label", "pods", "expected"),
    [
        (None, None, in_zone("west", "west"), ("west",)),
        (None, None, in_zone("west", "east"), ("east", "west")),
        (None, None, in_zone("west", None), ("west",)),
        (None, None, in_zone("west", ""), ()),
        (None, None, in_zone(None), ()),
        (None, None, [], ()),
        (None, "north", in_zone("west"), ("north",)),
        ("site-7", "north", in_zone("west"), ("site-7",)),
        ("site-7", None, [], ("site-7",)),
    ],
)
def test_a_failure_domain_is_stated_or_labelled(stated, label, pods, expected):
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pcscf"}
    target = Target.model_validate({"name": "pcscf", "ref": ref, "failureDomain": stated})
    body = {"metadata": {"labels": {ZONE: label}} if label else {}}
    assert failure_domains(target, body, pods) == expected
