"""What is awaited until a change is in force, and the release, on a control plane without a node."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from hack.cluster import Cluster, ClusterError
from homeostat.act.mark_for_removal import ANNOTATION, COST
from homeostat.act.operations import intend
from homeostat.act.registry import Registry, registry
from homeostat.act.restart import restart_operation
from homeostat.act.scale import FIELD
from homeostat.cluster.client import ApiCluster
from homeostat.cluster.config_history import ControllerRevisionHistory
from homeostat.cluster.identity import identity_of
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, OperationState
from homeostat.contracts.target import Target
from homeostat.flow.facts import Occasion, Pod, Workload
from homeostat.flow.ports import PlanStaleError
from tests.contract.cases.case import workload
from tests.contract.stage import Measured

TARGET = Target.model_validate(
    {"name": "pcscf", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pcscf"}}
)


class Bench:
    def __init__(self, cluster: Cluster, api: ApiCluster, namespace: str) -> None:
        self.cluster, self.api, self.namespace = cluster, api, namespace
        self.registry: Registry = registry(api, ControllerRevisionHistory(api), Measured({}))

    def create(self, body: dict[str, Any]) -> None:
        self.cluster.kubectl("create", "--namespace", self.namespace, "--filename", "-", stdin=json.dumps(body))

    async def deployment(self) -> Any:
        return await self.api.get("apps/v1", "Deployment", self.namespace, "pcscf")

    async def scale(self, before: int, intended: int) -> Operation:
        body = await self.deployment()
        return intend(
            step="s", attempt=1, kind=OperationKind.APPLY, number=1, action=OperationAction.SCALE,
            target=identity_of(body), resource_version="", field=FIELD, before=str(before), intended=str(intended),
            at=datetime.now(UTC),
        )  # fmt: skip

    async def shrink(self, grown: Operation, look: Workload, number: int) -> tuple[Operation, ...]:
        occasion, now = self.occasion(look), datetime.now(UTC)
        return await self.registry.shrink_operations(
            OperationKind.RELEASE, grown, grown.intended, grown.before, occasion, number, now
        )

    def occasion(self, workload: Workload) -> Occasion:
        return Occasion(self.namespace, TARGET, workload)

    async def apply(self, operation: Operation) -> None:
        receipt = await self.registry.effect(operation).apply(self.namespace, operation, TARGET)
        assert receipt.state is OperationState.APPLIED, receipt.message

    async def awaited(self, operation: Operation) -> str:
        return await self.registry.effect(operation).in_force(self.namespace, operation, TARGET)

    async def pods(self) -> tuple[Any, ...]:
        return await self.api.list("v1", "Pod", self.namespace, "app=pcscf")

    def set_pods_ready(self, pods: tuple[Any, ...]) -> None:
        status = {"status": {"phase": "Running", "conditions": [
            {"type": "Ready", "status": "True"}, {"type": "PodScheduled", "status": "True"}]}}  # fmt: skip
        for pod in pods:
            with contextlib.suppress(ClusterError):  # a pod of the old template may go meanwhile
                self.cluster.kubectl("patch", "pod", pod["metadata"]["name"], "--namespace", self.namespace,
                                     "--subresource=status", "--type=merge", "--patch", json.dumps(status))  # fmt: skip


@pytest.fixture
def bench(cluster: Cluster, api: ApiCluster, namespace: str) -> Bench:
    return Bench(cluster, api, namespace)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await holds():
            await asyncio.sleep(0.1)


async def test_no_node_for_the_new_pods_is_no_capacity(bench: Bench) -> None:
    bench.create(workload("Deployment", "pcscf", replicas=1))
    operation = await bench.scale(1, 2)
    await bench.apply(operation)

    async def told() -> bool:
        return (await bench.awaited(operation)).startswith("NoCapacity: no node takes pcscf-")

    await until(told)


async def test_a_full_quota_is_no_capacity(bench: Bench) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "pods"},
        "spec": {"hard": {"count/pods": "1"}},
    }
    bench.create(quota)

    async def enforced() -> bool:
        status = (await bench.api.get("v1", "ResourceQuota", bench.namespace, "pods")).get("status") or {}
        return "count/pods" in (status.get("hard") or {})

    await until(enforced)
    bench.create(workload("Deployment", "pcscf", replicas=1))
    operation = await bench.scale(1, 3)
    await bench.apply(operation)

    async def told() -> bool:
        return "exceeded quota" in await bench.awaited(operation)

    await until(told)
    assert (await bench.awaited(operation)).startswith("NoCapacity: ")


async def test_ready_pods_end_the_wait_and_another_hand_shows(bench: Bench) -> None:
    bench.create(workload("Deployment", "pcscf", replicas=1))
    operation = await bench.scale(1, 2)
    await bench.apply(operation)

    async def two_pods() -> bool:
        return len(await bench.pods()) == 2

    await until(two_pods)
    bench.set_pods_ready(await bench.pods())

    async def in_force() -> bool:
        return await bench.awaited(operation) == ""

    await until(in_force)
    bench.cluster.kubectl("scale", "deployment/pcscf", "--replicas=4", "--namespace", bench.namespace)
    assert "someone set 4" in await bench.awaited(operation)


async def test_a_scale_that_someone_took_back_without_trace_of_time_is_decided_afresh(bench: Bench) -> None:
    bench.create(workload("Deployment", "pcscf", replicas=2))
    operation = await bench.scale(2, 3)
    await bench.apply(operation)
    bench.cluster.kubectl("scale", "deployment/pcscf", "--replicas=2", "--namespace", bench.namespace)

    receipt = await bench.registry.effect(operation).happened(bench.namespace, operation, TARGET)

    assert receipt.state is OperationState.VOID, "a person's decision is not overruled after a crash"


async def test_the_same_replicas_by_another_hand_are_not_claimed(bench: Bench) -> None:
    bench.create(workload("Deployment", "pcscf", replicas=2))
    operation = await bench.scale(2, 3)
    bench.cluster.kubectl("scale", "deployment/pcscf", "--replicas=3", "--namespace", bench.namespace)

    effect = bench.registry.effect(operation)
    assert (await effect.happened(bench.namespace, operation, TARGET)).state is OperationState.UNKNOWN
    assert (await effect.apply(bench.namespace, operation, TARGET)).state is OperationState.UNKNOWN
    with pytest.raises(PlanStaleError):
        await effect.reverse(bench.namespace, operation, TARGET, OperationKind.UNDO, 1, datetime.now(UTC))


async def test_a_restart_is_in_force_when_the_new_pods_are_ready(bench: Bench) -> None:
    bench.create(workload("Deployment", "pcscf", replicas=1))

    async def one_pod() -> bool:
        return len(await bench.pods()) == 1

    await until(one_pod)
    bench.set_pods_ready(await bench.pods())

    async def ready() -> bool:
        return bool((await bench.deployment())["status"].get("readyReplicas") == 1)

    await until(ready)
    body = await bench.deployment()
    operation = restart_operation(
        "s", 1, OperationKind.APPLY, 2, workload=body, identity=identity_of(body), at=datetime.now(UTC)
    )
    await bench.apply(operation)
    assert await bench.awaited(operation) != ""

    async def in_force() -> bool:
        bench.set_pods_ready(await bench.pods())
        return await bench.awaited(operation) == ""

    await until(in_force)


async def test_a_release_marks_those_that_go_and_takes_them(bench: Bench) -> None:
    bench.create(workload("Deployment", "pcscf", replicas=1))
    grown = await bench.scale(1, 3)
    await bench.apply(grown)

    async def three_pods() -> bool:
        return len(await bench.pods()) == 3

    await until(three_pods)
    bodies = await bench.pods()
    bench.set_pods_ready(bodies)
    moments = [datetime.fromisoformat(b["metadata"]["creationTimestamp"]) for b in bodies]
    pods = tuple(
        Pod(b["metadata"]["name"], b["metadata"]["uid"], True, at, False, None, created=at)
        for b, at in zip(bodies, moments, strict=True)
    )
    look = Workload("pcscf", exists=True, identity=grown.target, replicas=3, pods=pods)

    operations = await bench.shrink(grown, look, 4)

    assert [o.id for o in operations] == ["s.1.release.4", "s.1.release.5", "s.1.release.6"]
    assert [o.action for o in operations[:2]] == [OperationAction.MARK_FOR_REMOVAL] * 2
    assert (operations[2].before, operations[2].intended) == ("3", "1")
    for operation in operations[:2]:
        await bench.apply(operation)
        assert await bench.awaited(operation) == ""
    marked = {
        p["metadata"]["name"]
        for p in await bench.pods()
        if p["metadata"].get("annotations", {}).get(ANNOTATION) == COST
    }
    assert marked == {o.target.name for o in operations[:2]}

    async def seen_ready() -> bool:
        return bool((await bench.deployment())["status"].get("readyReplicas") == 3)

    await until(seen_ready)
    await bench.apply(operations[2])

    async def only_the_unmarked() -> bool:
        left = {p["metadata"]["name"] for p in await bench.pods() if not p["metadata"].get("deletionTimestamp")}
        return left == {p.name for p in pods} - marked

    await until(only_the_unmarked)


async def test_a_release_is_stale_when_someone_scaled_since(bench: Bench) -> None:
    bench.create(workload("Deployment", "pcscf", replicas=1))
    grown = await bench.scale(1, 3)
    await bench.apply(grown)
    bench.cluster.kubectl("scale", "deployment/pcscf", "--replicas=5", "--namespace", bench.namespace)

    look = Workload("pcscf", exists=True, identity=grown.target, replicas=5)
    with pytest.raises(PlanStaleError, match="5 replicas now"):
        await bench.shrink(grown, look, 1)
