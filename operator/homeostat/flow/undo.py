"""Undo: only the fields that were touched go back to their values before, and it is verified like any act.

It comes by itself after a bad outcome, for the attempt that was judged, or because a person asked for it, for all that
still stands. Attempts are taken back one after the other, the last one first, for it covers what earlier ones wrote.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby

from homeostat.contracts.common import parse_duration
from homeostat.contracts.decisions import PersonDecision
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, OperationState
from homeostat.contracts.remediation import Phase
from homeostat.contracts.verification import OutcomeName, UndoResult, UndoState
from homeostat.flow.attempts import lacks_room_for
from homeostat.flow.branches import broken_off, follow
from homeostat.flow.capacity import adds_capacity, intends_replicas, replicas_moved
from homeostat.flow.execution import Progress, awaited, carry_out_all, note_results, say_withheld
from homeostat.flow.facts import Occasion
from homeostat.flow.field_changes import changes_of
from homeostat.flow.holding import HeldBackError, wait_held
from homeostat.flow.people import answering, undo_requests
from homeostat.flow.ports import PlanStaleError
from homeostat.flow.run import Changes, Run
from homeostat.flow.wording import clip, or_absent
from homeostat.verify.undo import judge_undo

_NOT_DONE = frozenset({OperationState.VOID, OperationState.UNKNOWN})
_LOOK = "A person must look."


def may_answer(run: Run) -> bool:
    """Whether a request for an undo can be answered now: not amid an act, an undo or a release."""
    if run.status.phase in {Phase.EXECUTING, Phase.ROLLING_BACK}:
        return False
    releasing = (o for o in run.status.operations if o.kind is OperationKind.RELEASE)
    return not any(o.state is OperationState.INTENDED for o in releasing)


async def answer_undo(run: Run) -> None:
    """Begin what a person asked for, or say why it is not possible any more; nothing is written to the target then."""
    if run.stages.approvals.unprotected:
        await run.wait_for_person(run.stages.settings.reread_every)
        await run.reread()
        return
    asked = undo_requests(run.stored.record)
    if run.intent() is None:
        await _refuse(run, asked, "the intent was deleted or deactivated, and nothing is written for it any more")
        return
    try:
        undos = await _next_undos(run, run.status.operations)
    except PlanStaleError as stale:
        await _refuse(run, asked, str(stale))
        return
    if not undos:
        await _refuse(run, asked, "nothing of it stands any more")
        return
    by, reason = asked[0].by, asked[0].reason or ""
    message = f"{by} asked to take it back: {reason}. Taking it back."
    ended = broken_off(run, f"Not judged: {by} had it taken back.", f"Taken back at the request of {by} instead.")
    await _begin(run, undos, "UndoRequested", message, ended, asked=asked)


async def _refuse(run: Run, asked: Sequence[PersonDecision], why: str) -> None:
    now, message = run.now(), clip(f"Undo no longer possible: {why}.")
    refused = UndoResult(
        state=UndoState.REFUSED,
        requested_by=asked[0].by,
        reason=asked[0].reason or "",
        began_at=now,
        ended_at=now,
        message=message,
    )
    await run.write(undo=refused, answered=answering(run.stored.record, asked, now))
    run.announce_undo_refused(message)


async def _begin(
    run: Run,
    undos: Sequence[Operation],
    reason: str,
    message: str,
    changes: Changes,
    *,
    asked: Sequence[PersonDecision] = (),
) -> None:
    """Write the intentions, and what the undo is compared with, before the first effect."""
    undo = UndoResult(
        state=UndoState.RUNNING,
        requested_by=asked[0].by if asked else "",
        reason=(asked[0].reason or "") if asked else "",
        began_at=min(o.recorded_at for o in undos),
        baselines=run.baselines(dict.fromkeys(run.watched, _acted_at(run))),
    )
    run.recorded_here.update(o.id for o in undos)
    operations, answered = run.replaced(undos), answering(run.stored.record, asked, run.now())
    await run.enter(Phase.ROLLING_BACK, reason, message, operations=operations, undo=undo, answered=answered, **changes)


def _acted_at(run: Run) -> datetime:
    """From when on what was seen is the effect of the last act."""
    last = next(reversed(run.status.verifications), None)
    return (last.in_force_at or last.started_at) if last else run.now()


async def begin_undo(run: Run, outcome: OutcomeName, message: str, changes: Changes) -> None:
    """Take the current attempt back because of its outcome; a field that is someone else's by now is left alone."""
    plan = run.plan
    of_attempt = [o for o in run.status.operations if (o.step, o.attempt) == (plan.step, plan.attempt)]
    try:
        undos = await _undos(run, run.stages.effects.order_of_undo(of_attempt), outcome)
    except PlanStaleError as stale:
        why, now = clip(f"Undo no longer possible: {stale}."), run.now()
        undo = UndoResult(state=UndoState.REFUSED, began_at=now, ended_at=now, message=why)
        await run.enter(
            Phase.ESCALATED, "UndoRefused", f"{message} {why} {_LOOK}", undo=undo, outcome=outcome, **changes
        )
        return
    if undos:
        await _begin(run, undos, str(outcome), f"{message} Taking it back.", {**changes, "outcome": outcome})
    else:
        await follow(run, outcome, f"{message} There is nothing to take back.", changes)


