"""Verifying and rolling back: what was done is in force, it helps, or it is taken back."""

import statistics
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from homeostat.contracts.actions.kinds import ActionType, Reversal
from homeostat.contracts.common import parse_duration
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, OperationState, Plan
from homeostat.contracts.remediation import Phase
from homeostat.contracts.service_intent import Expectation
from homeostat.contracts.steps import Follow, Undo
from homeostat.contracts.verification import OutcomeName, ReleaseState, ReleaseStatus, VerificationResult
from homeostat.flow.execution import Progress, awaited, carry_out, undo_operations
from homeostat.flow.facts import Workload
from homeostat.flow.field_changes import changes_of
from homeostat.flow.ports import PlanStaleError
from homeostat.flow.run import Run
from homeostat.flow.wording import or_absent
from homeostat.verify.baseline import baseline
from homeostat.verify.judge import Verdict, judge

_CLEARLY_LESS = 0.8
"""Share of the baseline's load below which added capacity may be taken away by itself."""

_LOOKS_OF_LOAD = 5


def start_verification(run: Run, operations: Sequence[Operation]) -> VerificationResult:
    """Note the baseline, which a restart would lose, together with the intention to act."""
    now = run.now()
    workload = run.workload()
    onset = {run.spec.trigger.expectation: run.spec.episode.since}
    names = [run.spec.trigger.expectation, *run.spec.terms.verification.guard]
    return VerificationResult(
        step=run.plan.step,
        attempt=run.plan.attempt,
        started_at=now,
        workload_uid=workload.identity.uid if workload and workload.identity else run.plan.target.uid,
        baselines=[
            baseline(name, run.memory.tracks[name].looks, now, since=onset.get(name))
            for name in names
            if name in run.memory.tracks
        ],
        ready_before=meant_to_stay(run.plan, workload, operations) if workload else 0,
    )


def meant_to_stay(plan: Plan, workload: Workload, operations: Sequence[Operation]) -> int:
    """Ready replicas that the act leaves at any moment: fewer than now where it ends some, be it one after another."""
    ready, actions = workload.ready_replicas, {operation.action for operation in operations}
    if plan.action is ActionType.SCALE:
        return min(ready, int(plan.intended))
    if OperationAction.RESTART in actions:
        return max(0, ready - workload.unavailable_in_rollout)
    return max(0, ready - 1) if OperationAction.EVICT in actions else ready


async def verify(run: Run) -> None:
    """Verifying: wait until the act is in force, then judge each look until there is a verdict."""
    current = run.status.verifications[-1]
    operations = run.operations(OperationKind.APPLY, OperationState.APPLIED)
    waiting = "" if current.in_force_at else await awaited(run, operations)
    verdict = judge(
        trigger=_expectation(run, run.spec.trigger.expectation),
        guards=[_expectation(run, name) for name in run.spec.terms.verification.guard],
        result=current,
        terms=run.spec.terms.verification,
        tracks=run.memory.tracks,
        ready_now=_ready_now(run),
        awaiting=waiting,
        now=run.now(),
        ready_low_looks=run.ready_low_looks,
    )
    run.ready_low_looks = verdict.ready_low_looks
    if verdict.outcome is not None:
        await _conclude(run, current, verdict, verdict.outcome)
        return
    if verdict.in_force_at != current.in_force_at or (run.status.times.recovered is None and run.is_over()):
        await _note_progress(run, current, verdict)
    await run.wait()


def _ready_now(run: Run) -> int:
    workload = run.workload()
    return workload.ready_replicas if workload else 0


def _expectation(run: Run, name: str) -> Expectation:
    return next(e for e in run.spec.promise.expectations if e.name == name)


async def _note_progress(run: Run, current: VerificationResult, verdict: Verdict) -> None:
    moments: dict[str, datetime] = {}
    if verdict.in_force_at:
        moments["in_force"] = verdict.in_force_at
    recovered = run.track.since if run.is_over() else None
    if recovered is not None and run.status.times.recovered is None:
        moments["recovered"] = recovered
    await run.write(
        verifications=_with(run, current.model_copy(update={"in_force_at": verdict.in_force_at})),
        times=run.with_times(**moments),
        message=verdict.message or run.status.message,
    )


def _with(run: Run, current: VerificationResult) -> list[VerificationResult]:
    return [*run.status.verifications[:-1], current]


async def _conclude(run: Run, current: VerificationResult, verdict: Verdict, outcome: OutcomeName) -> None:
    now = run.now()
    judged = current.model_copy(
        update={
            "outcome": outcome,
            "judged_at": now,
            "message": verdict.message,
            "in_force_at": verdict.in_force_at or current.in_force_at,
        }
    )
    moments = {"verified": now}
    if outcome is OutcomeName.EFFECTIVE and run.status.times.recovered is None and run.track.since:
        moments["recovered"] = run.track.since
    changes: dict[str, Any] = {
        "outcome": outcome,
        "verifications": _with(run, judged),
        "times": run.with_times(**moments),
    }
    run.stages.metrics.outcome(outcome)
    if outcome is OutcomeName.EFFECTIVE:
        await run.enter(Phase.SUCCEEDED, "Effective", verdict.message, release=_owed(run), **changes)
    elif outcome is OutcomeName.INCONCLUSIVE:
        await run.enter(
            Phase.ESCALATED, "Inconclusive", f"{verdict.message} It is left as it is; a person must look.", **changes
        )
    elif _takes_back(run, outcome):
        await run.enter(Phase.ROLLING_BACK, str(outcome), f"{verdict.message} Taking it back.", **changes)
    else:
        await run.write(**changes)
        await follow(run, outcome, f"{verdict.message}{_why_it_stays(run)}")


