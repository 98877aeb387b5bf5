"""What every action promises, whatever it acts on: tested on a real API server."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hack.cluster import Cluster
from homeostat.cluster.client import ApiCluster
from homeostat.contracts.actions.kinds import Reversal
from homeostat.contracts.operations import Operation, OperationKind, OperationState
from homeostat.flow.ports import KubernetesError, PlanStaleError
from tests.apiserver.fixtures import Connect
from tests.contract.cases import CASES
from tests.contract.stage import BadConnection, Stage

LOST = KubernetesError(0, "NoConnection", "the connection broke")


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def stage(request: pytest.FixtureRequest, cluster: Cluster, api: ApiCluster, namespace: str) -> Stage:
    return Stage(request.param, cluster, api, namespace)


LASTING = [case for case in CASES if not case.ends and case.effect_elsewhere is None]


@pytest.fixture(params=LASTING, ids=lambda case: case.name)
def lasting(request: pytest.FixtureRequest, cluster: Cluster, api: ApiCluster, namespace: str) -> Stage:
    """An action that changes an object which is still there afterwards."""
    return Stage(request.param, cluster, api, namespace)


@pytest.fixture(params=[case for case in CASES if case.reversible], ids=lambda case: case.name)
def reversible(request: pytest.FixtureRequest, cluster: Cluster, api: ApiCluster, namespace: str) -> Stage:
    """An action that can be taken back."""
    return Stage(request.param, cluster, api, namespace)


@pytest.fixture
async def bad(cluster: Cluster) -> AsyncIterator[BadConnection]:
    connection = await BadConnection.connect(cluster.kubeconfig)
    yield connection
    await connection.close()


async def test_preview_tells_the_change_and_makes_none(stage: Stage) -> None:
    before = await stage.body()

    preview = await stage.preview()

    assert (preview.before, preview.intended) == (stage.case.before, stage.intended)
    assert (preview.refused, preview.already) == ("", False)
    assert preview.target is not None
    assert preview.target.uid == (await stage.planned())["metadata"]["uid"]
    assert await stage.value() == stage.case.before
    assert (await stage.body())["metadata"].get("generation") == before["metadata"].get("generation")


async def test_apply_changes_once_and_names_the_audit_entry(stage: Stage) -> None:
    for operation in await stage.operations():
        receipt = await stage.apply(operation)
        assert receipt.state is OperationState.APPLIED, receipt.message
        if stage.case.verb:
            assert await _audited(stage.cluster, receipt.audit_id) == ["homeostat"]
    assert await stage.value() == stage.intended


async def test_apply_again_writes_nothing(stage: Stage, bad: BadConnection) -> None:
    operations = await stage.operations()
    for operation in operations:
        await stage.apply(operation)

    for operation in operations:
        receipt = await stage.apply(operation, bad)
        assert receipt.state is OperationState.APPLIED, receipt.message

    assert bad.writes == 0


async def test_after_a_crash_the_target_tells_whether_it_happened(stage: Stage) -> None:
    for operation in await stage.operations():
        assert (await stage.happened(operation)).state is OperationState.INTENDED
        await stage.apply(operation)
        assert (await stage.happened(operation)).state is OperationState.APPLIED


async def test_what_was_written_and_taken_back_by_others_is_not_done_again(lasting: Stage) -> None:
    stage = lasting
    operation, *_ = await stage.operations()
    stage.meddle()
    stage.put_back()
    assert await stage.value() == stage.case.before

    receipt = await stage.happened(operation)

    assert receipt.state is OperationState.VOID, receipt.message


async def test_undo_restores_what_was_before(reversible: Stage) -> None:
    stage = reversible
    before = await stage.body()
    applied = await _applied(stage)

    for number, operation in enumerate(stage.registry().order_of_undo(applied), start=1):
        effect = stage.effect(operation)
        undo = await effect.reverse(
            stage.namespace, operation, stage.case.target, OperationKind.UNDO, number, operation.recorded_at
        )
        assert undo is not None
        assert undo.id.endswith(f".undo.{number}")
        receipt = await stage.apply(undo)
        assert receipt.state is OperationState.APPLIED, receipt.message

    after = await stage.body()
    assert after.get("data") == before.get("data")
    assert await stage.value() == stage.case.before


async def test_what_cannot_be_taken_back_is_known_before_and_has_no_undo(stage: Stage) -> None:
    plan = await stage.plan()
    assert plan.reversal is (Reversal.POSSIBLE if stage.case.reversible else Reversal.IMPOSSIBLE)
    applied = await _applied(stage)

    undos = [
        await stage.effect(operation).reverse(
            stage.namespace, operation, stage.case.target, OperationKind.UNDO, 1, operation.recorded_at
        )
        for operation in stage.registry().order_of_undo(applied)
    ]  # fmt: skip

    assert any(undos) is stage.case.reversible


async def test_undo_leaves_what_someone_else_decided_since(reversible: Stage) -> None:
    stage = reversible
    applied = await _applied(stage)
    stage.meddle()
    effect = stage.effect(applied[0])

    with pytest.raises(PlanStaleError, match="left alone"):
        await effect.reverse(
            stage.namespace, applied[0], stage.case.target, OperationKind.UNDO, 1, applied[0].recorded_at
        )


async def test_a_change_after_the_plan_voids_it(stage: Stage) -> None:
    operation, *_ = await stage.operations()
    stage.meddle()

    receipt = await stage.apply(operation)

    assert receipt.state is OperationState.VOID
    assert "nothing was changed" in receipt.message
    assert await stage.value() == stage.case.meddled


async def test_a_change_between_check_and_write_voids_it(stage: Stage, bad: BadConnection) -> None:
    operation, *_ = await stage.operations()

    async def meddle() -> None:
        await asyncio.to_thread(stage.meddle)

    bad.before = meddle
    receipt = await stage.apply(operation, bad)

    assert receipt.state is OperationState.VOID
    assert "nothing was changed" in receipt.message
    assert await stage.value() == stage.case.meddled


async def test_a_lost_answer_is_looked_up(stage: Stage, bad: BadConnection) -> None:
    operation, *_ = await stage.operations()

    async def lose() -> None:
        raise LOST

    bad.after = lose
    receipt = await stage.apply(operation, bad)

    assert receipt.state is OperationState.APPLIED, receipt.message
    assert bad.writes == 1
    assert await stage.value() == stage.intended


async def test_a_request_that_never_arrived_is_sent_once_more(stage: Stage, bad: BadConnection) -> None:
    operation, *_ = await stage.operations()
    attempts = 0

    async def lose_the_first() -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise LOST

    bad.before = lose_the_first
    receipt = await stage.apply(operation, bad)

    assert receipt.state is OperationState.APPLIED, receipt.message
    assert bad.writes == 2
    assert await stage.value() == stage.intended


async def test_a_connection_that_stays_broken_leaves_it_unknown(stage: Stage, bad: BadConnection) -> None:
    operation, *_ = await stage.operations()

    async def lose() -> None:
        raise LOST

    bad.before = lose
    receipt = await stage.apply(operation, bad)

    assert receipt.state is OperationState.UNKNOWN
    assert "may still take effect" in receipt.message
    assert await stage.value() == stage.case.before


async def test_without_the_right_to_look_there_is_a_clear_refusal(stage: Stage, connect: Connect) -> None:
    preview = await stage.preview(await connect("no-rights"))

    assert preview.refused == "Forbidden"
    assert "Grant the operator's account" in preview.message


async def test_without_the_right_to_write_nothing_is_changed(stage: Stage, connect: Connect) -> None:
    if not stage.case.verb:
        pytest.skip("it writes nothing to the API server")
    operation, *_ = await stage.operations()
    user = f"reader-{stage.namespace}"
    stage.cluster.kubectl("create", "role", "reader", "--namespace", stage.namespace, "--verb=get,list",
                          "--resource=deployments.apps,statefulsets.apps,daemonsets.apps,replicasets.apps,"
                          "controllerrevisions.apps,gateways.contract.homeostat.dev,"
                          "configmaps,pods,jobs.batch,deployments.apps/scale,statefulsets.apps/scale,"
                          "gateways.contract.homeostat.dev/scale,horizontalpodautoscalers.autoscaling,"
                          "httproutes.gateway.networking.k8s.io,virtualservices.networking.istio.io")  # fmt: skip
    stage.cluster.kubectl(
        "create", "rolebinding", "reader", "--namespace", stage.namespace, "--role=reader", f"--user={user}"
    )

    receipt = await stage.apply(operation, await connect(user))

    assert receipt.state is OperationState.VOID
    assert "nothing was changed" in receipt.message
    assert f"verb {stage.case.verb}" in receipt.message
    assert await stage.value() == stage.case.before


async def test_a_target_that_is_gone_is_refused(stage: Stage) -> None:
    operation, *_ = await stage.operations()
    stage.delete()

    assert (await stage.preview()).refused == stage.case.missing
    receipt = await stage.apply(operation)

    gone = OperationState.APPLIED if stage.case.ends else OperationState.VOID
    assert receipt.state is gone
    assert "gone" in receipt.message
    assert (await stage.happened(operation)).state is gone


async def test_another_object_under_the_same_name_is_left_alone(stage: Stage) -> None:
    operation, *_ = await stage.operations()
    plan = await stage.plan()
    stage.delete()
    stage.create(stage.case.subject)
    another = await stage.body()

    receipt = await stage.apply(operation)

    assert receipt.state is (OperationState.APPLIED if stage.case.ends else OperationState.VOID)
    assert ("gone already" if stage.case.ends else "created anew") in receipt.message
    left_alone = await stage.body()
    assert left_alone["metadata"]["uid"] == another["metadata"]["uid"]
    assert "deletionTimestamp" not in left_alone["metadata"]
    value = await stage.value() if stage.case.effect_elsewhere else stage.case.value(left_alone)
    assert value == stage.case.before
    actuator = stage.registry().actuator(plan.action)
    with pytest.raises(PlanStaleError, match="created anew"):
        await actuator.operations(plan, stage.case.step, await stage.occasion(), operation.recorded_at)


async def _applied(stage: Stage) -> list[Operation]:
    applied = []
    for operation in await stage.operations():
        receipt = await stage.apply(operation)
        assert receipt.state is OperationState.APPLIED, receipt.message
        applied.append(operation.model_copy(update={"state": OperationState.APPLIED}))
    if stage.case.come_into_force is not None:
        stage.case.come_into_force(stage)
    return applied


async def _audited(cluster: Cluster, audit_id: str) -> list[str]:
    """Field managers of the writes with an audit id, as the API server's log has them."""
    assert audit_id
    if cluster.audit_log is None:
        return ["homeostat"]
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(10):
        while not found:
            lines = await asyncio.to_thread(cluster.audit_log.read_text)
            events = (json.loads(line) for line in lines.splitlines() if audit_id in line)
            found = [e for e in events if e["auditID"] == audit_id and e["stage"] == "ResponseComplete"]
            await asyncio.sleep(0.05)
    return [e["requestURI"].partition("fieldManager=")[2].partition("&")[0] for e in found]
