"""The watch as a witness tells what the audit log tells, and says so when it cannot."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from hack.cluster import Cluster
from hack.cluster.processes import opens, wait_until
from hack.cluster.proxy import forward
from hack.witness import AuditLog, Watch, WitnessError
from homeostat.cluster.client import ApiCluster
from homeostat.contracts.common import FIELD_MANAGER
from homeostat.flow.ports import ConflictError
from tests.apiserver.fixtures import Connect
from tests.contract.cases.case import workload
from tests.unit.record.samples import INTENT

USER = "watched"
WATCHED = {
    "deployments": "/apis/apps/v1",
    "configmaps": "/api/v1",
    "serviceintents": "/apis/homeostat.dev/v1alpha1",
}
DEPLOYMENT = ("apps/v1", "Deployment")
CONFIG_MAP = ("v1", "ConfigMap")
SERVICE_INTENT = ("homeostat.dev/v1alpha1", "ServiceIntent")

pytestmark = pytest.mark.usefixtures("crds")


class Watched:
    """A client that writes as the operator does, and others that write between."""

    def __init__(self, cluster: Cluster, namespace: str, api: ApiCluster) -> None:
        self.cluster, self.namespace, self.api = cluster, namespace, api

    async def create(self, body: dict[str, Any]) -> None:
        metadata = {**body["metadata"], "namespace": self.namespace}
        await self.api.create({**body, "metadata": metadata})

    async def patch(self, kind: tuple[str, str], name: str, patch: dict[str, Any], subresource: str = "") -> None:
        for _ in range(20):  # a Deployment's controller writes its status whenever it likes
            present = await self.api.get(*kind, self.namespace, name)
            metadata = {**patch.get("metadata", {}), "resourceVersion": present["metadata"]["resourceVersion"]}
            with suppress(ConflictError):
                await self.api.merge_patch(*kind, self.namespace, name, {**patch, "metadata": metadata}, subresource)
                return
        pytest.fail(f"{kind[1]} {name} was changed by others before each of 20 writes")

    async def scale(self, replicas: int) -> None:
        await self.patch(DEPLOYMENT, "pcscf", {"spec": {"replicas": replicas}}, "scale")

    def kubectl(self, *args: str, stdin: str | None = None) -> None:
        self.cluster.kubectl(*args, f"--namespace={self.namespace}", stdin=stdin)


@pytest.fixture
async def watched(cluster: Cluster, namespace: str, connect: Connect) -> Watched:
    return Watched(cluster, namespace, await connect(USER, "system:masters"))


@pytest.fixture
def proxy(cluster: Cluster) -> Iterator[tuple[str, Any]]:
    address, process = forward(cluster, cluster.kubeconfig, "witness")
    yield address, process
    process.stop()


@pytest.fixture
def watch(proxy: tuple[str, Any], namespace: str) -> Iterator[Watch]:
    witness = Watch(proxy[0], namespace, WATCHED, FIELD_MANAGER)
    yield witness
    witness.close()


async def play(watched: Watched) -> None:
    """Each way in which the operator writes, and others beside it."""
    await watched.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "tuning"}, "data": {"a": "1"}})
    watched.kubectl("patch", "configmap", "tuning", "--type=merge", '--patch={"data":{"a":"2","b":"1"}}')
    await watched.patch(CONFIG_MAP, "tuning", {"data": {"a": "3"}, "metadata": {"annotations": {"mark": "x"}}})
    await watched.patch(CONFIG_MAP, "tuning", {"metadata": {"annotations": {"mark": None}}})
    watched.kubectl("annotate", "configmap", "tuning", "of=another")

    watched.kubectl("create", "--filename=-", stdin=json.dumps(workload("Deployment", "pcscf")))
    for replicas in (3, 4):
        await watched.scale(replicas)
    watched.kubectl("scale", "deployment/pcscf", "--replicas=1")
    await watched.scale(4)
    restart = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-22T14:15:11Z"}}}
    await watched.patch(DEPLOYMENT, "pcscf", {"spec": {"template": restart}})

    body = {"apiVersion": SERVICE_INTENT[0], "kind": "ServiceIntent", "metadata": {"name": "i"}, "spec": INTENT}
    watched.kubectl("create", "--filename=-", stdin=json.dumps(body))
    await watched.patch(SERVICE_INTENT, "i", {"status": {"summary": "well"}}, "status")
    await watched.patch(SERVICE_INTENT, "i", {"status": {"summary": "unwell"}}, "status")


TOLD: dict[str, list[tuple[str, Any]]] = {
    "configmaps": [("create", {"a": "1"}), ("patch", {"a": "3"}), ("patch", None)],
    "deployments/scale": [("patch", 3), ("patch", 4), ("patch", 4)],
    "deployments": [("patch", "2026-11-22T14:15:11Z")],
    "serviceintents/status": [("patch", "well"), ("patch", "unwell")],
}


def value(resource: str, sent: Any) -> Any:
    match resource:
        case "configmaps":
            return sent.get("data")
        case "deployments/scale":
            return sent["spec"]["replicas"]
        case "deployments":
            (restarted_at,) = sent["spec"]["template"]["metadata"]["annotations"].values()
            return restarted_at
    return sent["status"]["summary"]


async def test_a_watch_and_the_audit_log_tell_the_same(watched: Watched, watch: Watch):
    log = watched.cluster.audit_log
    audit = AuditLog(log, USER, watched.namespace) if log is not None else None
    await play(watched)

    for resource, expected in TOLD.items():
        seen = watch.writes(resource)
        assert [(w.verb, value(resource, w.sent)) for w in seen] == expected
        if audit is not None:
            logged = audit.writes(resource)
            assert [(w.verb, w.resource, w.name) for w in seen] == [(w.verb, w.resource, w.name) for w in logged]
            assert [value(resource, w.sent) for w in logged] == [told for _, told in expected]
    assert {w.resource for w in watch.writes()} == set(TOLD)
    assert len(watch.writes()) == sum(map(len, TOLD.values()))


async def test_only_what_comes_after_the_mark_is_asked_for(watched: Watched, watch: Watch):
    await watched.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "tuning"}, "data": {"a": "1"}})
    mark = watch.mark()
    await watched.patch(CONFIG_MAP, "tuning", {"data": {"a": "1"}})
    assert not watch.writes(since=mark), "a write without a change makes no version"
    await watched.patch(CONFIG_MAP, "tuning", {"data": {"a": "2"}})
    assert [w.sent for w in watch.writes("configmaps", since=mark)] == [{"data": {"a": "2"}}]


async def test_a_watch_goes_on_where_its_connection_broke(watched: Watched, watch: Watch, proxy: tuple[str, Any]):
    await watched.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "tuning"}, "data": {"a": "1"}})
    proxy[1].kill()
    for number in range(2, 5):
        await watched.patch(CONFIG_MAP, "tuning", {"data": {"a": str(number)}})
    with pytest.raises(WitnessError, match="cannot be listed"):
        watch.writes("configmaps")
    proxy[1].start_again()
    wait_until(lambda: opens("127.0.0.1", int(proxy[0].rpartition(":")[2])), "the proxy is back", 20)
    assert [w.sent["data"]["a"] for w in watch.writes("configmaps")] == ["1", "2", "3", "4"]


def test_nobody_tells_of_what_is_not_watched(watch: Watch):
    with pytest.raises(WitnessError, match="nobody watches pods"):
        watch.writes("pods")
