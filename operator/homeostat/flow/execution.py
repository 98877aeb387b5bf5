"""Effects, each written as Intended before it happens.

A crash leaves at most one Intended operation whose effect is uncertain; ``resume`` asks the target what happened and
finishes it. Nothing is ever applied twice: an effect carries the resourceVersion that was read for it.
"""

from collections.abc import Sequence
from enum import StrEnum

from homeostat.act.in_force import GIVES_UP, NO_CAPACITY, NO_NODE
from homeostat.contracts.operations import Operation, OperationKind, OperationState
from homeostat.contracts.verification import ReleaseState, ReleaseStatus
from homeostat.decide.candidates import withdrawn
from homeostat.decide.levels import withheld
from homeostat.flow.attempts import GIVEN_UP
from homeostat.flow.autonomy import autonomy_of
from homeostat.flow.draining import Drained, may_end
from homeostat.flow.facts import NOTHING_KNOWN, Receipt
from homeostat.flow.holding import require_not_held
from homeostat.flow.ports import KubernetesError, PlanStaleError, Telling
from homeostat.flow.run import Run
from homeostat.flow.wording import clip
from homeostat.record.kubectl import by_hand
from homeostat.verify.judge import Awaited, Obstacle

_OBSTACLES = ((NO_NODE, Obstacle.NO_NODE), (NO_CAPACITY, Obstacle.REFUSED), (GIVES_UP, Obstacle.FAILED))
_BROKEN_OFF = f"{GIVEN_UP}a person decided otherwise."
_REFUSED = 400
_SERVER_FAULT = 500
_LONGEST_MESSAGE = 1024


class Progress(StrEnum):
    """What became of a row of operations."""

    DONE = "Done"
    MOVED = "Moved"
    WAITING = "Waiting"
    WITHHELD = "Withheld"
    UNKNOWN = "Unknown"


async def carry_out(run: Run, kind: OperationKind) -> Progress:
    """Apply the Intended operations of the current attempt in order, writing each result before the next.

    Waiting: pods that the next one ends are not drained yet. Withheld: the next one may not be sent now, for what
    ``run.withheld`` says. Both times it is to be called again after a while.

    Raises:
        HeldBackError: people hold the next one back; it and those after it stay Intended.
    """
    return await carry_out_all(run, run.operations(kind, OperationState.INTENDED))


async def carry_out_all(run: Run, operations: Sequence[Operation]) -> Progress:
    """Apply these Intended operations, as ``carry_out`` does.

    Raises:
        HeldBackError: people hold the next one back; it and those after it stay Intended.
    """
    for number, intended in enumerate(operations, start=1):
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
        if receipt is None:
            await require_not_held(run, operation)
            await run.heed()
            if await _is_withheld(run, operation):
                return Progress.WITHHELD
            run.recorded_here.discard(operation.id)
            receipt = await _effect(run, operation)
        await _note(run, operation, receipt)
        if receipt.state is OperationState.VOID:
            await give_up(run, operations[number:], receipt.message)
            return Progress.MOVED
        if receipt.state is OperationState.UNKNOWN:
            return Progress.UNKNOWN
    return Progress.DONE


async def settle_intentions(run: Run) -> None:
    """Find out which of the operations that are still only intended happened, and give up the others."""
    settled: list[Operation] = []
    for operation in run.status.operations:
        if operation.state is not OperationState.INTENDED:
            continue
        receipt = await _known_after_restart(run, operation) or Receipt(OperationState.VOID, message=_BROKEN_OFF)
        settled.append(_with(run, operation, receipt))
    if settled:
        await run.write_after_effect(operations=run.replaced(settled))


async def _is_withheld(run: Run, operation: Operation) -> bool:
    """Ask the ceiling as the API server has it right now, for what was begun only whether anything may be written."""
    ceiling = await run.stages.ceilings.read()
    autonomy = autonomy_of(ceiling, run.policy(), run.intent(), run.spec.terms, None)
    if operation.kind is OperationKind.APPLY and not run.operations(operation.kind, OperationState.APPLIED):
        workload = run.workload()
        variables = run.variables(workload) if workload else NOTHING_KNOWN
        run.withheld = withdrawn(run.step, run.plan, run.spec.terms, variables, autonomy)
    else:
        run.withheld = withheld(autonomy, operation.kind)
    return bool(run.withheld[0])


async def say_withheld(run: Run, kind: OperationKind) -> None:
    """Write once why the operations of the current attempt wait, and how a person does them."""
    reason, why = run.withheld
    waiting = [o for o in run.status.operations if o.kind is kind and o.state is OperationState.INTENDED]
    message = clip(f"{why} {by_hand(run.namespace, waiting, run.spec)}".rstrip())
    if (run.status.reason, run.status.message) != (reason, message):
        await run.write(reason=reason, message=message)


