"""Paths, identities, who wrote what, and impersonation."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from homeostat.cluster.clock import SystemClock
from homeostat.cluster.connection import impersonation
from homeostat.cluster.identity import identity_of
from homeostat.cluster.kinds import Kind, Kinds
from homeostat.cluster.managed_fields import holders, last_writer, others_wrote_object_since, others_wrote_since
from homeostat.flow.ports import NotFoundError

DEPLOYMENTS = Kind("/apis/apps/v1", "deployments", namespaced=True)
NODES = Kind("/api/v1", "nodes", namespaced=False)
MOMENT = datetime(2026, 1, 1, 12, 0, 0, 700_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "place", "path"),
    [
        (DEPLOYMENTS, ("ims", "pcscf", "scale"), "/apis/apps/v1/namespaces/ims/deployments/pcscf/scale"),
        (DEPLOYMENTS, ("ims",), "/apis/apps/v1/namespaces/ims/deployments"),
        (DEPLOYMENTS, ("",), "/apis/apps/v1/deployments"),
        (NODES, ("ims", "n1"), "/api/v1/nodes/n1"),
        (DEPLOYMENTS, ("ims", "../x"), "/apis/apps/v1/namespaces/ims/deployments/..%2Fx"),
    ],
)
def test_paths(kind: Kind, place: tuple[str, ...], path: str) -> None:
    assert kind.path(*place) == path


def test_a_namespaced_object_needs_its_namespace() -> None:
    with pytest.raises(ValueError, match="needs a namespace"):
        DEPLOYMENTS.path("", "pcscf")


async def test_kinds_are_asked_once_but_unknown_ones_again() -> None:
    asked: list[str] = []

    async def read(path: str) -> dict[str, Any]:
        asked.append(path)
        if path == "/apis/none/v1":
            raise NotFoundError(404, "NotFound", "the server could not find the requested resource")
        return {
            "resources": [
                {"kind": "Deployment", "name": "deployments", "namespaced": True},
                {"kind": "Scale", "name": "deployments/scale", "namespaced": True},
            ]
        }

    kinds = Kinds(read, SystemClock())
    known = replace(DEPLOYMENTS, subresources=frozenset({"scale"}))
    assert await kinds.find("apps/v1", "Deployment") == known
    assert await kinds.find("apps/v1", "Deployment") == known
    assert asked == ["/apis/apps/v1"]
    for api_version in ("none/v1", "apps/v1"):
        with pytest.raises(NotFoundError, match="no kind Scale"):
            await kinds.find(api_version, "Scale")
    assert asked == ["/apis/apps/v1", "/apis/none/v1", "/apis/apps/v1"]


def test_identity() -> None:
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "uid": "u"}}

    assert identity_of(body).model_dump() == {"api_version": "v1", "kind": "Pod", "name": "p", "uid": "u"}


def _entry(manager: str, time: str | None, fields: dict[str, Any], subresource: str = "") -> dict[str, Any]:
    return {"manager": manager, "subresource": subresource, "fieldsV1": fields} | ({"time": time} if time else {})


CONTAINERS = {"spec": {"containers": [{"name": "sidecar"}, {"name": "main"}]}}


def _body(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"managedFields": list(entries)}}


def test_the_last_writer_of_a_field() -> None:
    key: dict[str, Any] = {"f:data": {"f:tuning.yaml": {}}}
    body = _body(
        _entry("helm", "2026-01-01T10:00:00Z", key),
        _entry("kubectl-edit", "2026-01-01T11:00:00Z", key),
        _entry("other", "2026-01-01T12:00:00Z", {"f:data": {"f:else": {}}}),
    )

    writer = last_writer(body, ("data", "tuning.yaml"))

    assert writer is not None
    assert writer.manager == "kubectl-edit"
    assert last_writer(body, ("data", "none")) is None


def test_who_holds_a_field_in_an_item_of_a_list() -> None:
    limits: dict[str, Any] = {
        "f:spec": {"f:containers": {'k:{"name":"main"}': {"f:resources": {"f:limits": {"f:cpu": {}}}}}}
    }
    body = _body(_entry("vpa", "2026-01-01T10:00:00Z", limits)) | CONTAINERS

    def holds(container: int, resource: str) -> bool:
        return last_writer(body, ("spec", "containers", container, "resources", "limits", resource)) is not None

    assert holds(1, "cpu")
    assert not holds(1, "memory")
    assert not holds(0, "cpu")


def test_who_holds_a_list_without_keys_holds_what_is_in_it() -> None:
    body = _body(_entry("helm", "2026-01-01T10:00:00Z", {"f:spec": {"f:containers": {}}})) | CONTAINERS

    assert last_writer(body, ("spec", "containers", 1, "image")) is not None
    assert last_writer(body, ("spec", "replicas")) is None


def test_who_only_made_a_map_holds_nothing_in_it() -> None:
    made = _entry("helm", "2026-01-01T10:00:00Z", {"f:spec": {}})
    body = _body(made, _entry("homeostat", "2026-01-01T11:00:00Z", {"f:spec": {"f:rules": {}}}))
    body |= {"spec": {"rules": [{"weight": 1}]}}

    assert [write.manager for write in holders(body, ("spec", "rules", 0, "weight"))] == ["homeostat"]
    assert holders(_body(_entry("x", None, {})), ("spec", "rules")) == ()


@pytest.mark.parametrize(
    ("key", "holds"), [('v:"a"', True), ('v:"b"', False), ("i:0", True), ("i:1", False), ('k:{"name":"a"}', False)]
)
def test_who_holds_an_item_that_is_a_value(key: str, holds: bool) -> None:
    body = _body(_entry("helm", None, {"f:spec": {"f:hosts": {key: {}}}})) | {"spec": {"hosts": ["a"]}}

    assert bool(holders(body, ("spec", "hosts", 0))) is holds


@pytest.mark.parametrize(
    ("entry", "since"),
    [
        (_entry("helm", "2026-01-01T11:59:59Z", {}), False),
        (_entry("helm", "2026-01-01T12:00:00Z", {}), True),
        (_entry("kubectl", None, {}, "scale"), True),
        (_entry("homeostat", None, {}, "scale"), False),
        (_entry("controller", "2026-01-01T12:00:09Z", {}, "status"), False),
    ],
)
def test_whether_others_may_have_written_since(entry: dict[str, Any], since: bool) -> None:
    assert others_wrote_since(_body(entry), "homeostat", MOMENT) is since


@pytest.mark.parametrize(
    ("entry", "since"),
    [
        (_entry("kubectl-rollout", "2026-01-01T12:00:00Z", {}), True),
        (_entry("kubectl-rollout", "2026-01-01T11:59:59Z", {}), False),
        (_entry("homeostat", "2026-01-01T12:00:09Z", {}), False),
        (_entry("kubectl", None, {}, "scale"), False),
        (_entry("controller", "2026-01-01T12:00:09Z", {}, "status"), False),
    ],
)
def test_whether_others_may_have_written_the_object_itself_since(entry: dict[str, Any], since: bool) -> None:
    assert others_wrote_object_since(_body(entry), "homeostat", MOMENT) is since


@pytest.mark.parametrize(
    ("user", "headers"),
    [
        ("{}", {}),
        ("{as: alice}", {"Impersonate-User": "alice"}),
        ("{as: alice, as-groups: [ops]}", {"Impersonate-User": "alice", "Impersonate-Group": "ops"}),
    ],
)
def test_impersonation_of_a_kubeconfig_is_honoured(tmp_path: Path, user: str, headers: dict[str, str]) -> None:
    assert impersonation(_kubeconfig(tmp_path, user)) == headers


def test_impersonation_that_cannot_be_sent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="several groups"):
        impersonation(_kubeconfig(tmp_path, "{as: alice, as-groups: [a, b]}"))


def _kubeconfig(folder: Path, user: str) -> Path:
    file = folder / "kubeconfig"
    file.write_text(
        f"current-context: c\ncontexts: [{{name: c, context: {{user: u}}}}]\nusers: [{{name: u, user: {user}}}]\n"
    )
    return file
