"""Effects, each written as Intended before it happens, and their undo.

A crash leaves at most one Intended operation whose effect is uncertain; ``resume`` asks the target what happened and
finishes it. Nothing is ever applied twice: an effect carries the resourceVersion that was read for it.
"""

from collections.abc import Sequence
from enum import StrEnum

from homeostat.contracts.operations import Operation, OperationAction, OperationKind, OperationState
from homeostat.flow.facts import Receipt
from homeostat.flow.ports import KubernetesError, PlanStaleError
from homeostat.flow.run import Run

_TAKES_UP = frozenset({OperationAction.RESTART, OperationAction.HOT_RELOAD})
"""Operations that make a workload take up what another operation wrote; their undo comes after that one's."""

_REFUSED = 400
_SERVER_FAULT = 500


class Progress(StrEnum):
    """What became of a row of operations."""

    DONE = "Done"
    MOVED = "Moved"
    UNKNOWN = "Unknown"


async def carry_out(run: Run, kind: OperationKind, only: OperationAction | None = None) -> Progress:
    """Apply the Intended operations of the current attempt in order, writing each result before the next."""
    for operation in run.operations(kind, OperationState.INTENDED):
        if only is not None and operation.action is not only:
            continue
        receipt = await _effect(run, operation)
        await _note(run, operation, receipt)
        if receipt.state is OperationState.VOID:
            await void_the_rest(run, kind, receipt.message)
            return Progress.MOVED
        if receipt.state is OperationState.UNKNOWN:
            return Progress.UNKNOWN
    return Progress.DONE


async def void_the_rest(run: Run, kind: OperationKind, why: str) -> None:
    """Give up the operations that are still only intended."""
    now = run.now()
    rest = [
        o.model_copy(update={"state": OperationState.VOID, "finished_at": now, "message": f"Not done: {why}"[:1024]})
        for o in run.operations(kind, OperationState.INTENDED)
    ]
    if rest:
        await run.write_after_effect(operations=run.replaced(rest))


async def undo_operations(run: Run) -> tuple[Operation, ...]:
    """The operations that take the current attempt back, Intended: last first, reloads after what they take up.

    Raises:
        PlanStaleError: someone else changed a field since; it is theirs now.
    """
    applied = run.stages.effects.order_of_undo(run.operations(OperationKind.APPLY, OperationState.APPLIED))
    ordered = [o for o in applied if o.action not in _TAKES_UP] + [o for o in applied if o.action in _TAKES_UP]
    undos: list[Operation] = []
    for operation in ordered:
        effect = run.stages.effects.effect(operation)
        reverse = await effect.reverse(
            run.namespace, operation, run.target, OperationKind.UNDO, len(undos) + 1, run.now()
        )
        if reverse is not None:
            undos.append(reverse)
    return tuple(undos)


async def awaited(run: Run, operations: Sequence[Operation]) -> str:
    """Empty once all operations are in force in the running workload; otherwise what is still awaited."""
    for operation in operations:
        try:
            waiting = await run.stages.effects.effect(operation).in_force(run.namespace, operation, run.target)
        except KubernetesError as error:
            waiting = f"the API server to answer ({error.message})"
        if waiting:
            return waiting
    return ""


async def _effect(run: Run, operation: Operation) -> Receipt:
    effect = run.stages.effects.effect(operation)
    if operation.id not in run.recorded_here:
        known = await effect.happened(run.namespace, operation, run.target)
        if known.state is not OperationState.INTENDED:
            return known
    with run.stages.metrics.stage("act"):
        try:
            return await effect.apply(run.namespace, operation, run.target)
        except PlanStaleError as stale:
            return Receipt(OperationState.VOID, message=str(stale))
        except KubernetesError as error:
            state = OperationState.VOID if _REFUSED <= error.status < _SERVER_FAULT else OperationState.UNKNOWN
            return Receipt(state, message=f"The API server answered {error}")


async def _note(run: Run, operation: Operation, receipt: Receipt) -> None:
    done = operation.model_copy(
        update={
            "state": receipt.state,
            "finished_at": run.now(),
            "audit_id": receipt.audit_id,
            "message": receipt.message[:1024],
        }
    )
    changes: dict[str, object] = {"operations": run.replaced([done])}
    if receipt.state is OperationState.APPLIED and operation.kind is OperationKind.APPLY and not run.status.times.acted:
        changes["times"] = run.with_times(acted=run.now())
    await run.write_after_effect(**changes)
