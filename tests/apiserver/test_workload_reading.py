"""What the operator reads of real workloads on a real API server."""

import json

import pytest

from hack.cluster import Cluster
from hack.cluster.processes import wait_until
from homeostat.cluster.client import ApiCluster
from homeostat.contracts.target import Target
from homeostat.observe.workloads import KubernetesWorkloads
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
    assert not seen.settled
    assert {pod.cpu_limit for pod in seen.pods} == {0.25}
    assert seen.ready_pods[0].ready_since is not None


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
