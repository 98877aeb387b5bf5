"""The client against a real API server."""

import asyncio
import json
import ssl
from typing import Any

import pytest

from hack.cluster import Cluster
from homeostat.cluster import client as client_module
from homeostat.cluster.client import ApiCluster
from homeostat.cluster.retries import ReadRetries
from homeostat.flow.ports import ConflictError, KubernetesError, NotFoundError
from tests.apiserver.fixtures import Connect


def config_map(namespace: str, name: str = "tuning", **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": {"of": "test"}},
        "data": data,
    }


async def test_a_write_names_its_audit_entry_and_us(cluster: Cluster, api: ApiCluster, namespace: str) -> None:
    written = await api.create(config_map(namespace, a="1"))

    assert written.body["metadata"]["managedFields"][0]["manager"] == "homeostat"
    assert written.audit_id
    if cluster.audit_log is not None:
        async with asyncio.timeout(10):
            while not (lines := [x for x in cluster.audit_log.read_text().splitlines() if written.audit_id in x]):
                await asyncio.sleep(0.05)
        assert json.loads(lines[0])["userAgent"] == "homeostat"


async def test_a_patch_without_a_version_is_never_sent(api: ApiCluster, namespace: str) -> None:
    await api.create(config_map(namespace, a="1"))

    for dry_run in (False, True):
        with pytest.raises(ValueError, match="resourceVersion"):
            await api.merge_patch("v1", "ConfigMap", namespace, "tuning", {"data": {"a": "2"}}, dry_run=dry_run)
    assert (await api.get("v1", "ConfigMap", namespace, "tuning"))["data"] == {"a": "1"}


async def test_a_stale_patch_is_a_conflict_and_a_dry_run_changes_nothing(api: ApiCluster, namespace: str) -> None:
    version = (await api.create(config_map(namespace, a="1"))).body["metadata"]["resourceVersion"]
    patch = {"metadata": {"resourceVersion": version}, "data": {"a": "2"}}

    dry = await api.merge_patch("v1", "ConfigMap", namespace, "tuning", patch, dry_run=True)
    assert dry.body["data"] == {"a": "2"}
    assert (await api.get("v1", "ConfigMap", namespace, "tuning"))["data"] == {"a": "1"}
    await api.merge_patch("v1", "ConfigMap", namespace, "tuning", patch)
    with pytest.raises(ConflictError, match="modified"):
        await api.merge_patch("v1", "ConfigMap", namespace, "tuning", {**patch, "data": {"a": "3"}})


async def test_creating_twice_is_a_conflict(api: ApiCluster, namespace: str) -> None:
    await api.create(config_map(namespace))

    with pytest.raises(ConflictError) as error:
        await api.create(config_map(namespace))
    assert error.value.reason == "AlreadyExists"


async def test_only_the_object_that_was_read_is_deleted(api: ApiCluster, namespace: str) -> None:
    metadata = (await api.create(config_map(namespace))).body["metadata"]
    where = ("v1", "ConfigMap", namespace, "tuning")

    with pytest.raises(ConflictError):
        await api.delete(*where, uid="another", resource_version=metadata["resourceVersion"])
    with pytest.raises(ConflictError):
        await api.delete(*where, uid=metadata["uid"], resource_version="1")
    await api.delete(*where, uid=metadata["uid"], resource_version=metadata["resourceVersion"])
    with pytest.raises(NotFoundError):
        await api.get(*where)


async def test_a_list_is_whole_and_its_items_say_what_they_are(
    api: ApiCluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "_PAGE", 2)
    for name in "abcde":
        await api.create(config_map(namespace, name))

    listed = await api.list("v1", "ConfigMap", namespace, "of=test")

    assert [(b["kind"], b["metadata"]["name"]) for b in listed] == [("ConfigMap", name) for name in "abcde"]
    everywhere = await api.list("v1", "ConfigMap", "", "of=test")
    assert {b["metadata"]["uid"] for b in listed} <= {b["metadata"]["uid"] for b in everywhere}


@pytest.mark.parametrize(
    ("api_version", "kind", "says"), [("v1", "Nothing", "no kind"), ("none.example/v1", "Nothing", "install its CRD")]
)
async def test_a_kind_that_is_not_served_says_what_to_do(
    api: ApiCluster, namespace: str, api_version: str, kind: str, says: str
) -> None:
    with pytest.raises(NotFoundError, match=says):
        await api.get(api_version, kind, namespace, "x")


async def test_a_user_without_rights_is_refused(connect: Connect, namespace: str) -> None:
    user = await connect("nobody-in-particular")

    with pytest.raises(KubernetesError) as error:
        await user.get("v1", "ConfigMap", namespace, "tuning")
    assert error.value.status == 403
    assert "nobody-in-particular" in error.value.message


async def test_a_pod_without_a_node_cannot_be_called(api: ApiCluster, namespace: str) -> None:
    with pytest.raises(NotFoundError) as error:
        await api.call_pod(namespace, "none", 8080, "GET", "/-/config-digest")
    assert (error.value.reason, "none" in error.value.message) == ("NotFound", True)
    with pytest.raises(ValueError, match="GET or POST"):
        await api.call_pod(namespace, "none", 8080, "DELETE", "/")


async def test_no_answer_in_time_says_so(cluster: Cluster, namespace: str) -> None:
    hurried = await ApiCluster.connect(cluster.kubeconfig, timeout=0.000_001)
    try:
        with pytest.raises(KubernetesError) as error:
            await hurried.get("v1", "ConfigMap", namespace, "tuning")
    finally:
        await hurried.close()
    assert (error.value.status, error.value.reason) == (0, "Timeout")


async def test_a_dropped_connection_is_retried_for_a_read_and_told_for_a_write(cluster: Cluster) -> None:
    accepted = 0

    async def drop(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        accepted += 1
        writer.transport.abort()

    async def no_wait(_: float) -> None:
        return

    server = await asyncio.start_server(drop, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    broken = await ApiCluster.connect(cluster.kubeconfig, retries=ReadRetries(sleep=no_wait))
    broken._client.configuration.host = f"http://127.0.0.1:{port}"
    try:
        with pytest.raises(KubernetesError) as error:
            await broken._read("/api/v1")
        assert (error.value.status, error.value.reason) == (0, "NoConnection")
        assert accepted >= 4
        accepted = 0
        with pytest.raises(KubernetesError) as error:
            await broken._write("PATCH", "/api/v1/namespaces/x/configmaps/y", {}, {}, "application/merge-patch+json")
        assert (error.value.status, accepted) == (0, 1)
    finally:
        await broken.close()
        server.close()
        await server.wait_closed()


async def test_a_false_certificate_is_no_connection(cluster: Cluster, api: ApiCluster, namespace: str) -> None:
    stranger = await ApiCluster.connect(cluster.kubeconfig, retries=ReadRetries(attempts=1))
    context: ssl.SSLContext = stranger._client.rest_client.ssl_context
    stranger._client.rest_client.ssl_context = ssl.create_default_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    try:
        with pytest.raises(KubernetesError) as error:
            await stranger.get("v1", "ConfigMap", namespace, "tuning")
    finally:
        await stranger.close()
    assert error.value.status == 0
    assert await api.list("v1", "ConfigMap", namespace)
