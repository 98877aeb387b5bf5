"""What those see who own a field, when they write it again after an act and after its undo; docs/ownership.md tells it.

The field managers are kubectl's own, and kubectl under the names of other tools: what they send is the same.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from hack.cluster import Cluster, ClusterError
from homeostat.act.registry import registry
from homeostat.cluster.client import ApiCluster
from homeostat.cluster.config_history import ControllerRevisionHistory
from homeostat.cluster.identity import identity_of
from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.operations import Operation, OperationKind, OperationState, Plan
from homeostat.contracts.remediation import GuardVerdict
from homeostat.contracts.steps import Step
from homeostat.decide.guards import check_guards
from homeostat.flow.facts import Occasion, Ownership, Workload
from homeostat.flow.holds import NO_HOLDS
from homeostat.flow.ports import PlanStaleError
from homeostat.flow.resources import Body, StoredRecord
from homeostat.observe.owners import KubernetesOwners
from homeostat.record.guard_facts import guard_facts
from tests.contract.cases.case import workload
from tests.contract.cases.patch import AUTOSCALER, TARGET, patch_step
from tests.contract.stage import Measured, plan_from
from tests.unit.decide.building import PROMISE, plan_of, terms
from tests.unit.record.samples import record, stored

RAISE_FLOOR = patch_step(AUTOSCALER, {"/spec/minReplicas": "4"})
ADD_PODS = Step.model_validate({"name": "add-pods", "action": {"scale": {"target": "pcscf", "by": "+2"}}})


class Scene:
    """The target and its autoscaler, and acts on them by the operator's own parts."""

    def __init__(self, cluster: Cluster, api: ApiCluster, namespace: str) -> None:
        self.cluster, self.api, self.namespace = cluster, api, namespace
        self.registry = registry(api, ControllerRevisionHistory(api), Measured({}))
        self.occasion = Occasion(namespace, TARGET, Workload("pcscf", exists=True))

    def write(self, body: dict[str, Any], *options: str) -> str:
        return self.cluster.kubectl("apply", "-n", self.namespace, *options, "-f", "-", stdin=json.dumps(body))

    async def act(self, step: Step) -> Operation:
        actuator = self.registry.actuator(step.action.type)
        plan = plan_from(step, await actuator.preview(step, self.occasion))
        (operation,) = await actuator.operations(plan, step, self.occasion, datetime.now(UTC))
        await self.apply(operation)
        return operation.model_copy(update={"state": OperationState.APPLIED})

    async def plan(self, step: Step) -> Plan:
        seen = await self.registry.actuator(step.action.type).preview(step, self.occasion)
        return plan_of(step, replace(seen, ownership=await self.ownership()), terms())

    async def apply(self, operation: Operation) -> None:
        receipt = await self.registry.effect(operation).apply(self.namespace, operation, TARGET)
        assert receipt.state is OperationState.APPLIED, receipt.message

    async def undo_of(self, operation: Operation) -> Operation:
        effect = self.registry.effect(operation)
        undo = await effect.reverse(self.namespace, operation, TARGET, OperationKind.UNDO, 1, datetime.now(UTC))
        assert undo is not None
        return undo

    async def autoscaler(self) -> Body:
        return await self.api.get("autoscaling/v2", "HorizontalPodAutoscaler", self.namespace, "pcscf")

    async def floor(self) -> int:
        return int((await self.autoscaler())["spec"]["minReplicas"])

    async def ownership(self) -> Ownership:
        identity = identity_of(await self.autoscaler())
        return await KubernetesOwners(self.api).of(
            self.namespace, ActionType.PATCH, identity, "/spec/minReplicas", TARGET
        )


@pytest.fixture
def scene(cluster: Cluster, api: ApiCluster, namespace: str) -> Scene:
    cluster.kubectl("create", "-n", namespace, "-f", "-", stdin=json.dumps(workload("Deployment", "pcscf")))
    return Scene(cluster, api, namespace)


def floor_of(replicas: int) -> dict[str, Any]:
    return {**AUTOSCALER, "spec": {**AUTOSCALER["spec"], "minReplicas": replicas}}


SERVER_SIDE = ("--server-side", "--field-manager=helm")
FORCED = (*SERVER_SIDE, "--force-conflicts")


async def test_an_act_takes_the_field_over(scene: Scene) -> None:
    scene.write(floor_of(2), *SERVER_SIDE)
    assert (await scene.ownership()).written_by == "helm"

    await scene.act(RAISE_FLOOR)

    assert await scene.ownership() == Ownership(written_by="homeostat")


async def test_a_server_side_apply_after_an_act_stops_and_names_homeostat(scene: Scene) -> None:
    scene.write(floor_of(2), *SERVER_SIDE)
    await scene.act(RAISE_FLOOR)

    with pytest.raises(ClusterError) as refused:
        scene.write(floor_of(2), *SERVER_SIDE)

    assert 'conflict with "homeostat"' in str(refused.value)
    assert ".spec.minReplicas" in str(refused.value)
    assert await scene.floor() == 4


async def test_a_manifest_that_says_what_the_act_did_is_no_conflict_and_stops_the_undo(scene: Scene) -> None:
    scene.write(floor_of(2), *SERVER_SIDE)
    operation = await scene.act(RAISE_FLOOR)

    scene.write(floor_of(4), *SERVER_SIDE)

    with pytest.raises(PlanStaleError, match=r"by helm .* left alone"):
        await scene.undo_of(operation)
    assert await scene.floor() == 4