def _why_it_stays(run: Run) -> str:
    if not run.operations(OperationKind.APPLY, OperationState.APPLIED):
        return ""
    return " It cannot be taken back." if run.plan.reversal is Reversal.IMPOSSIBLE else " The change is kept."


def _owed(run: Run) -> ReleaseStatus | None:
    """Added capacity that the step says is to be taken back."""
    if run.step.release is None or not _adds_capacity(run):
        return None
    return ReleaseStatus(
        state=ReleaseState.WAITING,
        message=f"Taken back once the promise has been kept for {run.step.release.after_met}.",
    )


def _adds_capacity(run: Run) -> bool:
    return any(
        o.action is OperationAction.SCALE and int(o.intended) > int(o.before)
        for o in run.operations(OperationKind.APPLY, OperationState.APPLIED)
    )


def _takes_back(run: Run, outcome: OutcomeName) -> bool:
    """Whether the change is taken back by itself.

    Added capacity stays while the load is at or above the baseline's, or is not known: taking it away would add harm.
    """
    wanted = {
        OutcomeName.WORSE: run.step.undo is not Undo.NEVER,
        OutcomeName.INEFFECTIVE: run.step.undo is Undo.ON_INEFFECTIVE,
    }[outcome]
    possible = run.plan.reversal is Reversal.POSSIBLE
    return wanted and possible and not (_adds_capacity(run) and not _load_fell(run))


def _load_fell(run: Run) -> bool:
    """Whether the load is clearly below the baseline's, by the median of the last looks.

    A service that is overloaded finishes fewer events than it is offered, so a little less is no sign of less demand.
    """
    baselines = run.status.verifications[-1].baselines
    before = next((b.load for b in baselines if b.expectation == run.spec.trigger.expectation), "")
    loads = [look.reading.load for look in run.track.looks[-_LOOKS_OF_LOAD:] if look.reading.load is not None]
    return bool(before and loads) and statistics.median(loads) < _CLEARLY_LESS * float(before)


async def roll_back(run: Run) -> None:
    """RollingBack: restore the saved fields, unless someone else changed them since, and wait for it to be in force."""
    if not run.operations(OperationKind.UNDO, *OperationState):
        try:
            undos = await undo_operations(run)
        except PlanStaleError as stale:
            await run.enter(
                Phase.ESCALATED, "UndoRefused", f"Not taken back: {stale}. It is theirs now; a person must look."
            )
            return
        run.recorded_here.update(o.id for o in undos)
        await run.write(operations=run.replaced(undos))
    failed = run.operations(OperationKind.UNDO, OperationState.VOID, OperationState.UNKNOWN)
    if failed or await carry_out(run, OperationKind.UNDO) is not Progress.DONE:
        await run.enter(
            Phase.ESCALATED,
            "UndoFailed",
            f"Could not be taken back: {_last_message(run)} A person must look.",
        )
        return
    undone = run.operations(OperationKind.UNDO, OperationState.APPLIED)
    waiting = await awaited(run, undone)
    limit = parse_duration(run.spec.terms.verification.propagation)
    if waiting and not _expired(run, undone, limit):
        await run.wait()
        return
    if waiting:
        await run.enter(
            Phase.ESCALATED, "UndoNotInForce", f"Taken back, but not in force after {limit}: waiting for {waiting}."
        )
        return
    outcome = run.status.outcome or OutcomeName.WORSE
    restored = ", ".join(
        f"{change.path or o.action} is {or_absent(change.after)} again"
        for o in undone
        for change in changes_of(o)
        if change.before != change.after
    )
    await follow(run, outcome, f"Taken back: {restored}.", undone=True)


def _expired(run: Run, undone: tuple[Operation, ...], limit: timedelta) -> bool:
    finished = [o.finished_at for o in undone if o.finished_at]
    return bool(finished) and run.now() - max(finished) > limit


def _last_message(run: Run) -> str:
    states = (OperationState.VOID, OperationState.UNKNOWN)
    failed = run.operations(OperationKind.UNDO, *states)
    return failed[-1].message if failed else ""


async def follow(run: Run, outcome: OutcomeName, message: str, *, undone: bool = False) -> None:
    """Go on as the step says for its outcome."""
    then = run.step.then.worse if outcome is OutcomeName.WORSE else run.step.then.ineffective
    later = any(s for s in run.spec.terms.steps if s.name != run.plan.step)
    if then is Follow.NEXT and later:
        await run.enter(Phase.BLOCKED, "StepDidNotHelp", f"{message} Trying what follows {run.plan.step}.")
    elif then is Follow.STOP:
        phase = Phase.ROLLED_BACK if undone else Phase.FAILED
        await run.enter(phase, str(outcome), f"{message} The policy says to stop here.")
    else:
        await run.enter(Phase.ESCALATED, str(outcome), f"{message} It did not help; a person must look.")
