"""Instances with sessions are restarted one by one, by eviction, and again where the edit they took up is undone."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from hack.cluster import Cluster
from homeostat.act.registry import Registry, registry
from homeostat.cluster.client import ApiCluster
from homeostat.cluster.config_history import ControllerRevisionHistory
from homeostat.contracts.operations import Operation, OperationAction, OperationKind
from homeostat.contracts.steps import Step
from homeostat.contracts.target import Target
from homeostat.flow.facts import Occasion, Workload
from tests.contract.cases.case import workload
from tests.contract.cases.reconfigure import TUNING
from tests.contract.stage import Measured, stand_in_for_kubelet
from tests.unit.decide.building import plan_of, terms

RESTART = {"restart": {"target": "pcscf"}}
SET = {"path": "/limits/invitesPerSecond", "value": "500"}
EDIT = {"reconfigure": {"target": "pcscf", "configMap": "tuning", "key": "k.yaml", "set": SET}}
SESSIONS = {"query": 'sum(calls{pod=~"$pods"})'}


class Bench:
    def __init__(self, cluster: Cluster, api: ApiCluster, namespace: str) -> None:
        self.cluster, self.namespace = cluster, namespace
        self.effects: Registry = registry(api, ControllerRevisionHistory(api), Measured({}))

    def create(self, body: dict[str, Any]) -> None:
        self.cluster.kubectl("create", "--namespace", self.namespace, "--filename", "-", stdin=json.dumps(body))

    def pods(self, replicas: int) -> None:
        self.create(workload("Deployment", "pcscf", replicas=replicas))
        self.create(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "tuning"}, "data": {"k.yaml": TUNING}}
        )
        stand_in_for_kubelet(self.cluster, self.namespace, replicas)

    def target(self, **more: Any) -> Target:
        ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pcscf"}
        return Target.model_validate({"name": "pcscf", "ref": ref, "sessions": SESSIONS, **more})

    async def operations(self, action: dict[str, Any], target: Target) -> tuple[Operation, ...]:
        step = Step.model_validate({"name": "s", "action": action})
        occasion = Occasion(self.namespace, target, Workload("pcscf", exists=True))
        actuator = self.effects.actuator(step.action.type)
        plan = plan_of(step, await actuator.preview(step, occasion), terms(step))
        return await actuator.operations(plan, step, occasion, datetime.now(UTC))


@pytest.fixture
def bench(cluster: Cluster, api: ApiCluster, namespace: str) -> Bench:
    return Bench(cluster, api, namespace)


async def test_a_restart_evicts_one_instance_after_the_other(bench: Bench) -> None:
    bench.pods(3)

    row = await bench.operations(RESTART, bench.target())

    assert [o.action for o in row] == [OperationAction.EVICT] * 3
    assert [o.ends for o in row] == [[o.target.name] for o in row]
    assert len({o.target.uid for o in row}) == len({o.id for o in row}) == 3


async def test_without_sessions_and_with_a_lone_pod_the_controller_rolls_out(bench: Bench) -> None:
    bench.pods(1)

    (alone,) = await bench.operations(RESTART, bench.target())
    (plain,) = await bench.operations(RESTART, bench.target(sessions=None))

    assert alone.action is plain.action is OperationAction.RESTART


async def test_an_edit_is_taken_up_by_each_instance_and_so_is_its_undo(bench: Bench) -> None:
    bench.pods(2)
    target = bench.target()

    edit, *taken_up = await bench.operations(EDIT, target)

    assert edit.action is OperationAction.EDIT_CONFIG
    assert [o.action for o in taken_up] == [OperationAction.EVICT] * 2
    assert [o.id.rpartition(".")[2] for o in (edit, *taken_up)] == ["1", "2", "3"]

    undone = edit.model_copy(update={"kind": OperationKind.UNDO})
    again = await bench.effects.restart_again(bench.namespace, undone, target, 2, datetime.now(UTC))
    assert [(o.kind, o.action) for o in again] == [(OperationKind.UNDO, OperationAction.EVICT)] * 2
    assert {o.target.uid for o in again} == {o.target.uid for o in taken_up}
