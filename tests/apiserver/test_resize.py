"""Resizing the pods of a workload in place, and what is refused before anything is touched."""

import asyncio
import contextlib
import copy
import json
import shlex
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from hack.cluster import Cluster, ClusterError
from hack.cluster.processes import wait_until
from homeostat.act.plan_resize import MOST_PODS
from homeostat.act.registry import registry
from homeostat.cluster.client import ApiCluster
from homeostat.cluster.config_history import ControllerRevisionHistory
from homeostat.contracts.actions.kinds import Risk
from homeostat.contracts.operations import Authority, Operation, OperationKind, OperationState, Plan
from homeostat.contracts.steps import Step
from homeostat.contracts.target import Target
from homeostat.flow.facts import Occasion, Preview, Workload
from homeostat.flow.ports import PlanStaleError
from homeostat.flow.resources import Body
from homeostat.record.kubectl import commands
from tests.apiserver.fixtures import Connect
from tests.apiserver.installation import OPERATOR, install
from tests.contract.cases.case import workload
from tests.contract.cases.resize import RUNNING, deployment
from tests.contract.stage import Measured
from tests.unit.record.samples import spec

PATIENCE_SECONDS = 30.0
TARGET = Target.model_validate(
    {"name": "pcscf", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pcscf"}}
)


class OldServer(ApiCluster):
    """The real client, told by discovery what a server before Kubernetes 1.33 says."""

    async def serves(self, api_version: str, kind: str, subresource: str) -> bool:
        return subresource != "resize" and await super().serves(api_version, kind, subresource)


class Bench:
    def __init__(self, cluster: Cluster, api: ApiCluster, namespace: str) -> None:
        self.cluster, self.api, self.namespace = cluster, api, namespace

    def kubectl(self, *args: str, stdin: str | None = None) -> str:
        return self.cluster.kubectl(*args, "--namespace", self.namespace, stdin=stdin)

    def create(self, body: dict[str, Any], running: int = 0) -> None:
        self.kubectl("create", "--filename", "-", stdin=json.dumps(body))
        if running:
            wait_until(lambda: len(self.names()) == running, "the pods are made", PATIENCE_SECONDS)
            for name in self.names():
                self.status(name, RUNNING)

    def names(self) -> list[str]:
        return self.kubectl("get", "pods", "--output=jsonpath={.items[*].metadata.name}").split()

    def status(self, pod: str, status: dict[str, Any]) -> None:
        patch = json.dumps({"status": status})
        self.kubectl("patch", "pod", pod, "--subresource=status", "--type=merge", "--patch", patch)

    async def pods(self) -> tuple[Body, ...]:
        return await self.api.list("v1", "Pod", self.namespace, "app=pcscf")

    def occasion(self, **more: Any) -> Occasion:
        return Occasion(self.namespace, TARGET.model_copy(update=more), Workload("pcscf", exists=True))

    def step(self, **changes: Any) -> Step:
        action = {"target": "pcscf", "container": "main", **(changes or {"cpu": {"by": "+50%"}})}
        return Step.model_validate({"name": "s", "action": {"resize": action}})

    async def preview(self, api: ApiCluster | None = None, **changes: Any) -> Preview:
        actuator = registry(api or self.api, ControllerRevisionHistory(self.api), Measured({})).actuator(
            self.step().action.type
        )
        return await actuator.preview(self.step(**changes), self.occasion())

    async def operations(self, preview: Preview, **changes: Any) -> tuple[Operation, ...]:
        step = self.step(**changes)
        assert preview.target is not None, preview.message
        plan = Plan(
            step="s", attempt=1, action=step.action.type, target=preview.target, field=preview.field,
            before=preview.before, intended=preview.intended, risk=Risk.LOW, authority=Authority.AUTONOMOUS,
            description=preview.description, digest="",
        )  # fmt: skip
        actuator = registry(self.api, ControllerRevisionHistory(self.api), Measured({})).actuator(step.action.type)
        return await actuator.operations(plan, step, self.occasion(), datetime.now(UTC))

    async def apply(self, operation: Operation) -> None:
        receipt = await self.effect(operation).apply(self.namespace, operation, TARGET)
        assert receipt.state is OperationState.APPLIED, receipt.message

    def effect(self, operation: Operation) -> Any:
        return registry(self.api, ControllerRevisionHistory(self.api), Measured({})).effect(operation)

    async def awaited(self, operation: Operation) -> str:
        waiting: str = await self.effect(operation).in_force(self.namespace, operation, TARGET)
        return waiting

    async def reverse(self, operation: Operation) -> Operation | None:
        undo: Operation | None = await self.effect(operation).reverse(
            self.namespace, operation, TARGET, OperationKind.UNDO, 1, datetime.now(UTC)
        )
        return undo


@pytest.fixture(scope="module", autouse=True)
def installed(cluster: Cluster) -> None:
    install(cluster)


@pytest.fixture
async def bench(cluster: Cluster, connect: Connect, namespace: str) -> Bench:
    """A namespace to act in with the rights that the chart gives the operator, and no more."""
    return Bench(cluster, await connect(OPERATOR), namespace)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await holds():
            await asyncio.sleep(0.1)


def changed(body: dict[str, Any], **container: Any) -> dict[str, Any]:
    body = copy.deepcopy(body)
    body["spec"]["template"]["spec"]["containers"][0].update(container)
    return body


def with_limit(pod: Body, cpu: str) -> dict[str, Any]:
    expected: dict[str, Any] = copy.deepcopy(dict(pod["spec"]))
    expected["containers"][0]["resources"]["limits"]["cpu"] = cpu
    return expected


async def test_each_running_pod_is_resized_and_nothing_else_of_it_or_of_the_template(bench: Bench) -> None:
    bench.create(deployment(), running=2)
    before, whole = await bench.pods(), await bench.api.get("apps/v1", "Deployment", bench.namespace, "pcscf")

    preview = await bench.preview(cpu={"by": "+50%"}, of=["Limits"])
    operations = await bench.operations(preview, cpu={"by": "+50%"}, of=["Limits"])
    for operation in operations:
        await bench.apply(operation)

    assert preview.description == (
        "resize main in 2 running pods of Deployment/pcscf without a restart: limits.cpu 500m -> 750m; its pod "
        "template, and so a pod that is made later, stays as it is"
    )
    assert preview.target is not None
    assert preview.target.kind == "Deployment"
    assert sorted(o.target.uid for o in operations) == sorted(p["metadata"]["uid"] for p in before)
    after = {p["metadata"]["uid"]: p["spec"] for p in await bench.pods()}
    assert after == {p["metadata"]["uid"]: with_limit(p, "750m") for p in before}
    now = await bench.api.get("apps/v1", "Deployment", bench.namespace, "pcscf")
    assert now["metadata"]["generation"] == whole["metadata"]["generation"]


async def test_a_resize_is_in_force_when_the_kubelet_says_so(bench: Bench) -> None:
    bench.create(deployment(), running=2)
    operation, *_ = await bench.operations(await bench.preview())
    await bench.apply(operation)
    pod = operation.target.name
    assert operation.intended == "limits.cpu=750m,requests.cpu=375m"
    assert await bench.awaited(operation) == f"main of Pod/{pod} to run with {operation.intended}"

    for reason, said in (("Deferred", "room on the node"), ("Infeasible", "NoCapacity: ")):
        pending = {"type": "PodResizePending", "status": "True", "reason": reason, "message": "node is small"}
        bench.status(pod, {"conditions": [*RUNNING["conditions"], pending]})
        waiting = await bench.awaited(operation)
        assert waiting.startswith(said)
        assert "node is small" in waiting

    running = {"limits": {"cpu": "750m", "memory": "1Gi"}, "requests": {"cpu": "375m"}}
    state = {"name": "main", "image": "x", "imageID": "x", "ready": True, "restartCount": 0, "resources": running}
    bench.status(pod, {**RUNNING, "containerStatuses": [state]})
    assert await bench.awaited(operation) == ""

    bench.kubectl("delete", "pod", pod, "--grace-period=0", "--force")
    assert await bench.awaited(operation) == "", "a pod that is gone awaits nothing"
    assert await bench.reverse(operation) is None, "and there is nothing of it to take back"


async def test_a_pod_made_later_is_brought_up_to_the_others_and_no_further(bench: Bench) -> None:
    bench.create(deployment(), running=2)
    for operation in await bench.operations(await bench.preview()):
        await bench.apply(operation)
    bench.kubectl("delete", "pod", bench.names()[0], "--grace-period=0", "--force")
    wait_until(lambda: len(bench.names()) == 2, "the pod is made again", PATIENCE_SECONDS)
    for name in bench.names():
        bench.status(name, RUNNING)

    (operation,) = await bench.operations(await bench.preview())

    assert (operation.before, operation.intended) == (
        "limits.cpu=500m,requests.cpu=250m",
        "limits.cpu=750m,requests.cpu=375m",
    )


async def test_a_plan_is_stale_when_the_pods_changed(bench: Bench) -> None:
    bench.create(deployment(), running=2)
    preview = await bench.preview()
    for operation in await bench.operations(preview):
        await bench.apply(operation)

    with pytest.raises(PlanStaleError, match=r"states limits\.cpu=750m"):
        await bench.operations(preview)


async def test_the_commands_in_the_record_do_the_same_and_take_it_back(bench: Bench) -> None:
    bench.create(deployment(), running=2)
    for how in ({}, {"through": "Template"}):
        changes: dict[str, Any] = {"cpu": {"by": "+50%"}, **how}
        operation, *_ = await bench.operations(await bench.preview(**changes), **changes)
        wording = commands(bench.namespace, operation, spec())
        target = operation.target

        async def limit(target: Any = target) -> str:
            body = await bench.api.get(target.api_version, target.kind, bench.namespace, target.name)
            pod = body["spec"].get("template", body)["spec"]
            return str(pod["containers"][0]["resources"]["limits"]["cpu"])

        for command, expected in ((wording.do, "750m"), (wording.undo, "500m")):
            bench.cluster.kubectl(*shlex.split(command)[1:])
            assert await limit() == expected, command


async def test_a_server_that_cannot_resize_pods_gets_another_template(bench: Bench) -> None:
    bench.create(deployment(), running=2)
    old = await OldServer.connect(bench.cluster.kubeconfig)
    try:
        preview = await bench.preview(old)
    finally:
        await old.close()

    assert preview.field == "spec.template.spec.containers[main].resources"
    assert preview.description == (
        "resize main in the pod template of Deployment/pcscf: limits.cpu 500m -> 750m, requests.cpu 250m -> 375m; a "
        "rollout restarts its pods"
    )
    assert "a person is asked" in preview.asks


async def test_a_template_is_in_force_once_it_is_rolled_out(bench: Bench) -> None:
    bench.create(deployment(), running=2)
    how: dict[str, Any] = {"memory": {"to": "2Gi"}, "through": "Template"}
    present = bench.names()
    (operation,) = await bench.operations(await bench.preview(**how), **how)
    await bench.apply(operation)

    assert (operation.before, operation.intended) == ("limits.memory=1Gi", "limits.memory=2Gi")
    assert operation.ends == sorted(present), "they are drained first"
    assert await bench.awaited(operation) != ""

    async def in_force() -> bool:
        for name in bench.names():
            with contextlib.suppress(ClusterError):  # a pod of the old template may go meanwhile
                bench.status(name, RUNNING)
        return await bench.awaited(operation) == ""

    await until(in_force)
    bench.kubectl("set", "resources", "deployment/pcscf", "--containers=main", "--limits=memory=3Gi")
    assert "someone set limits.cpu=500m,limits.memory=3Gi" in await bench.awaited(operation)


async def test_at_its_bound_there_is_nothing_to_do(bench: Bench) -> None:
    bench.create(deployment(), running=2)

    preview = await bench.preview(cpu={"by": "+50%", "max": "500m"}, of=["Limits"])

    assert (preview.already, preview.refused, preview.message) == (True, "", "limits.cpu at max 500m")


GUARANTEED = {"limits": {"cpu": "500m", "memory": "1Gi"}, "requests": {"cpu": "500m", "memory": "1Gi"}}
RESTARTING = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]
CPU = {"by": "+50%"}