async def _next_undos(run: Run, operations: Sequence[Operation]) -> tuple[Operation, ...]:
    """What takes the last attempt back of which anything can be; empty where nothing is left.

    Raises:
        PlanStaleError: someone else changed one of its fields since.
    """
    for _, attempt in groupby(run.stages.effects.order_of_undo(operations), key=lambda o: (o.step, o.attempt)):
        undos = await _undos(run, tuple(attempt))
        if undos:
            return undos
    return ()


async def _undos(run: Run, standing: Sequence[Operation], outcome: OutcomeName | None = None) -> tuple[Operation, ...]:
    """The operations that take acts of one attempt back, Intended and in order.

    Raises:
        PlanStaleError: someone else changed a field since; it is theirs now. Or the record is full.
    """
    known = [o for o in run.status.operations if o.kind is OperationKind.UNDO]
    undos: list[Operation] = []
    for operation in standing:
        number = 1 + len(undos) + sum((o.step, o.attempt) == (operation.step, operation.attempt) for o in known)
        undo = await run.stages.effects.effect(operation, run.stored).reverse(
            run.namespace, operation, run.target_of(operation), OperationKind.UNDO, number, run.now()
        )
        if undo is not None and outcome is OutcomeName.NO_CAPACITY and adds_capacity(operation):
            undo = await _keeping_what_is_ready(run, operation, undo)
        if undo is not None:
            undos += await _sparing_sessions(run, operation, undo, number)
    edits = [undo for undo in undos if undo.action is OperationAction.EDIT_CONFIG]
    if edits and any(operation.action is OperationAction.EVICT for operation in standing):
        first, target = 1 + len(undos) + len(known), run.target_of(standing[0])
        undos += await run.stages.effects.restart_again(run.namespace, edits[-1], target, first, run.now())
    full = lacks_room_for(run.status.operations, undos)
    if full:
        raise PlanStaleError(f"{full}; take it back by hand, by the commands that the record shows")
    return tuple(undos)


async def _sparing_sessions(run: Run, operation: Operation, undo: Operation, number: int) -> tuple[Operation, ...]:
    """Instances with sessions that an undo takes away go one by one, drained, as those of any act."""
    target = run.target_of(operation)
    if target.sessions is None or not adds_capacity(operation):
        return (undo,)
    occasion = Occasion(run.namespace, target, await run.stages.workloads.look(run.namespace, target))
    return await run.stages.effects.shrink_operations(
        OperationKind.UNDO, operation, undo.before, undo.intended, occasion, number, run.now()
    )


async def _keeping_what_is_ready(run: Run, operation: Operation, undo: Operation) -> Operation | None:
    """Without capacity only what is pending goes, for it serves nobody; None where nothing is pending."""
    workload = await run.stages.workloads.look(run.namespace, run.target_of(operation))
    before, added = replicas_moved(operation) or (0, 0)
    kept = max(before, workload.ready_replicas)
    if kept >= added:
        return None
    intended = undo.intended if kept == before else intends_replicas(operation, undo.before, kept)
    return undo.model_copy(update={"intended": intended})


async def roll_back(run: Run) -> None:
    """RollingBack: carry the undo out, wait until it is in force, then watch whether anything gets worse."""
    undo = run.status.undo
    if undo is None:
        raise RuntimeError(f"remediation {run.stored.name} rolls back without an undo")
    failed = [o for o in _operations(run, undo) if o.state in _NOT_DONE]
    intended = [o for o in _operations(run, undo) if o.state is OperationState.INTENDED]
    try:
        progress = Progress.MOVED if failed else await carry_out_all(run, intended)
    except HeldBackError as held:
        await wait_held(run, held.hold, _operations(run, undo))
        return
    if progress is Progress.WITHHELD:
        await say_withheld(run, OperationKind.UNDO)
    if progress in {Progress.WAITING, Progress.WITHHELD}:
        await run.wait()
    elif progress is not Progress.DONE:
        message = next((o.message for o in reversed(_operations(run, undo)) if o.state in _NOT_DONE), "")
        await _fail(run, undo, "UndoFailed", f"Could not be taken back: {message}")
    elif undo.in_force_at is None:
        await _await_in_force(run, undo)
    else:
        await _verify(run, undo)


