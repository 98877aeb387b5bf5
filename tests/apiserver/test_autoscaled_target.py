"""A real HorizontalPodAutoscaler owns the replicas of the target, and its bounds are moved instead."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from hack.cluster import Cluster
from homeostat.act.registry import registry
from homeostat.cluster.client import ApiCluster
from homeostat.cluster.config_history import ControllerRevisionHistory
from homeostat.contracts.operations import OperationKind, OperationState
from homeostat.contracts.remediation import Diagnosis, RankedCause, Terms
from homeostat.contracts.remediation_policy import Mode
from homeostat.contracts.steps import Step
from homeostat.decide.choose import decide
from homeostat.flow.facts import Decision, Finding, Occasion, Preview, Ruling
from homeostat.flow.holds import NO_HOLDS
from homeostat.flow.past_acts import GuardFacts
from homeostat.observe.owners import KubernetesOwners
from homeostat.observe.workloads import KubernetesWorkloads
from tests.contract.cases.case import workload
from tests.contract.cases.patch import AUTOSCALER, TARGET, patch_step
from tests.contract.stage import Measured
from tests.unit.decide.building import CALM, PROMISE, UNBOUNDED

PATIENCE = 60
"""Seconds; the autoscaler looks every 15."""

ADD_PODS = Step.model_validate({"name": "add-pods", "action": {"scale": {"target": "pcscf", "by": "+2"}}})
RAISE_FLOOR = patch_step(AUTOSCALER, {"/spec/minReplicas": "3"}).model_copy(update={"name": "raise-floor"})
TERMS = Terms.model_validate(
    {
        "steps": [step.model_dump(by_alias=True, exclude_none=True) for step in (ADD_PODS, RAISE_FLOOR)],
        "boundaries": {"autonomous": [{"action": "Patch"}, {"action": "Scale"}]},
        "guardrails": {
            "frequency": {"limit": 4, "per": "1h"},
            "largestStep": 200,
            "takeFrom": ["kubectl-create", "helm"],
        },
        "approval": {},
        "verification": {},
    }
)
SATURATED = Finding(Diagnosis(causes=[RankedCause(name="Saturated", score="1.00", supported=True)]), ())


class Scene:
    """The operator's parts on one namespace, as the engine puts them together."""

    def __init__(self, cluster: Cluster, api: ApiCluster, namespace: str) -> None:
        self.cluster, self.api, self.namespace = cluster, api, namespace
        self.registry = registry(api, ControllerRevisionHistory(api), Measured({}))
        self.owners, self.workloads = KubernetesOwners(api), KubernetesWorkloads(api)

    async def occasion(self) -> Occasion:
        return Occasion(self.namespace, TARGET, await self.workloads.look(self.namespace, TARGET))

    async def preview(self, step: Step) -> Preview:
        action = step.action.type
        seen = await self.registry.actuator(action).preview(step, await self.occasion())
        assert seen.target is not None, seen.message
        owned = await self.owners.of(self.namespace, action, seen.target, seen.field, TARGET)
        return Preview(
            target=seen.target,
            field=seen.field,
            before=seen.before,
            intended=seen.intended,
            description=seen.description,
            ownership=owned,
        )

    async def decision(self) -> Decision:
        return decide(
            record="r",
            policy="p",
            promise=PROMISE,
            mode=Mode.LIVE,
            autonomy=UNBOUNDED,
            terms=TERMS,
            finding=SATURATED,
            workloads={"pcscf": (await self.occasion()).workload},
            previews={step.name: await self.preview(step) for step in (ADD_PODS, RAISE_FLOOR)},
            guard_facts=GuardFacts(complete=True, health=CALM),
            holds=NO_HOLDS,
            cpu_share={},
            variables={},
            attempts={},
            now=datetime.now(UTC),
        )

    async def replicas(self) -> int:
        body = await self.api.get("apps/v1", "Deployment", self.namespace, "pcscf")
        return int(body["spec"]["replicas"])

    def pods_become_ready(self) -> None:
        status = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
        for pod in self.cluster.kubectl("get", "pods", "-n", self.namespace, "-o", "name").split():
            patch = ("--subresource=status", "--type=merge", "-p", json.dumps(status))
            self.cluster.kubectl("patch", pod, "-n", self.namespace, *patch)