async def void_the_rest(run: Run, kind: OperationKind, why: str) -> None:
    """Give up the operations of the current attempt that are still only intended."""
    await give_up(run, run.operations(kind, OperationState.INTENDED), why)


async def give_up(run: Run, operations: Sequence[Operation], why: str) -> None:
    """Give up operations that are still only intended."""
    now, message = run.now(), f"{GIVEN_UP}{why}"[:1024]
    void = {"state": OperationState.VOID, "finished_at": now, "message": message}
    rest = [o.model_copy(update=void) for o in operations]
    if rest:
        await run.write_after_effect(operations=run.replaced(rest))


async def awaited(run: Run, operations: Sequence[Operation]) -> Awaited:
    """What is not yet in force in the running workload; empty once all operations are."""
    for operation in operations:
        effect = run.stages.effects.effect(operation, run.stored)
        try:
            waiting = await effect.in_force(run.namespace, operation, run.target_of(operation))
        except KubernetesError as error:
            waiting = f"the API server to answer ({error.message})"
        if waiting:
            return _classified(waiting)
    return Awaited()


def _classified(waiting: str) -> Awaited:
    prefix, obstacle = next((o for o in _OBSTACLES if waiting.startswith(o[0])), ("", Obstacle.NONE))
    return Awaited(waiting.removeprefix(prefix if obstacle is not Obstacle.NO_NODE else NO_CAPACITY), obstacle)


async def _known_after_restart(run: Run, operation: Operation) -> Receipt | None:
    """What became of an operation that was recorded before this process began; None if surely nothing did."""
    if operation.id in run.recorded_here:
        return None
    effect = run.stages.effects.effect(operation, run.stored)
    known = await effect.happened(run.namespace, operation, run.target_of(operation))
    return None if known.state is OperationState.INTENDED else known


async def _drained(run: Run, operation: Operation) -> Drained:
    ended_before = [o for o in run.operations(operation.kind, OperationState.APPLIED) if o.ends][-1:]
    unsettled = (await awaited(run, ended_before)).text or await _still_ending(run, ended_before)
    return await may_end(run, operation, unsettled)


async def _still_ending(run: Run, operations: Sequence[Operation]) -> str:
    """The pods ended before that are still finishing their work; their workload does not count them any more."""
    for operation in operations:
        workload = await run.stages.workloads.look(run.namespace, run.target_of(operation))
        ending = [pod.name for pod in workload.pods if pod.terminating and pod.name in operation.ends]
        if ending:
            return f"{', '.join(ending)} to end"
    return ""


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


async def note_results(run: Run, operations: Sequence[Operation]) -> None:
    """Write what operations have told of their end since they were done."""
    told: list[Operation] = []
    for operation in operations:
        effect = run.stages.effects.effect(operation, run.stored)
        if not isinstance(effect, Telling):
            continue
        try:
            result = (await effect.result(run.namespace, operation, run.target_of(operation)))[:_LONGEST_MESSAGE]
        except KubernetesError:
            continue  # what an operation tells decides nothing
        if result and result != operation.message:
            told.append(operation.model_copy(update={"message": result}))
    if told:
        await run.write_after_effect(operations=run.replaced(told))


async def _effect(run: Run, operation: Operation) -> Receipt:
    effect = run.stages.effects.effect(operation, run.stored)
    with run.stages.metrics.stage("act"):
        try:
            return await effect.apply(run.namespace, operation, run.target_of(operation))
        except PlanStaleError as stale:
            return Receipt(OperationState.VOID, message=str(stale))
        except KubernetesError as error:
            state = OperationState.VOID if _REFUSED <= error.status < _SERVER_FAULT else OperationState.UNKNOWN
            return Receipt(state, message=f"The API server answered {error}")


def _with(run: Run, operation: Operation, receipt: Receipt) -> Operation:
    became = {"state": receipt.state, "finished_at": run.now(), "audit_id": receipt.audit_id}
    return operation.model_copy(update={**became, "message": receipt.message[:_LONGEST_MESSAGE]})


async def _note(run: Run, operation: Operation, receipt: Receipt) -> None:
    done = _with(run, operation, receipt)
    changes: dict[str, object] = {"operations": run.replaced([done])}
    if receipt.state is OperationState.APPLIED and operation.kind is OperationKind.APPLY and not run.status.times.acted:
        changes["times"] = run.with_times(acted=run.now())
    await run.write_after_effect(**changes)
