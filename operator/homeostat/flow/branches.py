"""What follows the end of a run: the branch that the step names for the outcome."""

from collections.abc import Mapping
from typing import Any

from homeostat.contracts.operations import Operation, OperationState
from homeostat.contracts.remediation import Phase
from homeostat.contracts.steps import Follow, Then
from homeostat.contracts.verification import OutcomeName, ReleaseState, ReleaseStatus
from homeostat.flow.attempts import has_later
from homeostat.flow.capacity import adds_capacity, replicas_moved
from homeostat.flow.holds import HOLD_REASONS
from homeostat.flow.run import NO_CHANGES, Changes, Run
from homeostat.flow.standing import standing
from homeostat.flow.wording import clip

_GOING_ON: Mapping[OutcomeName, tuple[str, str]] = {
    OutcomeName.EFFECTIVE: ("StepHelped", "Going on with what follows {step}, as its policy says."),
    OutcomeName.INEFFECTIVE: ("StepDidNotHelp", "Trying what follows {step}."),
    OutcomeName.WORSE: ("StepDidHarm", "Trying what follows {step}."),
    OutcomeName.INCONCLUSIVE: ("StepNotJudged", "Trying what follows {step}."),
    OutcomeName.NO_CAPACITY: ("NoCapacity", "Trying what follows {step}."),
    OutcomeName.FAILED: ("StepFailed", "Trying what follows {step}."),
}
_FOR_A_PERSON: Mapping[OutcomeName, str] = {
    OutcomeName.INEFFECTIVE: "It did not help; a person must look.",
    OutcomeName.WORSE: "It did harm; a person must look.",
    OutcomeName.INCONCLUSIVE: "A person must look.",
    OutcomeName.NO_CAPACITY: "A person must look: give the cluster more room, or lower what is asked for.",
    OutcomeName.FAILED: "A person must look.",
}


def branch(then: Then, outcome: OutcomeName) -> Follow:
    """What follows an outcome."""
    return {
        OutcomeName.EFFECTIVE: then.effective,
        OutcomeName.INEFFECTIVE: then.ineffective,
        OutcomeName.WORSE: then.worse,
        OutcomeName.INCONCLUSIVE: then.inconclusive,
        OutcomeName.NO_CAPACITY: then.no_capacity,
        OutcomeName.FAILED: then.failed,
    }[outcome]


async def follow(
    run: Run, outcome: OutcomeName, message: str, changes: Changes = NO_CHANGES, *, undone: bool = False
) -> None:
    """Go on as the step says for its outcome, which is not known to be Effective and the end."""
    then = branch(run.step.then, outcome)
    changes = {**changes, "outcome": outcome}
    if then is Follow.NEXT and has_later(run.status, run.spec.terms.steps, run.step, outcome):
        reason, goes_on = _GOING_ON[outcome]
        await run.enter(Phase.BLOCKED, reason, f"{message} {goes_on.format(step=run.plan.step)}", **changes)
    elif outcome is OutcomeName.EFFECTIVE:
        await succeed(run, message, changes)
    elif then is Follow.STOP:
        phase = Phase.ROLLED_BACK if undone else Phase.FAILED
        await run.enter(phase, str(outcome), f"{message} The policy says to stop here.", **changes)
    else:
        await run.enter(Phase.ESCALATED, str(outcome), f"{message} {_FOR_A_PERSON[outcome]}", **changes)


async def succeed(run: Run, message: str, changes: Changes = NO_CHANGES, *, reason: str = "Effective") -> None:
    """End well; capacity that the last step added is owed back where the step says so."""
    await run.enter(Phase.SUCCEEDED, reason, message, release=_owed(run), **changes)


async def recovered(run: Run) -> None:
    """The promise is kept again while it was decided what to do next: nothing more is done."""
    left = standing(run.status.operations)
    if not left:
        done = "what was done had been taken back" if _has_acted(run) else "none was made"
        await run.enter(Phase.SUPERSEDED, _ended_as(run), f"The promise is kept again without a further act; {done}.")
    elif run.status.outcome is OutcomeName.NO_CAPACITY and _standing_of_attempt(run):
        had = ", ".join(f"{o.target.name} has {moved[1]}" for o in left if (moved := replicas_moved(o)))
        await succeed(run, f"The promise is kept again with what the cluster could give: {had}.", reason="Recovered")
    else:
        stands = ", ".join(dict.fromkeys(o.step for o in left))
        message = f"The promise is kept again without a further act; what {stands} changed is kept."
        await run.enter(Phase.SUPERSEDED, _ended_as(run), message)


def _ended_as(run: Run) -> str:
    """Why it ended without a further act; that people held it back to the end is told as such."""
    return run.status.reason if run.status.reason in HOLD_REASONS else "Recovered"


def broken_off(run: Run, not_judged: str, not_released: str) -> dict[str, Any]:
    """What a person's decision puts an end to: a verification that runs, and a release that is owed."""
    changes: dict[str, Any] = {}
    verifications, release = run.status.verifications, run.status.release
    if verifications and verifications[-1].outcome is None and verifications[-1].judged_at is None:
        told = {"judged_at": run.now(), "message": clip(not_judged)}
        changes["verifications"] = [*verifications[:-1], verifications[-1].model_copy(update=told)]
    if release is not None and release.state is ReleaseState.WAITING:
        changes["release"] = ReleaseStatus(state=ReleaseState.SUPERSEDED, message=clip(not_released), at=run.now())
    return changes


def _has_acted(run: Run) -> bool:
    return any(o.state is OperationState.APPLIED for o in run.status.operations)


def _owed(run: Run) -> ReleaseStatus | None:
    """Added capacity that the step says is to be taken back."""
    if run.step.release is None or not any(adds_capacity(o) for o in _standing_of_attempt(run)):
        return None
    return ReleaseStatus(
        state=ReleaseState.WAITING,
        message=f"Taken back once the promise has been kept for {run.step.release.after_met}.",
    )


def _standing_of_attempt(run: Run) -> list[Operation]:
    plan = run.plan
    return [o for o in standing(run.status.operations) if (o.step, o.attempt) == (plan.step, plan.attempt)]