@pytest.mark.parametrize(
    ("container", "changes", "reason", "said"),
    [
        ({}, {"cpu": CPU, "container": "none"}, "ContainerNotFound", "it has: main, sidecar"),
        ({}, {"memory": CPU, "of": ["Requests"], "through": "Template"}, "ResourceNotStated", "no requests of memory"),
        ({}, {"memory": CPU, "container": "sidecar", "cpu": CPU}, "ResourceNotStated", "limits or requests of cpu"),
        ({}, {"cpu": {"to": "800m"}, "of": ["Requests"]}, "RequestAboveLimit", "limits.cpu=500m"),
        ({"resizePolicy": RESTARTING}, {"memory": CPU}, "RestartsContainers", "through Template"),
        ({}, {"cpu": CPU, "through": "Template", "container": "none"}, "ContainerNotFound", "Deployment/pcscf"),
    ],
)
async def test_what_cannot_be_resized(
    bench: Bench, container: dict[str, Any], changes: dict[str, Any], reason: str, said: str
) -> None:
    bench.create(changed(deployment(), **container), running=2)

    preview = await bench.preview(**changes)

    assert (preview.refused, said in preview.message) == (reason, True), preview.message


async def test_a_container_that_restarts_for_memory_alone_is_given_more_cpu(bench: Bench) -> None:
    bench.create(changed(deployment(), resizePolicy=RESTARTING), running=2)

    assert (await bench.preview(cpu=CPU)).refused == ""


