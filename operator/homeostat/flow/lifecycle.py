"""The life of a remediation from its record to its end: one function per phase, in the order they follow.

Every function ends in a written transition or in a wait; a crash between any two of them is resumed from the record.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from homeostat.contracts.operations import MOST_OPERATIONS, Authority, OperationKind, OperationState
from homeostat.contracts.remediation import GuardVerdictName, Phase
from homeostat.contracts.remediation_policy import Mode
from homeostat.contracts.service_intent import ExpectationStateName
from homeostat.contracts.verification import UndoState
from homeostat.decide.candidates import withdrawn
from homeostat.decide.guards import check_guards
from homeostat.flow.answers import answer_people
from homeostat.flow.approval import await_approval
from homeostat.flow.attempts import has_room
from homeostat.flow.autonomy import take_bearings
from homeostat.flow.branches import recovered
from homeostat.flow.capacity import lowers_capacity
from homeostat.flow.episode import selects
from homeostat.flow.execution import Progress, carry_out, say_withheld, void_the_rest
from homeostat.flow.facts import Occasion, Ownership, Reading, Workload
from homeostat.flow.holding import HeldBackError, held_message, holds_of, wait_held
from homeostat.flow.holds import Hold
from homeostat.flow.people import approved_plan, undo_requests
from homeostat.flow.phases import first_status, is_open
from homeostat.flow.pipeline import preview_step
from homeostat.flow.ports import KubernetesError, PlanStaleError
from homeostat.flow.redecision import decide_again, is_called_for, is_needless
from homeostat.flow.release import release
from homeostat.flow.run import RecordLostError, RecordMovedError, Run
from homeostat.flow.tries import is_between_tries, is_timed_out, try_again_or_fail
from homeostat.flow.undo import answer_undo, roll_back
from homeostat.flow.verification import start_verification, verify

log = logging.getLogger(__name__)


async def live(run: Run) -> None:
    """Move a remediation on until nothing is left to do for it."""
    while is_open(run.stored.record) or run.nudged.is_set():
        try:
            await run.hear()
            if is_open(run.stored.record):
                await _advance(run)
        except RecordMovedError:
            log.info("the record was written by someone else; entering its phase again")
        except RecordLostError:
            run.lose()
            run.stages.events.emit(
                run.namespace,
                run.intent_identity,
                "RecordLost",
                "Remediate",
                f"{run.stored.name} is gone. Nothing more is done for this episode; a person must look.",
                warning=True,
            )
            log.error("the record is gone; nothing more is done for it")
            return
        except KubernetesError as error:
            log.warning("the API server did not serve this phase; it is tried again: %s", error)
            await run.wait()


async def _advance(run: Run) -> None:
    if run.status.times.decided is None:  # a crash came between the two writes that make a record
        await run.write(**dict(first_status(run.namespace, run.stored.name, run.spec, run.now())))
        return
    if await answer_people(run):
        return
    if run.intent() is None and run.status.phase is not Phase.SUCCEEDED:
        await _cancel(run, "IntentGone", "The intent was deleted or deactivated; nothing further is done.")
        return
    await _PHASES[run.status.phase](run)


async def _cancel(run: Run, reason: str, message: str) -> None:
    if run.status.plan or run.spec.plan:
        await void_the_rest(run, OperationKind.APPLY, message)
    undo = run.status.undo
    if undo is not None and undo.state is UndoState.RUNNING:
        undo = undo.model_copy(update={"state": UndoState.FAILED, "ended_at": run.now(), "message": message})
    await run.enter(Phase.CANCELLED, reason, message, undo=undo)


async def decided(run: Run) -> None:
    """Planned: make sure that the world still is as the decision saw it, record the effect, then have it."""
    if await _is_not_the_time(run) or await _may_not_act(run):
        return
    approved = approved_plan(run.stored.record, run.now())
    lacks_approval = run.plan.authority is Authority.APPROVAL and approved is None
    if lacks_approval or not await _still_as_planned(run):
        await decide_again(run, approved)
        return
    seen = await _look_for_guards(run)
    try:
        async with run.stages.turnstile.of(run.namespace):
            if await _guards_permit(run, seen):
                await _record_act(run)
    except PlanStaleError as stale:
        log.info("the plan is stale: %s", stale)
        await decide_again(run, approved)


async def _record_act(run: Run) -> None:
    workload = await run.stages.workloads.look(run.namespace, run.target)
    occasion = Occasion(run.namespace, run.target, workload, run.source())
    planned = await run.stages.effects.actuator(run.plan.action).operations(run.plan, run.step, occasion, run.now())
    if not has_room(run.status, len(planned)):
        await _say_full(run, len(planned))
        return
    operations = [o.model_copy(update={"before_by": run.plan.before_by}) for o in planned]
    run.recorded_here.update(o.id for o in operations)
    await run.enter(
        Phase.EXECUTING,
        "Acting",
        f"{run.plan.description}.",
        operations=run.replaced(operations),
        verifications=[*run.status.verifications, start_verification(run, operations)],
    )


async def _say_full(run: Run, planned: int) -> None:
    message = (
        f"Not done: {run.plan.description}. That takes {planned} operations and its undo as many, and a record holds "
        f"{MOST_OPERATIONS}, of which {len(run.status.operations)} are used. A person must look: do it by hand, or let "
        "the step do less at once."
    )
    await run.enter(Phase.ESCALATED, "RecordFull", message)


async def _is_not_the_time(run: Run) -> bool:
    """Wait where an act is not called for yet or between two tries; end where none is needed or can be recorded."""
    if is_needless(run):
        await recovered(run)
        return True
    if await is_between_tries(run):
        return True
    if not is_called_for(run):
        await _wait_for_data(run)
        return True
    if not has_room(run.status):
        message = "The record cannot hold a further attempt: so many do not solve it; a person must look."
        await run.enter(Phase.ESCALATED, "RecordFull", message)
        return True
    return False


async def _may_not_act(run: Run) -> bool:
    """End or hold the remediation where the policy, or the missing guard of approvals, forbids any act."""
    refusal, unprotected = _policy_forbids(run), run.stages.approvals.unprotected
    if refusal:
        await _cancel(run, "PolicyChanged", refusal)
    elif unprotected:
        await _block(run, "ApprovalUnprotected", f"Nothing is done: {unprotected}.")
    return bool(refusal or unprotected)


async def _block(run: Run, reason: str, message: str, **changes: object) -> None:
    """Hold the remediation; what was intended and not done is given up, and decided afresh when nothing forbids it."""
    await void_the_rest(run, OperationKind.APPLY, message)
    await run.enter(Phase.BLOCKED, reason, message, None, **changes)


async def _wait_for_data(run: Run) -> None:
    if run.track.state is ExpectationStateName.UNKNOWN and run.status.reason != "TelemetryUnknown":
        await run.write(
            reason="TelemetryUnknown",
            message=f"Nothing is done without data; waits for it. {run.track.message}"[:1024],
        )
    await run.wait()


async def execute(run: Run) -> None:
    """Executing: have the recorded effects, or find out after a restart which of them happened."""
    if await _is_only_intended(run) and not await _may_go_on(run):
        return
    try:
        progress = _known_before_restart(run) or await carry_out(run, OperationKind.APPLY)
    except HeldBackError as held:
        await _hold_back(run, held.hold)
        return
    if progress is Progress.UNKNOWN:
        await run.enter(
            Phase.ESCALATED,
            "EffectUnknown",
            "It is not known whether the act happened. It is neither repeated nor undone; a person must look: "
            f"{run.plan.description}.",
        )
    elif progress is Progress.MOVED:
        await try_again_or_fail(run)
    elif progress is Progress.WITHHELD:
        await _hold(run)
    elif progress is Progress.WAITING:
        await _wait_for_drain(run)
    else:
        await run.enter(
            Phase.VERIFYING, "Verifying", f"Done: {run.plan.description}. Checking that it takes hold and helps."
        )


async def _hold_back(run: Run, hold: Hold) -> None:
    """People hold the act back: decided afresh later if nothing of it was done, else gone on with when they let it."""
    if run.operations(OperationKind.APPLY, OperationState.APPLIED):
        if not await _is_called_off(run):
            await wait_held(run, hold, run.status.operations)
        return
    run.decided_at = run.stages.clock.monotonic()
    begun = (run.plan.step, run.plan.attempt)
    kept = [v for v in run.status.verifications if (v.step, v.attempt) != begun]
    await _block(run, hold.reason, held_message(run, hold, run.status.operations), verifications=kept)


async def _hold(run: Run) -> None:
    """The act may not be sent now: it is decided afresh where nothing of it was done, else it goes on later."""
    if run.operations(OperationKind.APPLY, OperationState.APPLIED):
        await say_withheld(run, OperationKind.APPLY)
        await _wait_for_drain(run)
    else:
        await _block(run, *run.withheld)


async def _wait_for_drain(run: Run) -> None:
    """The next instance is not drained yet: wait, unless a person wants it all back or the step's time is over."""
    if await _is_called_off(run):
        return
    run.recorded_here.difference_update(o.id for o in run.operations(OperationKind.APPLY, OperationState.INTENDED))
    await run.wait()


