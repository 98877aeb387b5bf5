"""Evictions where they may not be: on a real API server with the real disruption controller."""

import asyncio
import json
import shlex
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from hack.cluster import Cluster
from hack.cluster.processes import wait_until
from homeostat.act.registry import Registry, registry
from homeostat.cluster.client import ApiCluster
from homeostat.cluster.config_history import ControllerRevisionHistory
from homeostat.contracts.actions.kinds import Risk
from homeostat.contracts.operations import Authority, Operation, OperationKind, OperationState, Plan
from homeostat.contracts.steps import Step
from homeostat.contracts.target import Target
from homeostat.flow.facts import Occasion, Preview, Reading, Unknown
from homeostat.flow.ports import PlanStaleError
from homeostat.flow.resources import CompiledSource
from homeostat.observe.workloads import KubernetesWorkloads
from homeostat.record.kubectl import commands
from tests.apiserver.fixtures import Connect
from tests.apiserver.installation import OPERATOR, install
from tests.contract.cases.case import pod_template, workload
from tests.contract.stage import SOURCE, Measured, stand_in_for_kubelet
from tests.unit.record.samples import spec

TARGET = Target.model_validate(
    {"name": "pcscf", "ref": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "pcscf"}}
)
WORST = {"query": 'failures{namespace="$namespace"}', "threshold": "0.5"}


class Unmeasured:
    """Telemetry that knows one pod of two."""

    async def by_pod(self, *_: Any) -> Mapping[str, float] | Reading:
        return Reading(None, Unknown.PARTIAL, "1 of 2 ready pods are not measured: pcscf-1")


class Bench:
    """A StatefulSet whose pods all run, pcscf-1 the worst and pcscf-0 the next."""

    def __init__(self, cluster: Cluster, api: ApiCluster, namespace: str) -> None:
        self.cluster, self.api, self.namespace = cluster, api, namespace
        self.registry = self.registry_of(api)

    def registry_of(self, api: ApiCluster) -> Registry:
        values = Measured({"pcscf-1": 0.9, "pcscf-0": 0.8, "pcscf-2": 0.1, "stray": 1.0})
        return registry(api, ControllerRevisionHistory(api), values)

    def create(self, body: dict[str, Any]) -> None:
        self.cluster.kubectl("create", "--namespace", self.namespace, "--filename", "-", stdin=json.dumps(body))

    def make(self, replicas: int) -> None:
        """The pods are made, and not one of them is ready."""
        body = workload("StatefulSet", "pcscf", replicas)
        body["spec"]["template"]["spec"]["schedulerName"] = (
            "nobody"  # or it would note on the pods that no node is there
        )
        self.create(body)
        wait_until(lambda: len(self.pods()) == replicas, f"{replicas} pods are made", 30)

    def pods(self) -> list[str]:
        return self.cluster.kubectl("get", "pods", "--namespace", self.namespace, "--output=name").split()

    def run(self, replicas: int) -> None:
        self.make(replicas)
        self.stand_in_for_kubelet(replicas)

    def stand_in_for_kubelet(self, pods: int) -> None:
        stand_in_for_kubelet(self.cluster, self.namespace, pods)

    async def budget(self, allowed: int, name: str = "pcscf", **budget: Any) -> None:
        body = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}}
        self.create({**body, "spec": {"selector": {"matchLabels": {"app": "pcscf"}}, **budget}})

        async def counted() -> bool:
            status = (await self.api.get("policy/v1", "PodDisruptionBudget", self.namespace, name)).get("status") or {}
            seen = status.get("observedGeneration") == 1 and status.get("expectedPods", 0) > 0
            return seen and bool(status.get("disruptionsAllowed", 0) == allowed)

        await until(counted)

    async def preview(self, count: int = 1, source: CompiledSource | None = SOURCE, **how: Any) -> Preview:
        of: Registry = how.pop("of", self.registry)
        self.step = Step.model_validate(
            {"name": "end", "action": {"evict": {"target": "pcscf", "count": count, "worst": {**WORST, **how}}}}
        )
        return await of.actuator(self.step.action.type).preview(self.step, await self.occasion(source))

    async def occasion(self, source: CompiledSource | None = SOURCE) -> Occasion:
        look = await KubernetesWorkloads(self.api).look(self.namespace, TARGET)
        return Occasion(self.namespace, TARGET, look, source)

    async def operations(self, preview: Preview) -> tuple[Operation, ...]:
        assert preview.target is not None, preview.message
        plan = Plan(
            step="end", attempt=1, action=self.step.action.type, target=preview.target, field=preview.field,
            before=preview.before, intended=preview.intended, risk=Risk.MEDIUM, authority=Authority.AUTONOMOUS,
            description=preview.description, digest="",
        )  # fmt: skip
        actuator = self.registry.actuator(plan.action)
        return await actuator.operations(plan, self.step, await self.occasion(), datetime.now(UTC))

    async def uid(self, pod: str) -> str:
        return str((await self.api.get("v1", "Pod", self.namespace, pod))["metadata"]["uid"])