async def test_a_running_pod_keeps_its_class(bench: Bench) -> None:
    body = changed(deployment(), resources=GUARANTEED)
    del body["spec"]["template"]["spec"]["containers"][1]
    bench.create(body, running=2)

    refused = await bench.preview(cpu=CPU, of=["Limits"])
    assert (refused.refused, "from Guaranteed to Burstable" in refused.message) == ("QosClassWouldChange", True)
    assert (await bench.preview(cpu=CPU)).refused == ""
    assert (await bench.preview(cpu=CPU, of=["Limits"], through="Template")).refused == ""


async def test_pods_that_do_not_run_are_not_resized(bench: Bench) -> None:
    bench.create(deployment())

    assert (await bench.preview()).refused == "NoRunningPods"
    assert (await bench.preview(cpu=CPU, through="Template")).refused == ""


async def test_a_template_that_would_not_be_rolled_out(bench: Bench) -> None:
    body = deployment()
    body["spec"]["paused"] = True
    bench.create(body)

    assert (await bench.preview(cpu=CPU, through="Template")).refused == "NotRestartable"


async def test_more_pods_than_one_step_may_change(bench: Bench) -> None:
    body = workload("Deployment", "pcscf", replicas=MOST_PODS + 1)
    body["spec"]["template"] = deployment()["spec"]["template"]
    bench.create(body, running=MOST_PODS + 1)

    preview = await bench.preview()

    assert (preview.refused, "through Template" in preview.message) == ("TooManyPods", True)
