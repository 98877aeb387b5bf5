"""What becomes of a call: answers that say no, answers that say nothing, and what the receiver is asked then."""

from dataclasses import replace

import pytest

from hack.cluster import Cluster
from homeostat.act.in_force import GIVES_UP
from homeostat.cluster.client import ApiCluster
from homeostat.contracts.operations import Operation, OperationKind, OperationState
from homeostat.contracts.steps import Step
from homeostat.flow.ports import PlanStaleError
from tests.contract.cases import http as case
from tests.contract.receiver import RECEIVER
from tests.contract.stage import Stage


def _without(*parts: str) -> Step:
    written = case.STEP.model_dump(mode="json", by_alias=True, exclude_none=True)
    for part in parts:
        del written["action"]["http"][part]
    return Step.model_validate(written)


@pytest.fixture
def stage(cluster: Cluster, crds: None, api: ApiCluster, namespace: str) -> Stage:  # noqa: ARG001 - for the record
    return Stage(case.CASES[0], cluster, api, namespace)


@pytest.fixture
def unasked(cluster: Cluster, crds: None, api: ApiCluster, namespace: str) -> Stage:  # noqa: ARG001 - for the record
    """The same call to a receiver that tells nothing of its orders."""
    return Stage(replace(case.CASES[0], step=_without("status", "undo")), cluster, api, namespace)


async def _called(stage: Stage) -> Operation:
    (operation,) = await stage.operations()
    assert (await stage.apply(operation)).state is OperationState.APPLIED
    return operation


async def _awaited(stage: Stage, operation: Operation) -> str:
    return await stage.effect(operation).in_force(stage.namespace, operation, stage.case.target)


async def _reversed(stage: Stage, operation: Operation) -> Operation | None:
    effect, at = stage.effect(operation), operation.recorded_at
    return await effect.reverse(stage.namespace, operation, stage.case.target, OperationKind.UNDO, 1, at)


async def test_the_body_and_the_key_are_of_this_operation(stage: Stage) -> None:
    operation = await _called(stage)

    key = f"{stage.record.uid}.{operation.id}"
    why = stage.record.record.spec.why
    assert RECEIVER.desk(stage.namespace).orders == {key: {"for": ["Deployment/pcscf"], "why": why, "size": 2}}


@pytest.mark.parametrize(
    ("state", "awaited"),
    [
        ("done", ""),
        ("running", "the receiver to be done (/state is running)"),
        ("lost", f"{GIVES_UP}POST {case.ORDERS}: the receiver says lost"),
    ],
    ids=["done", "running", "lost"],  # where the orders go differs from process to process
)
async def test_it_is_in_force_when_the_receiver_says_so(stage: Stage, state: str, awaited: str) -> None:
    operation = await _called(stage)
    RECEIVER.desk(stage.namespace).state = state

    assert await _awaited(stage, operation) == awaited


async def test_an_unclear_answer_is_looked_up(stage: Stage) -> None:
    RECEIVER.desk(stage.namespace).answers = [503]
    (operation,) = await stage.operations()

    receipt = await stage.apply(operation)

    assert receipt.state is OperationState.APPLIED, receipt.message
    assert len(RECEIVER.desk(stage.namespace).taken) == 1


@pytest.mark.parametrize("status", [206, 303, 408, 500])
async def test_an_unclear_answer_that_cannot_be_looked_up_is_unknown(unasked: Stage, status: int) -> None:
    RECEIVER.desk(unasked.namespace).answers = [status]
    (operation,) = await unasked.operations()

    receipt = await unasked.apply(operation)

    assert receipt.state is OperationState.UNKNOWN
    assert f"it answered {status}" in receipt.message
    assert len(RECEIVER.desk(unasked.namespace).taken) == 1


async def test_a_refusal_after_a_lost_call_says_nothing_of_the_first(stage: Stage) -> None:
    desk = RECEIVER.desk(stage.namespace)
    desk.answers, desk.forgets = [504, 409], True  # it is still at work on the first, and turns the second away
    (operation,) = await stage.operations()

    receipt = await stage.apply(operation)

    assert receipt.state is OperationState.UNKNOWN, receipt.message
    assert "it may still take effect" in receipt.message
    assert len(desk.taken) == 2


async def test_without_a_status_nobody_knows_after_a_crash(unasked: Stage) -> None:
    operation = await _called(unasked)

    receipt = await unasked.happened(operation)

    assert receipt.state is OperationState.UNKNOWN
    assert "Ask there before doing anything by hand" in receipt.message
    assert await _awaited(unasked, operation) == ""
    assert await _reversed(unasked, operation) is None


async def test_what_the_receiver_does_not_know_is_not_taken_back(stage: Stage) -> None:
    operation = await _called(stage)
    RECEIVER.desk(stage.namespace).orders.clear()

    with pytest.raises(PlanStaleError, match="is left alone"):
        await _reversed(stage, operation)


async def test_a_host_that_is_not_allowed_is_refused_before_anything(stage: Stage) -> None:
    (operation,) = await stage.operations()
    stage.case = replace(stage.case, origins=())

    preview, receipt = await stage.preview(), await stage.apply(operation)

    assert preview.refused == "HostNotAllowed"
    assert "HOMEOSTAT_HTTP_ORIGINS" in preview.message
    assert receipt.state is OperationState.VOID
    assert RECEIVER.desk(stage.namespace).taken == []