def _operations(run: Run, undo: UndoResult) -> list[Operation]:
    return [o for o in run.status.operations if o.kind is OperationKind.UNDO and o.recorded_at >= undo.began_at]


async def _await_in_force(run: Run, undo: UndoResult) -> None:
    if undo.requested_by and await _took_up_an_earlier_attempt(run, undo):
        return
    done = _operations(run, undo)
    waiting = (await awaited(run, done)).text
    await note_results(run, done)
    if not waiting:
        await run.write(undo=undo.model_copy(update={"in_force_at": run.now()}))
    elif _expired(run, done):
        limit = run.spec.terms.verification.propagation
        await _fail(run, undo, "UndoNotInForce", f"Taken back, but not in force after {limit}: waiting for {waiting}.")
    else:
        await run.wait()


async def _took_up_an_earlier_attempt(run: Run, undo: UndoResult) -> bool:
    """Intend the undo of the attempt before the one that was just taken back; whether there was any."""
    try:
        undos = await _next_undos(run, run.status.operations)
    except PlanStaleError as stale:
        await _fail(run, undo, "UndoFailed", f"Only taken back in part: {_restored(run, undo)}; {stale}.")
        return True
    if undos:
        run.recorded_here.update(o.id for o in undos)
        await run.write(operations=run.replaced(undos))
    return bool(undos)


def _expired(run: Run, done: Sequence[Operation]) -> bool:
    finished = [o.finished_at for o in done if o.finished_at]
    return bool(finished) and run.now() - max(finished) > _limit(run)


def _limit(run: Run) -> timedelta:
    return parse_duration(run.spec.terms.verification.propagation)


async def _verify(run: Run, undo: UndoResult) -> None:
    verdict = judge_undo(
        trigger=run.expectation(run.spec.trigger.expectation),
        guards=run.guard_expectations(),
        result=undo,
        in_force_at=undo.in_force_at or run.now(),
        terms=run.spec.terms.verification,
        tracks=run.memory.tracks,
        now=run.now(),
    )
    if verdict.state is None:
        await run.wait()
        return
    told = f"{_restored(run, undo)}; {verdict.message}"
    ended = undo.model_copy(update={"state": verdict.state, "ended_at": run.now(), "message": clip(f"{told}")})
    asked = f" at the request of {undo.requested_by}" if undo.requested_by else ""
    if verdict.state is UndoState.WORSE:
        message = f"Taken back{asked}, but it is worse now: {told} {_LOOK}"
        await run.enter(Phase.ESCALATED, "UndoMadeWorse", message, undo=ended)
    elif asked:
        await run.enter(Phase.ROLLED_BACK, "UndoRequested", f"Taken back{asked}: {told}", undo=ended)
    else:
        outcome = run.status.outcome or OutcomeName.WORSE
        await follow(run, outcome, f"Taken back: {told}", {"undo": ended}, undone=True)


async def _fail(run: Run, undo: UndoResult, reason: str, message: str) -> None:
    failed = undo.model_copy(update={"state": UndoState.FAILED, "ended_at": run.now(), "message": clip(message)})
    await run.enter(Phase.ESCALATED, reason, f"{message} {_LOOK}", undo=failed)


def _restored(run: Run, undo: UndoResult) -> str:
    """What is as it was: ``spec.replicas of Deployment/pcscf is 2 again``."""
    done = [o for o in _operations(run, undo) if o.state is OperationState.APPLIED and o.before != o.intended]
    return "; ".join(_put_back(run, o) for o in done)


def _put_back(run: Run, undo: Operation) -> str:
    target = f"{undo.target.kind}/{undo.target.name}"
    if undo.action is OperationAction.RESTART:
        return f"{target} was restarted"
    if undo.action is OperationAction.RUN_JOB:
        return f"{undo.intended} has completed"
    if undo.action is OperationAction.CALL_HTTP:
        return f"{undo.intended} was called"
    wholly = any(
        o.before == undo.intended and o.field == undo.field
        for o in run.status.operations
        if o.kind is OperationKind.APPLY and (o.step, o.attempt) == (undo.step, undo.attempt)
    )
    changed = ", ".join(f"{c.path or undo.action} of {target} is {or_absent(c.after)}" for c in changes_of(undo))
    return f"{changed}{' again' if wholly else ''}"
