"""Verifying: what was done is in force, and it helps; or it is taken back, and what follows is up to the step."""

import statistics
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from homeostat.contracts.actions.kinds import ActionType, Reversal
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, OperationState, Plan
from homeostat.contracts.steps import Undo
from homeostat.contracts.verification import OutcomeName, VerificationResult
from homeostat.flow.attempts import timed_out_at
from homeostat.flow.branches import follow
from homeostat.flow.capacity import adds_capacity
from homeostat.flow.execution import awaited, note_results
from homeostat.flow.facts import Workload
from homeostat.flow.holding import holds_of
from homeostat.flow.holds import HoldKind
from homeostat.flow.run import Run
from homeostat.flow.undo import begin_undo
from homeostat.flow.wording import clip
from homeostat.verify.judge import Awaited, Verdict, judge

_CLEARLY_LESS = 0.8
"""Share of the baseline's load below which added capacity may be taken away by itself."""

_LOOKS_OF_LOAD = 5

_ROLLOUTS = frozenset({OperationAction.RESTART, OperationAction.ROLLBACK, OperationAction.RESIZE})
"""Operations that may have a controller replace the pods by its update strategy."""


def start_verification(run: Run, operations: Sequence[Operation]) -> VerificationResult:
    """Note the baseline, which a restart would lose, together with the intention to act."""
    now = run.now()
    workload = run.workload()
    return VerificationResult(
        step=run.plan.step,
        attempt=run.plan.attempt,
        started_at=now,
        workload_uid=workload.identity.uid if workload and workload.identity else run.plan.target.uid,
        failure_domains=list(workload.failure_domains) if workload else [],
        baselines=run.baselines({run.spec.trigger.expectation: run.spec.episode.since}),
        ready_before=meant_to_stay(run.plan, workload, operations) if workload else 0,
    )


def meant_to_stay(plan: Plan, workload: Workload, operations: Sequence[Operation]) -> int:
    """Ready replicas that the act leaves at any moment: fewer than now where it ends some, be it one after another."""
    ready, actions = workload.ready_replicas, {operation.action for operation in operations}
    if plan.action is ActionType.SCALE:
        return min(ready, int(plan.intended))
    if actions & _ROLLOUTS:
        return max(0, ready - workload.unavailable_in_rollout)
    return max(0, ready - 1) if OperationAction.EVICT in actions else ready


async def verify(run: Run) -> None:
    """Verifying: wait until the act is in force, then judge each look until there is a verdict."""
    current = run.status.verifications[-1]
    operations = run.operations(OperationKind.APPLY, OperationState.APPLIED)
    awaiting = Awaited() if current.in_force_at else await awaited(run, operations)
    if not current.in_force_at:
        await note_results(run, operations)
    verdict = judge(
        trigger=run.expectation(run.spec.trigger.expectation),
        guards=run.guard_expectations(),
        result=current,
        terms=run.spec.terms.verification,
        tracks=run.memory.tracks,
        ready_now=_ready_now(run),
        awaiting=awaiting,
        now=run.now(),
        timed_out_at=timed_out_at(run.status, run.step, run.plan.attempt, current.started_at),
        in_a_row=run.in_a_row,
    )
    run.in_a_row = verdict.in_a_row
    if verdict.outcome is not None:
        await _conclude(run, current, verdict, verdict.outcome)
        return
    if verdict.in_force_at != current.in_force_at or (run.status.times.recovered is None and run.is_over()):
        await _note_progress(run, current, verdict)
    await run.wait()


def _ready_now(run: Run) -> int:
    workload = run.workload()
    return workload.ready_replicas if workload else 0


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
            "planned_work": await _planned_work(run, current.started_at),
        }
    )
    moments = {"verified": now}
    if outcome is OutcomeName.EFFECTIVE and run.status.times.recovered is None and run.track.since:
        moments["recovered"] = run.track.since
    changes: dict[str, Any] = {
        "verifications": _with(run, judged),
        "times": run.with_times(**moments),
    }
    if _takes_back(run, outcome):
        await begin_undo(run, outcome, verdict.message, changes)
    else:
        await follow(run, outcome, f"{verdict.message}{_kept(run, outcome)}", changes)
    run.stages.metrics.outcome(outcome)


async def _planned_work(run: Run, since: datetime) -> str:
    """What people did to the service while the act was judged; empty where nothing is known of any."""
    holds = await holds_of(run, since)
    work = None if holds.unknown else holds.of(HoldKind.MAINTENANCE)
    return clip(work.message) if work is not None else ""


def _kept(run: Run, outcome: OutcomeName) -> str:
    if outcome is OutcomeName.EFFECTIVE or not run.operations(OperationKind.APPLY, OperationState.APPLIED):
        return ""
    return " The change is kept."


def _adds_capacity(run: Run) -> bool:
    return any(adds_capacity(o) for o in run.operations(OperationKind.APPLY, OperationState.APPLIED))


def _takes_back(run: Run, outcome: OutcomeName) -> bool:
    """Whether the change is taken back by itself.

    Added capacity stays while the load is at or above the baseline's, or is not known: taking it away would add harm.
    What is pending for want of capacity serves nobody, and goes.
    """
    if outcome is OutcomeName.NO_CAPACITY:
        return run.step.undo is not Undo.NEVER
    wanted = {
        OutcomeName.WORSE: run.step.undo is not Undo.NEVER,
        OutcomeName.INEFFECTIVE: run.step.undo is Undo.ON_INEFFECTIVE,
        OutcomeName.FAILED: run.step.undo is Undo.ON_INEFFECTIVE,
    }.get(outcome, False)
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
