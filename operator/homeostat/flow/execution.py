"""Effects, each written as Intended before it happens, and their undo.

A crash leaves at most one Intended operation whose effect is uncertain; ``resume`` asks the target what happened and
finishes it. Nothing is ever applied twice: an effect carries the resourceVersion that was read for it.
"""

from collections.abc import Sequence
from enum import StrEnum

from homeostat.contracts.operations import TAKE_UP, Operation, OperationAction, OperationKind, OperationState
from homeostat.contracts.verification import ReleaseState, ReleaseStatus
from homeostat.flow.draining import Drained, may_end
from homeostat.flow.facts import Receipt
from homeostat.flow.ports import KubernetesError, PlanStaleError
from homeostat.flow.run import Run

_REFUSED = 400
_SERVER_FAULT = 500


class Progress(StrEnum):
    """What became of a row of operations."""

    DONE = "Done"
    MOVED = "Moved"
    WAITING = "Waiting"
    UNKNOWN = "Unknown"


async def carry_out(run: Run, kind: OperationKind) -> Progress:
    """Apply the Intended operations of the current attempt in order, writing each result before the next.

    Waiting: pods that the next one ends are not drained yet; it is to be called again after a while.
    """
    for intended in run.operations(kind, OperationState.INTENDED):
        receipt = await _known_after_restart(run, intended)
        operation = intended
        if receipt is None and intended.ends:
            drained = await _drained(run, intended)
            operation = drained.operation
            if drained.is_overdue:
                receipt = Receipt(OperationState.VOID, message=f"Still waiting for {drained.awaited}.")
            elif drained.awaited:
                await _say_awaited(run, intended, drained)
                return Progress.WAITING
        receipt = receipt or await _effect(run, operation)
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
    ordered = [o for o in applied if o.action not in TAKE_UP] + [o for o in applied if o.action in TAKE_UP]
    undos: list[Operation] = []
    for operation in ordered:
        effect = run.stages.effects.effect(operation)
        reverse = await effect.reverse(
            run.namespace, operation, run.target, OperationKind.UNDO, len(undos) + 1, run.now()
        )
        if reverse is not None:
            undos.append(reverse)
    edits = [undo for undo in undos if undo.action is OperationAction.EDIT_CONFIG]
    if edits and any(operation.action is OperationAction.EVICT for operation in applied):
        undos += await run.stages.effects.restart_again(run.namespace, edits[-1], run.target, len(undos) + 1, run.now())
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


async def _known_after_restart(run: Run, operation: Operation) -> Receipt | None:
    """What became of an operation that was recorded before this process began; None if surely nothing did."""
    if operation.id in run.recorded_here:
        return None
    known = await run.stages.effects.effect(operation).happened(run.namespace, operation, run.target)
    return None if known.state is OperationState.INTENDED else known


async def _drained(run: Run, operation: Operation) -> Drained:
    ended_before = [o for o in run.operations(operation.kind, OperationState.APPLIED) if o.ends][-1:]
    return await may_end(run, operation, await awaited(run, ended_before))


async def _say_awaited(run: Run, operation: Operation, drained: Drained) -> None:
    """Write what is awaited where that is something else than before, and the work counted when it is first known."""
    message = f"Waiting for {drained.awaited}."[:1024]
    told = run.status.release if operation.kind is OperationKind.RELEASE else run.status
    is_told = told is not None and told.message.startswith(message.partition("(")[0])
    if is_told and (operation.sessions or not drained.operation.sessions):
        return
    changes: dict[str, object] = (
        {"release": ReleaseStatus(state=ReleaseState.WAITING, message=message)}
        if operation.kind is OperationKind.RELEASE
        else {"message": message}
    )
    await run.write(operations=run.replaced([drained.operation]), **changes)


async def _effect(run: Run, operation: Operation) -> Receipt:
    effect = run.stages.effects.effect(operation)
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
