"""What the operator reads of real workloads on a real API server."""

import copy
import json
from typing import Any

import pytest

from hack.cluster import Cluster
from hack.cluster.processes import wait_until
from homeostat.cluster.client import ApiCluster
from homeostat.contracts.target import Target
from homeostat.observe.workloads import ZONE, KubernetesWorkloads
from tests.contract.cases.case import NOWHERE

DEPLOYMENT: dict[str, Any] = {
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


ZONES_ON_PODS = 35
"""Minor version from which the API server labels pods with the zone of their node by default (KEP-4742)."""


async def test_the_zone_of_a_node_is_the_failure_domain_of_what_runs_on_it(
    namespace: str, cluster: Cluster, api: ApiCluster
) -> None:
    version = json.loads(cluster.kubectl("version", "-o", "json"))["serverVersion"]
    if int(version["minor"].rstrip("+")) < ZONES_ON_PODS:
        pytest.skip("this API server gives pods no zone")
    node: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": f"node-of-{namespace}", "labels": {ZONE: "west"}},
    }
    bound = copy.deepcopy(DEPLOYMENT)
    bound["spec"]["template"]["spec"] |= {"nodeSelector": {}, "nodeName": node["metadata"]["name"]}
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(node))
    try:
        cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(bound))
        wait_until(lambda: len(cluster.kubectl("get", "pods", "-n", namespace, "-o", "name").split()) == 2, "pods", 30)
        seen = await KubernetesWorkloads(api).look(namespace, target())
    finally:
        cluster.kubectl("delete", "node", node["metadata"]["name"])
    assert seen.failure_domains == ("west",)


async def test_a_workload_without_zones_has_no_failure_domain_but_the_one_that_is_stated(
    deployed: str, api: ApiCluster
) -> None:
    workloads = KubernetesWorkloads(api)
    assert (await workloads.look(deployed, target())).failure_domains == ()
    stated = target().model_copy(update={"failure_domain": "site-7"})
    assert (await workloads.look(deployed, stated)).failure_domains == ("site-7",)


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