async def test_a_forced_apply_after_an_act_wins_and_stops_the_undo(scene: Scene) -> None:
    scene.write(floor_of(2), *SERVER_SIDE)
    operation = await scene.act(RAISE_FLOOR)

    scene.write(floor_of(2), *FORCED)

    assert await scene.floor() == 2
    with pytest.raises(PlanStaleError, match="left alone"):
        await scene.undo_of(operation)
    waiting = await scene.registry.effect(operation).in_force(scene.namespace, operation, TARGET)
    assert "someone set" in waiting
    assert [owner.managers for owner in (await scene.ownership()).owners] == [("helm",)]


async def test_after_the_undo_the_same_manifest_applies_and_another_value_conflicts(scene: Scene) -> None:
    scene.write(floor_of(2), *SERVER_SIDE)
    operation = await scene.act(RAISE_FLOOR)
    await scene.apply(await scene.undo_of(operation))
    assert await scene.floor() == 2

    scene.write(floor_of(2), *SERVER_SIDE)
    with pytest.raises(ClusterError, match='conflict with "homeostat"'):
        scene.write(floor_of(3), *SERVER_SIDE)
    scene.write(floor_of(3), *FORCED)
    scene.write(floor_of(5), *SERVER_SIDE)

    assert await scene.floor() == 5


async def test_a_client_side_apply_after_an_act_sets_the_field_back_without_a_word(scene: Scene) -> None:
    scene.write(floor_of(2))
    operation = await scene.act(RAISE_FLOOR)

    scene.write(floor_of(2))

    assert await scene.floor() == 2
    with pytest.raises(PlanStaleError, match="left alone"):
        await scene.undo_of(operation)


async def test_a_manifest_without_the_field_leaves_the_act_alone(scene: Scene) -> None:
    """The recipe for every tool: what the manifest does not state is not fought over."""
    without = {**AUTOSCALER, "spec": {k: v for k, v in AUTOSCALER["spec"].items() if k != "minReplicas"}}
    scene.write(without, *SERVER_SIDE)
    assert await scene.ownership() == Ownership()
    operation = await scene.act(RAISE_FLOOR)

    scene.write(without, *FORCED)
    assert await scene.floor() == 4

    await scene.apply(await scene.undo_of(operation))
    scene.write(without, *FORCED)
    assert await scene.floor() == 1


async def test_an_argo_cd_that_respects_ignored_differences_leaves_the_act_alone(scene: Scene) -> None:
    """With RespectIgnoreDifferences, Argo CD takes ignored fields out of what it applies, by their field manager."""
    argo_cd = ("--server-side", "--field-manager=argocd-controller", "--force-conflicts")
    scene.write(floor_of(2), *argo_cd)
    operation = await scene.act(RAISE_FLOOR)

    desired = floor_of(2)
    held = {
        manager["manager"]: manager["fieldsV1"] for manager in (await scene.autoscaler())["metadata"]["managedFields"]
    }
    assert held["homeostat"] == {"f:spec": {"f:minReplicas": {}}}
    del desired["spec"]["minReplicas"]
    scene.write(desired, *argo_cd)

    assert await scene.floor() == 4
    await scene.apply(await scene.undo_of(operation))
    assert await scene.floor() == 2


async def test_a_field_that_was_added_goes_with_the_undo(scene: Scene) -> None:
    scene.write(floor_of(2), *SERVER_SIDE)
    path = "/metadata/annotations/example.org~1reason"
    operation = await scene.act(patch_step(AUTOSCALER, {path: "overload"}))
    assert json.loads(operation.before) == {path: None}
    assert (await scene.autoscaler())["metadata"]["annotations"] == {"example.org/reason": "overload"}

    await scene.apply(await scene.undo_of(operation))

    assert "annotations" not in (await scene.autoscaler())["metadata"]


async def test_there_is_no_third_round_with_a_controller(scene: Scene) -> None:
    """Each round: the act raises the floor, and a controller that applies by force sets it back."""
    flux = ("--server-side", "--field-manager=kustomize-controller", "--force-conflicts")
    scene.write(floor_of(2), *flux)
    episodes: list[StoredRecord] = []
    verdicts: list[GuardVerdict] = []
    for number in (1, 2, 3):
        plan = await scene.plan(RAISE_FLOOR)
        verdicts.append(ping_pong(plan, episodes))
        operation = (await scene.act(RAISE_FLOOR)).model_copy(update={"before_by": plan.before_by})
        episodes.append(stored(record(number=number, operations=[operation])))
        scene.write(floor_of(2), *flux)

    assert [verdict.reason for verdict in verdicts] == ["", "", "PingPong"]
    assert verdicts[-1].message.startswith("kustomize-controller set /spec/minReplicas")


def ping_pong(plan: Plan, episodes: Sequence[StoredRecord]) -> GuardVerdict:
    verdicts = check_guards(
        record="next",
        policy="p",
        promise=PROMISE,
        terms=terms(),
        plan=plan,
        workload=Workload("pcscf", exists=True, identity=plan.target),
        ownership=Ownership(),
        facts=guard_facts(episodes),
        holds=NO_HOLDS,
        now=datetime.now(UTC),
    )
    return next(verdict for verdict in verdicts if verdict.name == "PingPong")


async def test_scaled_replicas_conflict_likewise(scene: Scene) -> None:
    scene.write(workload("Deployment", "pcscf"), *FORCED)
    await scene.act(ADD_PODS)

    with pytest.raises(ClusterError) as refused:
        scene.write(workload("Deployment", "pcscf"), *SERVER_SIDE)

    assert 'conflict with "homeostat"' in str(refused.value)
    assert ".spec.replicas" in str(refused.value)