async def _is_called_off(run: Run) -> bool:
    """Give up the rest of an act that is under way where a person wants it all back or the step's time is over."""
    if undo_requests(run.stored.record):
        await void_the_rest(run, OperationKind.APPLY, "a person asked to take it back")
        await answer_undo(run)
        return True
    return await is_timed_out(run)


def _known_before_restart(run: Run) -> Progress | None:
    """What became of the act, where that was written but not yet followed."""
    if run.operations(OperationKind.APPLY, OperationState.UNKNOWN):
        return Progress.UNKNOWN
    return Progress.MOVED if run.operations(OperationKind.APPLY, OperationState.VOID) else None


async def wait_blocked(run: Run) -> None:
    """Blocked: decide again from time to time, until a guard lifts or the need has passed."""
    if is_needless(run):
        await recovered(run)
        return
    rested = run.stages.clock.monotonic() - run.decided_at >= run.stages.settings.redecide_every.total_seconds()
    if run.stages.approvals.unprotected or not is_called_for(run) or not rested:
        await run.wait()
        return
    refusal = _policy_forbids(run)
    if refusal:
        await _cancel(run, "PolicyChanged", refusal)
        return
    await decide_again(run)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the guards are shown of the target."""

    workload: Workload
    ownership: Ownership
    cpu_share: Reading | None


async def _look_for_guards(run: Run) -> _Seen:
    workload = await run.stages.workloads.look(run.namespace, run.target)
    plan = run.plan
    ownership = await run.stages.owners.of(run.namespace, plan.action, plan.target, plan.field, run.target)
    return _Seen(workload, ownership, await _cpu_share(run, workload))


async def _guards_permit(run: Run, seen: _Seen) -> bool:
    bearings = await take_bearings(run.stages)
    autonomy = bearings.autonomy(run.policy(), run.intent(), run.spec.terms)
    guards = check_guards(
        record=run.stored.name,
        policy=run.spec.policy.name,
        promise=run.promise,
        terms=run.terms,
        plan=run.plan,
        workload=seen.workload,
        ownership=seen.ownership,
        facts=bearings.facts(run.stages, run.namespace),
        holds=await holds_of(run),
        now=run.now(),
        cpu_share=seen.cpu_share,
        rate=autonomy.rate,
    )
    denial = next((g for g in guards if g.verdict is not GuardVerdictName.PERMIT), None)
    reason, message = withdrawn(run.step, run.plan, run.spec.terms, run.variables(seen.workload), autonomy)
    if denial is not None:
        reason, message = denial.reason or denial.name, denial.message
    if reason:
        run.decided_at = run.stages.clock.monotonic()
        await _block(run, reason, message, guards=list(guards))
        return False
    if list(guards) != list(run.status.guards):
        await run.write(guards=list(guards))
    return True


async def _cpu_share(run: Run, workload: Workload) -> Reading | None:
    source = run.source()
    if source is None or not lowers_capacity(run.plan):
        return None
    return await run.stages.observer.cpu_share(source, run.namespace, workload)


async def _still_as_planned(run: Run) -> bool:
    workload = await run.stages.workloads.look(run.namespace, run.target)
    targets, workloads, plan = {run.target.name: run.target}, {run.target.name: workload}, run.plan
    preview = await preview_step(
        run.stages,
        run.namespace,
        run.step,
        targets,
        workloads,
        run.source(),
        run.variables(workload),
        plan.intended,
    )
    return (
        not preview.refused
        and not preview.already
        and preview.target == plan.target
        and (preview.before, preview.intended) == (plan.before, plan.intended)
    )


async def _is_only_intended(run: Run) -> bool:
    """Whether a restart found an intention of which surely nothing has happened."""
    intended = run.operations(OperationKind.APPLY, OperationState.INTENDED)
    begun = run.operations(OperationKind.APPLY, OperationState.APPLIED, OperationState.UNKNOWN, OperationState.VOID)
    if begun or not intended or all(o.id in run.recorded_here for o in intended):
        return False
    for operation in intended:
        effect = run.stages.effects.effect(operation, run.stored)
        receipt = await effect.happened(run.namespace, operation, run.target)
        if receipt.state in {OperationState.APPLIED, OperationState.UNKNOWN}:
            return False
    return True


async def _may_go_on(run: Run) -> bool:
    """The operator was away between intention and effect: evidence, policy and guards are asked again first."""
    if is_needless(run):
        await void_the_rest(run, OperationKind.APPLY, "the promise is kept again")
        await recovered(run)
        return False
    if not is_called_for(run):
        await run.wait()
        return False
    held_back = await _may_not_act(run) or not await _guards_permit(run, await _look_for_guards(run))
    return not held_back


def _policy_forbids(run: Run) -> str:
    policy = run.policy()
    if policy is None or policy.stamp.uid != run.spec.policy.uid:
        return "The policy was deleted; nothing further is done."
    if policy.spec.mode is Mode.SHADOW and run.spec.mode is Mode.LIVE:
        return "The policy was set to Shadow; nothing further is done."
    intent = run.intent()
    if intent is not None and not selects(policy.spec.intent_selector, intent.stamp.name, intent.labels):
        return "The policy is not for this intent any more, by its labels or name; nothing further is done."
    return ""


_PHASES: Mapping[Phase, Callable[[Run], Awaitable[None]]] = {
    Phase.PLANNED: decided,
    Phase.BLOCKED: wait_blocked,
    Phase.AWAITING_APPROVAL: await_approval,
    Phase.EXECUTING: execute,
    Phase.VERIFYING: verify,
    Phase.ROLLING_BACK: roll_back,
    Phase.SUCCEEDED: release,
}
