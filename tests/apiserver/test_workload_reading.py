"""What the operator reads of real workloads on a real API server."""

import json

import pytest

from hack.cluster import Cluster
from hack.cluster.processes import wait_until
from homeostat.cluster.client import ApiCluster
from homeostat.contracts.service_intent import Target
from homeostat.observe.workloads import UNKNOWN_SCALER, KubernetesWorkloads
from tests.contract.cases.case import NOWHERE

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "sip"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "sip"}},
        "template": {
            "metadata": {"labels": {"app": "sip"}},
            "spec": {
                "nodeSelector": NOWHERE,
                "containers": [{"name": "c", "image": "none", "resources": {"limits": {"cpu": "250m"}}}],
            },
        },
    },
}
SCALER = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "sip-hpa"},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "sip"},
        "maxReplicas": 4,
    },
}
READY = {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}


def target(kind: str = "Deployment", name: str = "sip", api_version: str = "apps/v1") -> Target:
    ref = {"apiVersion": api_version, "kind": kind, "name": name}
    return Target.model_validate({"name": "t", "ref": ref})


@pytest.fixture
def deployed(cluster: Cluster, namespace: str) -> str:
    cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(DEPLOYMENT))

    def names() -> list[str]:
        return cluster.kubectl("get", "pods", "-n", namespace, "-o", "name").split()

    wait_until(lambda: len(names()) == 2, "the pods are made", 30)
    first = names()[0]
    cluster.kubectl(
        "patch", first, "-n", namespace, "--subresource=status", "--type=merge", "-p", json.dumps({"status": READY})
    )
    return namespace


async def test_deployment(deployed: str, api: ApiCluster) -> None:
    seen = await KubernetesWorkloads(api).look(deployed, target())
    assert seen.exists
    assert seen.identity is not None
    assert (seen.identity.kind, seen.identity.name) == ("Deployment", "sip")
    assert seen.identity.uid
    assert int(seen.resource_version) > 0
    assert (seen.replicas, seen.ready_replicas, len(seen.pods)) == (2, 1, 2)
    assert seen.scalable
    assert seen.scaled_by == ""
    assert not seen.settled
    assert {pod.cpu_limit for pod in seen.pods} == {0.25}
    assert seen.ready_pods[0].ready_since is not None


async def test_autoscaler_is_seen(deployed: str, cluster: Cluster, api: ApiCluster) -> None:
    cluster.kubectl("apply", "-n", deployed, "-f", "-", stdin=json.dumps(SCALER))
    assert (await KubernetesWorkloads(api).look(deployed, target())).scaled_by == "HorizontalPodAutoscaler/sip-hpa"
    # Of another object of the same name it says nothing.
    assert (await KubernetesWorkloads(api).look(deployed, target("ReplicaSet"))).scaled_by == ""


async def test_autoscaler_that_cannot_be_seen_is_unknown(deployed: str, cluster: Cluster, connect) -> None:
    for rule in ("--resource=deployments.apps,deployments.apps/scale", "--resource=pods"):
        name = f"r{len(rule)}"
        cluster.kubectl("create", "role", name, "-n", deployed, "--verb=get,list", rule)
        cluster.kubectl("create", "rolebinding", name, "-n", deployed, f"--role={name}", "--user=half-blind")
    seen = await KubernetesWorkloads(await connect("half-blind")).look(deployed, target())
    assert seen.scaled_by == UNKNOWN_SCALER
    assert "horizontalpodautoscalers" in seen.message


async def test_missing_object_and_missing_kind(namespace: str, api: ApiCluster) -> None:
    workloads = KubernetesWorkloads(api)
    assert not (await workloads.look(namespace, target(name="none"))).exists
    assert not (await workloads.look(namespace, target("NetworkFunction", "x", "nf.example.org/v1"))).exists


async def test_object_without_scale(namespace: str, cluster: Cluster, api: ApiCluster) -> None:
    cluster.kubectl("create", "configmap", "plain", "-n", namespace)
    seen = await KubernetesWorkloads(api).look(namespace, target("ConfigMap", "plain", "v1"))
    assert seen.exists
    assert not seen.scalable
    assert seen.replicas is None
    assert seen.pods == ()
