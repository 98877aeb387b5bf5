"""What a tool sees that writes a field again after an act on it and after its undo: the same for every action."""

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from hack.cluster import Cluster, ClusterError
from homeostat.act.registry import registry
from homeostat.cluster.client import ApiCluster
from homeostat.cluster.config_history import ControllerRevisionHistory
from homeostat.contracts.operations import Operation, OperationKind, OperationState
from homeostat.contracts.steps import Step
from homeostat.flow.facts import Occasion
from homeostat.flow.field_paths import find, value_at, with_values
from homeostat.flow.ports import PlanStaleError
from homeostat.observe.workloads import KubernetesWorkloads
from tests.contract.cases.case import workload
from tests.contract.cases.patch import TARGET
from tests.contract.stage import Measured, plan_from

HELM = ("--server-side", "--field-manager=helm")
FORCED = (*HELM, "--force-conflicts")
CPU = "/spec/template/spec/containers/[name=main]/resources/limits/cpu"


def sized() -> dict[str, Any]:
    body = workload("Deployment", "pcscf")
    body["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "500m", "memory": "64Mi"}}
    return body


class Field:
    """A field that a tool states and an action changes."""

    def __init__(self, manifest: dict[str, Any], path: str, values: tuple[Any, Any], action: dict[str, Any]) -> None:
        self.manifest, self.path, self.values = manifest, path, values
        self.step = Step.model_validate({"name": "s", "action": action})

    def stating(self, value: Any) -> dict[str, Any]:
        return with_values(copy.deepcopy(self.manifest), {find(self.manifest, self.path): value})


FIELDS = {
    "scale": Field(
        workload("Deployment", "pcscf"), "/spec/replicas", (2, 3), {"scale": {"target": "pcscf", "by": "+2"}}
    ),
    "resize": Field(
        sized(),
        CPU,
        ("500m", "700m"),
        {"resize": {"target": "pcscf", "container": "main", "cpu": {"to": "1"}, "through": "Template"}},
    ),
    "reconfigure": Field(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "tuning"},
            "data": {"tuning.yaml": "limit: 100\n"},
        },
        "/data/tuning.yaml",
        ("limit: 100\n", "limit: 200\n"),
        {
            "reconfigure": {
                "target": "pcscf",
                "configMap": "tuning",
                "key": "tuning.yaml",
                "set": {"path": "/limit", "value": "500"},
            }
        },
    ),
}


class Scene:
    """The target, what holds the field, and acts on it by the operator's own parts."""

    def __init__(self, cluster: Cluster, api: ApiCluster, namespace: str, field: Field) -> None:
        self.cluster, self.api, self.namespace, self.field = cluster, api, namespace, field
        self.registry = registry(api, ControllerRevisionHistory(api), Measured({}))

    def apply(self, value: Any, *options: str) -> None:
        body = json.dumps(self.field.stating(value))
        self.cluster.kubectl("apply", "-n", self.namespace, *options, "-f", "-", stdin=body)

    async def value(self) -> Any:
        manifest = self.field.manifest
        body = await self.api.get(
            manifest["apiVersion"], manifest["kind"], self.namespace, manifest["metadata"]["name"]
        )
        return value_at(body, find(body, self.field.path))

    async def act(self) -> Operation:
        """Do what changes the field, and not what has it taken up."""
        workloads = KubernetesWorkloads(self.api)
        occasion = Occasion(self.namespace, TARGET, await workloads.look(self.namespace, TARGET))
        actuator = self.registry.actuator(self.field.step.action.type)
        plan = plan_from(self.field.step, await actuator.preview(self.field.step, occasion))
        first = (await actuator.operations(plan, self.field.step, occasion, datetime.now(UTC)))[0]
        return await self.done(first)

    async def done(self, operation: Operation) -> Operation:
        receipt = await self.registry.effect(operation).apply(self.namespace, operation, TARGET)
        assert receipt.state is OperationState.APPLIED, receipt.message
        return operation

    async def undo_of(self, operation: Operation) -> Operation:
        effect, now = self.registry.effect(operation), datetime.now(UTC)
        undo = await effect.reverse(self.namespace, operation, TARGET, OperationKind.UNDO, 1, now)
        assert undo is not None
        return undo


@pytest.fixture(params=list(FIELDS))
def scene(request: pytest.FixtureRequest, cluster: Cluster, api: ApiCluster, namespace: str) -> Scene:
    field = FIELDS[request.param]
    if field.manifest["kind"] != "Deployment":
        cluster.kubectl("create", "-n", namespace, "-f", "-", stdin=json.dumps(workload("Deployment", "pcscf")))
    scene = Scene(cluster, api, namespace, field)
    scene.apply(field.values[0], *HELM)
    return scene


async def test_after_an_act_an_apply_stops_and_a_forced_one_wins_and_stops_the_undo(scene: Scene) -> None:
    stated, _ = scene.field.values
    operation = await scene.act()
    acted = await scene.value()
    assert acted != stated

    with pytest.raises(ClusterError, match='conflict with "homeostat"'):
        scene.apply(stated, *HELM)
    assert await scene.value() == acted

    scene.apply(stated, *FORCED)
    assert await scene.value() == stated
    with pytest.raises(PlanStaleError):
        await scene.undo_of(operation)


async def test_after_the_undo_the_same_applies_and_another_value_conflicts_once(scene: Scene) -> None:
    stated, other = scene.field.values
    await scene.done(await scene.undo_of(await scene.act()))
    assert await scene.value() == stated

    scene.apply(stated, *HELM)
    with pytest.raises(ClusterError, match='conflict with "homeostat"'):
        scene.apply(other, *HELM)
    scene.apply(other, *FORCED)
    scene.apply(stated, *HELM)

    assert await scene.value() == stated
