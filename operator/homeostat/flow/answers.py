"""What follows what people decide: a person's decision comes before anything that the operator would do next."""

from collections.abc import Iterator, Sequence

from homeostat.contracts.decisions import DecisionType, PersonDecision
from homeostat.contracts.operations import Operation, OperationState
from homeostat.contracts.remediation import CLOSED_PHASES, Phase
from homeostat.contracts.verification import ReleaseState, UndoResult, UndoState
from homeostat.flow.branches import broken_off
from homeostat.flow.execution import settle_intentions
from homeostat.flow.people import answering, ending_decision, remarks, unanswered, undo_requests
from homeostat.flow.run import Run
from homeostat.flow.standing import may_stand
from homeostat.flow.undo import answer_undo, may_answer
from homeostat.flow.wording import clip
from homeostat.record.kubectl import commands

_MOST_NAMED = 3


async def answer_people(run: Run) -> bool:
    """Do what people have decided since the record was last written; whether there was anything."""
    record = run.stored.record
    ending, remarked = ending_decision(record), remarks(record)
    if ending is not None:
        await _end(run, ending)
    elif remarked:
        await _note(run, remarked)
    elif undo_requests(record) and may_answer(run):
        await answer_undo(run)
    else:
        return False
    return True


async def _end(run: Run, decision: PersonDecision) -> None:
    """Do nothing more for the record: what was intended is given up, what was done stays, and it is said how it stands.

    A closed record keeps the phase that it ended in; only the release that it owed is given up.
    """
    await settle_intentions(run)
    takes_over, by = decision.type is DecisionType.TAKE_OVER, decision.by
    verb = "took it over" if takes_over else "cancelled it"
    ended = broken_off(run, f"Not judged: {by} {verb}.", f"Not taken back: {by} {verb}.")
    ended["undo"] = _broken_off(run, run.status.undo, f"Broken off: {by} {verb}.")
    dropped = unanswered(run.stored.record, DecisionType.CANCEL, DecisionType.TAKE_OVER, DecisionType.UNDO)
    ended["answered"] = answering(run.stored.record, dropped, run.now())
    message = " ".join(_told(run, decision, dropped))
    if run.status.phase in CLOSED_PHASES:
        await run.write(message=clip(message), **ended)
        run.announce_release(ReleaseState.SUPERSEDED, message)
    elif takes_over:
        await run.enter(Phase.TAKEN_OVER, "TakenOver", message, **ended)
    else:
        await run.enter(Phase.CANCELLED, "CancelRequested", message, **ended)


def _broken_off(run: Run, undo: UndoResult | None, message: str) -> UndoResult | None:
    if undo is None or undo.state is not UndoState.RUNNING:
        return undo
    return undo.model_copy(update={"state": UndoState.FAILED, "ended_at": run.now(), "message": clip(message)})


def _told(run: Run, decision: PersonDecision, dropped: Sequence[PersonDecision]) -> Iterator[str]:
    takes_over = decision.type is DecisionType.TAKE_OVER
    yield f"{'Taken over' if takes_over else 'Cancelled'} by {decision.by}: {decision.reason}."
    if takes_over:
        yield "Homeostat does nothing more in this episode, and takes nothing back."
    else:
        yield "Nothing further is done."
    yield from (f"The undo that {d.by} asked for was not begun." for d in dropped if d.type is DecisionType.UNDO)
    left = may_stand(run.status.operations)
    if not left:
        yield "Nothing of it stands."
        return
    yield f"Still in place: {_listed([_worded(o) for o in left])}."
    back = [command for o in reversed(left) if (command := commands(run.namespace, o, run.spec).undo)]
    if not takes_over:
        back = [f"kubectl homeostat undo {run.stored.name} -n {run.namespace} --reason WHY"]
    yield f"To take it back: {'; '.join(back[:_MOST_NAMED])}." if back else "It cannot be taken back."
    if any(o.state is OperationState.UNKNOWN for o in left):
        yield "What is not known to have happened must be looked at."


def _listed(parts: Sequence[str]) -> str:
    more = f"; and {len(parts) - _MOST_NAMED} more in the record" if len(parts) > _MOST_NAMED else ""
    return f"{'; '.join(parts[:_MOST_NAMED])}{more}"


def _worded(operation: Operation) -> str:
    change = f" {operation.before} -> {operation.intended}" if operation.before else ""
    doubt = " (not known whether it happened)" if operation.state is OperationState.UNKNOWN else ""
    return f"{operation.action} of {operation.target.kind}/{operation.target.name}{change}{doubt}"


async def _note(run: Run, remarked: Sequence[PersonDecision]) -> None:
    """Keep who has seen it and what people think of it, and say so in Events; nothing else changes."""
    seen = [d for d in remarked if d.type is DecisionType.ACKNOWLEDGE]
    known = run.status.acknowledged_by
    by = [*known, *(name for name in dict.fromkeys(d.by for d in seen) if name not in known)]
    await run.write(answered=answering(run.stored.record, remarked, run.now()), acknowledged_by=by)
    for decision in remarked:
        if decision.type is DecisionType.ACKNOWLEDGE:
            reason = f": {decision.reason}" if decision.reason else ""
            run.announce_remark("Acknowledged", f"{decision.by} has seen it{reason}.")
        else:
            note = f": {decision.note}" if decision.note else ""
            run.announce_remark("Reviewed", f"{decision.by} calls it {decision.verdict}{note}.")
    if run.status.phase is Phase.VERIFYING:
        await run.wait()  # an act is judged once per look
