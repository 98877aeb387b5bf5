"""Acts on a real node: what only a kubelet and a container runtime can show."""

import json
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from hack.cluster import Cluster, packages, print_to_stderr, provide
from hack.cluster.control_groups import control_group
from hack.cluster.images import write_image
from hack.installation import install_kinds
from homeostat.act.job_manifest import CONTAINER
from homeostat.cluster.client import ApiCluster
from homeostat.contracts.operations import Operation, OperationKind, OperationState
from homeostat.contracts.steps import Step
from homeostat.contracts.target import Target
from homeostat.flow.ports import Telling
from tests.apiserver.test_resize import until
from tests.contract.cases.case import ActionCase
from tests.contract.stage import Stage

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a real node needs root")

IMAGE = "localhost/box:1"
PATIENCE = 60
MEBI = 1024**2


@pytest.fixture(scope="module")
def node() -> Iterator[Cluster]:
    packages.ensure({"/usr/bin/busybox": "busybox-static"}, "this test", print_to_stderr)
    with provide(node=True) as cluster:
        programs = {"/busybox": Path("/usr/bin/busybox")}
        cluster.load_image(write_image(cluster.folder / "box.tar", IMAGE, programs))
        install_kinds(cluster)
        yield cluster


@pytest.fixture
async def api(node: Cluster) -> AsyncIterator[ApiCluster]:
    client = await ApiCluster.connect(node.kubeconfig)
    yield client
    await client.close()


@dataclass
class Scene(Stage):
    """An action on a Deployment whose pods really run."""

    def __post_init__(self) -> None:
        super().__post_init__()
        where = (f"deployment/{self.name}", f"--namespace={self.namespace}")
        self.cluster.kubectl("rollout", "status", *where, f"--timeout={PATIENCE}s", timeout=70)

    @property
    def name(self) -> str:
        return self.case.acted[2]

    def pods(self) -> dict[str, dict[str, Any]]:
        where = (f"--namespace={self.namespace}", f"--selector=app={self.name}")
        listed = json.loads(self.cluster.kubectl("get", "pods", *where, "--output=json"))
        return {p["metadata"]["name"]: p for p in listed["items"] if "deletionTimestamp" not in p["metadata"]}

    async def act(self) -> tuple[Operation, ...]:
        """Plan the step and apply what was planned."""
        return tuple([await self.done(operation) for operation in await self.operations()])

    async def done(self, operation: Operation) -> Operation:
        receipt = await self.apply(operation)
        assert receipt.state is OperationState.APPLIED, receipt.message
        return operation

    async def come_into_force(self, operation: Operation) -> None:
        async def in_force() -> bool:
            return not await self.effect(operation).in_force(self.namespace, operation, self.case.target)

        await until(in_force)

    async def undo_of(self, operation: Operation) -> Operation:
        undo = await self.effect(operation).reverse(
            self.namespace, operation, self.case.target, OperationKind.UNDO, 1, operation.recorded_at
        )
        assert undo is not None
        return undo


def scene(node: Cluster, api: ApiCluster, name: str, action: dict[str, Any], replicas: int = 1) -> Scene:
    container = {
        "name": "main",
        "image": IMAGE,
        "command": ["/busybox", "sleep", "3600"],
        "resources": {side: {"cpu": "100m", "memory": "32Mi"} for side in ("requests", "limits")},
    }
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    case = ActionCase(
        name=name,
        objects=({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec},),
        step=Step.model_validate({"name": name, "action": action}),
        target=Target.model_validate({"name": name, "ref": ref}),
        acted=("apps/v1", "Deployment", name),
        before="",
        intended="",
        meddling={},
        meddled="",
        missing="",
        value=lambda _: "",
    )
    node.kubectl("create", "namespace", name)
    return Scene(case, node, api, name)


def limits(node: Cluster, pod: dict[str, Any]) -> tuple[float, int]:
    """CPUs and bytes that the kernel lets the container have."""
    container = pod["status"]["containerStatuses"][0]["containerID"].partition("//")[2]
    found: dict[str, str] = {}
    for top in Path("/sys/fs/cgroup").rglob(control_group(node.folder)):
        for place in top.rglob(f"*{container}*"):
            found |= {path.name: path.read_text().strip() for path in place.glob("*.*") if path.name in _LIMITS}
    if "cpu.max" in found:
        quota, period = found["cpu.max"].split()
        return float(quota) / float(period), int(found["memory.max"])
    cpus = float(found["cpu.cfs_quota_us"]) / float(found["cpu.cfs_period_us"])
    return cpus, int(found["memory.limit_in_bytes"])