@pytest.fixture
def bench(cluster: Cluster, api: ApiCluster, namespace: str) -> Bench:
    return Bench(cluster, api, namespace)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await holds():
            await asyncio.sleep(0.1)


async def test_a_budget_that_lets_none_go_stops_the_step_before_it_begins(bench: Bench) -> None:
    bench.run(2)
    await bench.budget(0, minAvailable=2)

    preview = await bench.preview()

    assert preview.refused == "PdbForbids"
    assert "PodDisruptionBudget pcscf does not let pcscf-1 go now: it needs 2 healthy pods and has 2" in preview.message


async def test_a_budget_that_was_spent_meanwhile_has_the_last_word(bench: Bench) -> None:
    bench.run(2)
    (operation,) = await bench.operations(await bench.preview())
    before = await bench.uid("pcscf-1")
    await bench.budget(0, minAvailable=2)

    receipt = await bench.registry.effect(operation).apply(bench.namespace, operation, TARGET)

    assert receipt.state is OperationState.VOID
    assert "nothing was changed" in receipt.message
    assert "The disruption budget pcscf needs 2 healthy pods and has 2 currently" in receipt.message
    assert await bench.uid("pcscf-1") == before
    assert (await bench.preview()).refused == "PdbForbids", "so that it is not tried again at once"


async def test_a_budget_lets_as_many_go_as_it_says(bench: Bench) -> None:
    bench.run(3)
    await bench.budget(1, maxUnavailable=1)

    operations = await bench.operations(await bench.preview(count=2))

    assert [o.target.name for o in operations] == ["pcscf-1"]
    receipt = await bench.registry.effect(operations[0]).apply(bench.namespace, operations[0], TARGET)
    assert receipt.state is OperationState.APPLIED, receipt.message


async def test_two_budgets_over_a_pod_are_told(bench: Bench) -> None:
    bench.run(3)
    await bench.budget(1, maxUnavailable=1)
    await bench.budget(1, name="also", maxUnavailable=1)

    preview = await bench.preview()

    assert preview.refused == "PdbForbids"
    assert "several PodDisruptionBudgets (also and pcscf)" in preview.message


async def test_worst_first_and_a_ready_pod_stays(bench: Bench) -> None:
    bench.run(3)
    both = await bench.preview(count=3)
    assert both.description == "evict pcscf-1 (0.9), pcscf-0 (0.8) of StatefulSet/pcscf, worst by value"
    lowest = await bench.preview(order="Lowest")
    assert lowest.description.startswith("evict pcscf-2 (0.1)")
    operations = await bench.operations(both)
    assert [(o.id, o.target.name) for o in operations] == [("end.1.apply.1", "pcscf-1"), ("end.1.apply.2", "pcscf-0")]
    assert [o.ends for o in operations] == [["pcscf-1"], ["pcscf-0"]], "each is drained, one at a time"

    bench.cluster.kubectl("delete", "pod", "pcscf-2", "--namespace", bench.namespace, "--wait=true")

    with pytest.raises(PlanStaleError, match="no other pod"):
        await bench.operations(both)
    effect = bench.registry.effect(operations[0])
    assert (await effect.apply(bench.namespace, operations[0], TARGET)).state is OperationState.APPLIED
    receipt = await effect.apply(bench.namespace, operations[1], TARGET)
    assert receipt.state is OperationState.VOID
    assert "pcscf-0 must stay" in receipt.message


async def test_the_only_ready_pod_stays(bench: Bench) -> None:
    bench.make(2)
    assert (await bench.preview()).refused == "TooFewReadyPods"
    stand_in_for_kubelet(bench.cluster, bench.namespace, 1, "statefulset.kubernetes.io/pod-name=pcscf-1")

    preview = await bench.preview(threshold="0.85")

    assert preview.refused == "TooFewReadyPods"
    assert "without pcscf-1 no pod would be ready" in preview.message