@pytest.fixture
def scene(cluster: Cluster, api: ApiCluster, namespace: str) -> Scene:
    for body in (
        workload("Deployment", "pcscf", replicas=1),
        {**AUTOSCALER, "spec": {**AUTOSCALER["spec"], "minReplicas": 1}},
    ):
        cluster.kubectl("create", "-n", namespace, "-f", "-", stdin=json.dumps(body))
    return Scene(cluster, api, namespace)


async def test_the_bounds_are_moved_and_the_autoscaler_does_the_rest(scene: Scene) -> None:
    decision = await scene.decision()

    assert decision.ruling is Ruling.ACT, decision.message
    by_step = {candidate.step: candidate for candidate in decision.candidates}
    assert by_step["add-pods"].reason == "TargetManagedBy"
    assert "HorizontalPodAutoscaler/pcscf scales Deployment/pcscf" in by_step["add-pods"].message
    assert "patches its spec.minReplicas" in by_step["add-pods"].message
    plan = decision.plan
    assert plan is not None
    assert (plan.step, plan.before, plan.intended) == (
        "raise-floor",
        '{"/spec/minReplicas":1}',
        '{"/spec/minReplicas":3}',
    )
    assert plan.before_by == "kubectl-create"

    actuator = scene.registry.actuator(plan.action)
    (operation,) = await actuator.operations(plan, RAISE_FLOOR, await scene.occasion(), datetime.now(UTC))
    effect = scene.registry.effect(operation)
    receipt = await effect.apply(scene.namespace, operation, TARGET)
    assert receipt.state is OperationState.APPLIED, receipt.message

    async with asyncio.timeout(PATIENCE):
        while await scene.replicas() != 3:
            waiting = await effect.in_force(scene.namespace, operation, TARGET)
            assert waiting
            await asyncio.sleep(0.2)
        while await effect.in_force(scene.namespace, operation, TARGET):
            await asyncio.to_thread(scene.pods_become_ready)
            await asyncio.sleep(0.2)

    undo = await effect.reverse(scene.namespace, operation, TARGET, OperationKind.UNDO, 1, datetime.now(UTC))
    assert undo is not None
    receipt = await effect.apply(scene.namespace, undo, TARGET)
    assert receipt.state is OperationState.APPLIED, receipt.message
    assert await effect.in_force(scene.namespace, undo, TARGET) == ""

    # Once the autoscaler is gone, what it set last belongs to nobody.
    scene.cluster.kubectl("delete", "hpa", "pcscf", "-n", scene.namespace)
    body = await scene.api.get("apps/v1", "Deployment", scene.namespace, "pcscf")
    writers = [entry["manager"] for entry in body["metadata"]["managedFields"] if entry.get("subresource") == "scale"]
    assert [writer.startswith("kube-controller-manager") for writer in writers] == [True]
    owned = (await scene.preview(ADD_PODS)).ownership
    assert owned is not None
    assert owned.owners == ()


async def test_an_autoscaler_of_something_else_is_not_moved_on_behalf_of_the_target(scene: Scene) -> None:
    other = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "other"}, "maxReplicas": 4}
    body = {**AUTOSCALER, "metadata": {"name": "other"}, "spec": other}
    scene.cluster.kubectl("create", "-n", scene.namespace, "-f", "-", stdin=json.dumps(body))
    step = patch_step(body, {"/spec/minReplicas": "3"})

    seen = await scene.registry.actuator(step.action.type).preview(step, await scene.occasion())

    assert seen.refused == "ScalesAnother"
    assert "Deployment/pcscf" in seen.message
