"""AwaitingApproval: until enough people have answered, the request expires, or the need has passed."""

from datetime import timedelta

from homeostat.contracts.decisions import DecisionType
from homeostat.contracts.remediation import Phase
from homeostat.flow.asking import request, still_missing
from homeostat.flow.branches import recovered
from homeostat.flow.people import answering, approvals, missing_approvers, names, rejection, unanswered
from homeostat.flow.redecision import is_needless
from homeostat.flow.run import Run


async def await_approval(run: Run) -> None:
    """Take an answer as it comes; one person's no outweighs every yes."""
    record, rejected = run.stored.record, rejection(run.stored.record)
    left = run.plan.valid_until - run.now() if run.plan.valid_until else run.stages.settings.reread_every
    if rejected is not None:
        told = f"Rejected by {rejected.by}: {rejected.reason}."
        await run.enter(Phase.REJECTED, "Rejected", told, answered=answering(record, [rejected], run.now()))
    elif not missing_approvers(record):
        await _take_approval(run)
    elif left <= timedelta():
        await _expire(run)
    elif is_needless(run):
        await recovered(run)
    elif unanswered(record, DecisionType.APPROVE):
        await _ask_the_others(run)
    else:
        await run.wait_for_person(min(left, run.stages.settings.reread_every))
        await run.reread()


async def _take_approval(run: Run) -> None:
    record, given = run.stored.record, approvals(run.stored.record)
    reasons = "; ".join(d.reason for d in given if d.reason)
    message = f"Approved by {names([d.by for d in given])}{f': {reasons}' if reasons else ''}."
    answered, times = answering(record, given, run.now()), run.with_times(approved=run.now())
    await run.enter(Phase.PLANNED, "Approved", message, times=times, answered=answered)


async def _ask_the_others(run: Run) -> None:
    """Say who has approved and how many more it takes; the request stands as long as it did."""
    record, by = run.stored.record, [d.by for d in approvals(run.stored.record)]
    message = request(run.stored.name, run.namespace, run.plan, run.spec.terms.approval.approvers, by, "")
    answered = answering(record, unanswered(record, DecisionType.APPROVE), run.now())
    await run.enter(Phase.AWAITING_APPROVAL, "ApprovalNeeded", message, answered=answered)


async def _expire(run: Run) -> None:
    by = [d.by for d in approvals(run.stored.record)]
    lacking = f"Too few people answered in time. {still_missing(run.spec.terms.approval.approvers, by)}"
    message, reason = (lacking, "ApprovalsMissing") if by else ("Nobody answered in time.", "NobodyAnswered")
    await run.enter(Phase.EXPIRED, reason, f"{message} Nothing was done. It was: {run.plan.description}.")