async def test_a_bad_pod_that_is_down_is_replaced_before_the_next_goes(bench: Bench) -> None:
    bench.make(3)
    for pod in ("pcscf-0", "pcscf-2"):
        stand_in_for_kubelet(bench.cluster, bench.namespace, 1, f"statefulset.kubernetes.io/pod-name={pod}")

    preview = await bench.preview(count=3)
    first, second = await bench.operations(preview)

    assert preview.before == "2 ready"
    assert [(o.target.name, o.before, o.intended) for o in (first, second)] == [
        ("pcscf-1", "2", "3"),
        ("pcscf-0", "3", "3"),
    ]
    effect = bench.registry.effect(first)
    assert (await effect.apply(bench.namespace, first, TARGET)).state is OperationState.APPLIED
    assert "3 ready pods" in await effect.in_force(bench.namespace, first, TARGET)
    bench.cluster.kubectl("scale", "statefulset/pcscf", "--replicas=2", "--namespace", bench.namespace)
    bench.stand_in_for_kubelet(2)
    assert await effect.in_force(bench.namespace, first, TARGET) == "", "fewer are wanted by now"


async def test_no_pod_is_bad_enough(bench: Bench) -> None:
    bench.run(2)

    preview = await bench.preview(threshold="0.95")

    assert (preview.refused, preview.target) == ("NoPodSelected", None)
    assert "no pod is above 0.95; the highest is pcscf-1 (0.9)" in preview.message


async def test_without_whole_data_nothing_is_chosen(bench: Bench) -> None:
    bench.run(2)
    blind = registry(bench.api, ControllerRevisionHistory(bench.api), Unmeasured())

    preview = await bench.preview(of=blind)

    assert preview.refused == "TelemetryUnknown"
    assert "1 of 2 ready pods are not measured: pcscf-1" in preview.message
    assert (await bench.preview(source=None)).refused == "TelemetryUnknown"


async def test_a_pod_that_nobody_would_make_anew_is_not_chosen(bench: Bench) -> None:
    bench.run(2)
    stray = pod_template("pcscf")
    stray["metadata"]["name"] = "stray"
    bench.create({"apiVersion": "v1", "kind": "Pod", **stray})
    bench.stand_in_for_kubelet(3)

    assert (await bench.preview()).description.startswith("evict pcscf-1 ")


async def test_it_is_in_force_when_all_pods_serve_again(bench: Bench) -> None:
    bench.run(2)
    (operation,) = await bench.operations(await bench.preview())
    effect = bench.registry.effect(operation)
    finalizers = {"metadata": {"finalizers": ["contract.homeostat.dev/held"]}}
    patch = ("patch", "pod", "pcscf-1", "--namespace", bench.namespace, "--type=merge", "--patch")
    bench.cluster.kubectl(*patch, json.dumps(finalizers))

    assert (await effect.apply(bench.namespace, operation, TARGET)).state is OperationState.APPLIED

    assert (await effect.happened(bench.namespace, operation, TARGET)).state is OperationState.APPLIED
    assert await effect.in_force(bench.namespace, operation, TARGET) == "Pod/pcscf-1 to end"
    bench.cluster.kubectl(*patch, json.dumps({"metadata": {"finalizers": None}}))
    awaited = await effect.in_force(bench.namespace, operation, TARGET)
    assert awaited == "2 ready pods of StatefulSet/pcscf (1 are)"
    bench.stand_in_for_kubelet(2)
    assert await effect.in_force(bench.namespace, operation, TARGET) == ""
    reverse = await effect.reverse(bench.namespace, operation, TARGET, OperationKind.UNDO, 1, datetime.now(UTC))
    assert reverse is None


async def test_the_command_that_is_told_does_the_same(bench: Bench) -> None:
    bench.run(2)
    (operation,) = await bench.operations(await bench.preview())
    told = shlex.split(commands(bench.namespace, operation, spec()).do)
    assert (told[0], told[2:4]) == ("echo", ["|", "kubectl"])

    bench.cluster.kubectl(*told[4:], stdin=told[1])

    assert (await bench.registry.effect(operation).happened(bench.namespace, operation, TARGET)).state is (
        OperationState.APPLIED
    )


async def test_the_rights_of_the_chart_suffice(bench: Bench, connect: Connect) -> None:
    install(bench.cluster)
    bench.run(2)
    operators = bench.registry_of(await connect(OPERATOR))

    (operation,) = await bench.operations(await bench.preview(of=operators))
    receipt = await operators.effect(operation).apply(bench.namespace, operation, TARGET)

    assert receipt.state is OperationState.APPLIED, receipt.message
