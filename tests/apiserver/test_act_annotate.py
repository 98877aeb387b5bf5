"""The annotation that tells a workload's own controller of its configuration, on a real API server."""

import json
from datetime import UTC, datetime

import pytest

from hack.cluster import Cluster
from homeostat.act.annotate import AnnotateEffect
from homeostat.act.registry import registry
from homeostat.cluster.client import ApiCluster
from homeostat.cluster.config_history import ControllerRevisionHistory, text_digest
from homeostat.contracts.operations import OperationAction, OperationKind, OperationState
from homeostat.flow.resources import Body
from tests.apiserver.test_act_in_force import Bench, until
from tests.contract.cases.reconfigure import CASES, TUNING
from tests.contract.stage import Measured, Stage

KEY = "example.com/config-digest"
CASE = next(case for case in CASES if case.name == "reconfigure-annotation")
NEW = TUNING.replace("50 ", "500 ")


@pytest.fixture
def stage(cluster: Cluster, api: ApiCluster, namespace: str) -> Stage:
    return Stage(CASE, cluster, api, namespace)


async def _workload(stage: Stage) -> Body:
    return await stage.api.get("apps/v1", "Deployment", stage.namespace, "pcscf")


def _annotate(stage: Stage, value: str) -> None:
    patch = json.dumps({"metadata": {"annotations": {KEY: value}}})
    stage.cluster.kubectl("patch", "deployment", "pcscf", "-n", stage.namespace, "--type=merge", "-p", patch)


async def test_the_workload_carries_the_digest_and_its_template_stays(stage: Stage) -> None:
    before = await _workload(stage)
    edit, annotate = await stage.operations()
    assert annotate.action is OperationAction.ANNOTATE
    for operation in (edit, annotate):
        assert (await stage.apply(operation)).state is OperationState.APPLIED

    after = await _workload(stage)
    assert after["metadata"]["annotations"][KEY] == text_digest((await stage.body())["data"]["tuning.yaml"])
    assert after["metadata"]["annotations"][KEY] == text_digest(NEW)
    assert after["spec"] == before["spec"], "Kubernetes itself rolls nothing out"


async def test_after_the_undo_it_names_the_text_that_was_restored(stage: Stage) -> None:
    operations = await stage.operations()
    for operation in operations:
        await stage.apply(operation)
    effects = registry(stage.api, ControllerRevisionHistory(stage.api), Measured({}))
    done = [operation.model_copy(update={"state": OperationState.APPLIED}) for operation in operations]
    assert [o.action for o in effects.order_of_undo(done)] == [OperationAction.EDIT_CONFIG, OperationAction.ANNOTATE]

    for number, operation in enumerate(effects.order_of_undo(done), start=1):
        undo = await effects.effect(operation).reverse(
            stage.namespace, operation, CASE.target, OperationKind.UNDO, number, datetime.now(UTC)
        )
        assert undo is not None
        assert undo.kind is OperationKind.UNDO
        assert (await stage.apply(undo)).state is OperationState.APPLIED

    assert (await _workload(stage))["metadata"]["annotations"][KEY] == text_digest(TUNING)


async def test_what_someone_else_wrote_since_the_plan_is_left_alone(stage: Stage) -> None:
    _, annotate = await stage.operations()
    _annotate(stage, "theirs")

    receipt = await stage.apply(annotate)

    assert (receipt.state, "was set to theirs" in receipt.message) == (OperationState.VOID, True)
    assert (await stage.happened(annotate)).state is OperationState.VOID
    assert (await _workload(stage))["metadata"]["annotations"][KEY] == "theirs"


async def test_it_is_in_force_while_it_stands(stage: Stage) -> None:
    _, annotate = await stage.operations()
    effect = AnnotateEffect(stage.api)
    assert "someone else changed it" in await effect.in_force(stage.namespace, annotate, CASE.target)
    await stage.apply(annotate)
    rollout = Bench(stage.cluster, stage.api, stage.namespace)
    assert await effect.in_force(stage.namespace, annotate, CASE.target) != "", "its pods are not ready yet"

    async def in_force() -> bool:
        rollout.set_pods_ready(await rollout.pods())
        return await effect.in_force(stage.namespace, annotate, CASE.target) == ""

    await until(in_force)