_LIMITS = {"cpu.max", "memory.max", "cpu.cfs_quota_us", "cpu.cfs_period_us", "memory.limit_in_bytes"}
"""Files of a control group, of either version."""


async def test_a_running_container_gets_more_and_gives_it_back(node: Cluster, api: ApiCluster) -> None:
    amounts = {"cpu": {"to": "200m"}, "memory": {"to": "48Mi"}}
    on = scene(node, api, "resized", {"resize": {"target": "resized", "container": "main", **amounts}})
    (before,) = on.pods().values()
    assert limits(node, before) == (0.1, 32 * MEBI)

    (operation,) = await on.act()
    await on.come_into_force(operation)

    (after,) = on.pods().values()
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    status = after["status"]["containerStatuses"][0]
    assert status["resources"]["limits"] == {"cpu": "200m", "memory": "48Mi"}
    assert status["restartCount"] == 0
    assert limits(node, after) == (0.2, 48 * MEBI)

    undo = await on.done(await on.undo_of(operation))
    await on.come_into_force(undo)
    (undone,) = on.pods().values()
    assert undone["status"]["containerStatuses"][0]["containerID"] == status["containerID"], "never restarted"
    assert limits(node, undone) == (0.1, 32 * MEBI)


async def test_what_the_node_never_has_is_refused_as_what_it_is(node: Cluster, api: ApiCluster) -> None:
    """An older API server takes it, and the kubelet then calls it infeasible."""
    on = scene(node, api, "greedy", {"resize": {"target": "greedy", "container": "main", "cpu": {"to": "500"}}})
    (operation,) = await on.operations()

    receipt = await on.apply(operation)

    assert receipt.state is OperationState.VOID
    assert "didn't have enough allocatable resources: cpu" in receipt.message
    assert "Grant" not in receipt.message, "it is no right that is missing"
    (pod,) = on.pods().values()
    assert limits(node, pod)[0] == 0.1


async def test_a_restart_is_in_force_once_other_pods_run(node: Cluster, api: ApiCluster) -> None:
    on = scene(node, api, "restarted", {"restart": {"target": "restarted"}})
    first = set(on.pods())

    (operation,) = await on.act()
    await on.come_into_force(operation)

    assert not first & set(on.pods())


async def test_the_worst_pod_alone_is_replaced(node: Cluster, api: ApiCluster) -> None:
    worst = {"query": 'failures{namespace="$namespace"}', "threshold": "0.5"}
    on = scene(node, api, "evicted", {"evict": {"target": "evicted", "worst": worst}}, replicas=2)
    bad, good = sorted(on.pods())
    on.case = replace(on.case, measured={bad: 0.9, good: 0.1})

    (operation,) = await on.act()
    await on.come_into_force(operation)

    left = set(on.pods())
    assert good in left
    assert bad not in left
    assert len(left) == 2


@pytest.mark.parametrize(
    ("script", "ends_well", "told"),
    [
        ("echo cleared 12 sessions", True, "completed with exit code 0. Last lines: cleared 12 sessions"),
        ("echo one; echo two >&2; exit 3", False, "with exit code 3. Last lines: one | two"),
    ],
)
async def test_a_runbook_tells_its_exit_and_last_lines(
    node: Cluster, api: ApiCluster, script: str, ends_well: bool, told: str
) -> None:
    name = "cleared" if ends_well else "uncleared"
    template = {"image": IMAGE, "command": ["/busybox", "sh", "-c", script], "runAsUser": 65532}
    on = scene(node, api, name, {"job": {"target": name, "template": template}})
    # The record owns the Job, which would go without it.
    on.case = replace(on.case, effect_elsewhere=lambda _api, _namespace: _nothing())

    (operation,) = await on.act()
    effect = on.effect(operation)
    assert isinstance(effect, Telling)

    async def ended() -> bool:
        return bool(await effect.result(on.namespace, operation, on.case.target))

    await until(ended)

    assert told in await effect.result(on.namespace, operation, on.case.target)
    waiting = await effect.in_force(on.namespace, operation, on.case.target)
    assert (waiting == "") is ends_well, waiting
    pod = f"--selector=batch.kubernetes.io/job-name={operation.intended.partition('/')[2]}"
    (ran,) = json.loads(node.kubectl("get", "pods", pod, f"--namespace={name}", "--output=json"))["items"]
    assert [status["name"] for status in ran["status"]["containerStatuses"]] == [CONTAINER]


async def _nothing() -> str:
    return ""
