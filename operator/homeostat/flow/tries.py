"""The tries of a run: an act that could not be made is made again after a wait, until the step allows no more."""

from datetime import timedelta

from homeostat.contracts.operations import OperationKind, OperationState
from homeostat.contracts.remediation import Phase
from homeostat.contracts.verification import OutcomeName, VerificationResult
from homeostat.flow.attempts import could_not_be_made, failed_tries, retry_wait, timed_out_at, try_again_at
from homeostat.flow.branches import follow
from homeostat.flow.execution import void_the_rest
from homeostat.flow.run import Run
from homeostat.flow.verification import start_verification
from homeostat.flow.wording import clip
from homeostat.record.kubectl import to_type


async def is_between_tries(run: Run) -> bool:
    """Wait until a try that could not be made may be made again; the run fails where its timeout comes first."""
    at = try_again_at(run.status, run.step, run.plan.attempt, run.stored.uid)
    if at is None:
        return False
    ends = timed_out_at(run.status, run.step, run.plan.attempt, run.now())
    if ends is not None and max(at, run.now()) >= ends:
        message = f"The act could not be made within {run.step.timeout}: {_last_refusal(run)}"
        await _fail(run, run.plan.attempt - 1, message)
        return True
    if run.now() < at:
        await run.wait(at - run.now())
        return True
    return False


async def is_timed_out(run: Run) -> bool:
    """Give up what is still only intended where the step's timeout is over; whether it is."""
    intended = run.operations(OperationKind.APPLY, OperationState.INTENDED)
    begun = min((o.recorded_at for o in intended), default=run.now())
    ends = timed_out_at(run.status, run.step, run.plan.attempt, begun)
    if ends is None or run.now() < ends:
        return False
    await void_the_rest(run, OperationKind.APPLY, f"its time of {run.step.timeout} was over")
    if not await _is_half_done(run, run.status.message):
        message = f"The act could not be made within {run.step.timeout}: {run.status.message}"
        await _fail(run, run.plan.attempt, message)
    return True


async def _is_half_done(run: Run, why: str) -> bool:
    """Call a person where part of the act was done, and the rest cannot be; say which part, and how to do the rest."""
    done = run.operations(OperationKind.APPLY, OperationState.APPLIED)
    if not done:
        return False
    rest = run.operations(OperationKind.APPLY, OperationState.VOID)
    by_hand = to_type(run.namespace, rest, run.spec)
    message = (
        f"{len(done)} of {len(done) + len(rest)} operations were done ({run.plan.description}), then it could not go "
        f"on: {why} A person must look. To do the rest, where it is still wanted: {by_hand}"
    )
    await run.enter(Phase.ESCALATED, "HalfDone", message)
    return True


async def try_again_or_fail(run: Run) -> None:
    """The act could not be made: it is tried again as the step allows, unless part of it was made."""
    refusal = _last_refusal(run)
    if await _is_half_done(run, refusal):
        return
    tries = len(failed_tries(run.status, run.plan.step, run.plan.attempt + 1))
    if tries > run.step.retries.limit:
        await _fail(
            run, run.plan.attempt, f"The act could not be made in {tries} {'try' if tries == 1 else 'tries'}: {refusal}"
        )
        return
    wait = retry_wait(run.step.retries, tries, run.stored.uid)
    await run.enter(
        Phase.PLANNED,
        "TryingAgain",
        f"The act could not be made: {refusal} Tried again in {_seconds(wait)}.",
        plan=run.plan.model_copy(update={"attempt": run.plan.attempt + 1}),
        verifications=[v for v in run.status.verifications if not _is_of(v, run)],
    )


async def _fail(run: Run, attempt: int, message: str) -> None:
    """End the run as Failed with its last try, and go on as the step says for that."""
    known = [v for v in run.status.verifications if (v.step, v.attempt) != (run.plan.step, attempt)]
    changes = {"attempt": attempt, "outcome": OutcomeName.FAILED, "judged_at": run.now(), "message": clip(message)}
    failed = start_verification(run, ()).model_copy(update=changes)
    await follow(run, OutcomeName.FAILED, message, {"verifications": [*known, failed]})
    run.stages.metrics.outcome(OutcomeName.FAILED)


def _last_refusal(run: Run) -> str:
    refused = [o for o in run.status.operations if o.kind is OperationKind.APPLY and could_not_be_made(o)]
    return refused[-1].message if refused else "it was not accepted."


def _seconds(wait: timedelta) -> str:
    return f"{wait.total_seconds():.1f} s"


def _is_of(result: VerificationResult, run: Run) -> bool:
    return (result.step, result.attempt) == (run.plan.step, run.plan.attempt)
