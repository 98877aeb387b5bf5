"""Ending instances without ending the work on them: drained first, one at a time, settled before the next.

Every operation that ends pods passes here right before its effect, whichever action it belongs to.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from homeostat.contracts.common import parse_duration
from homeostat.contracts.operations import Operation, OperationState, SessionCount
from homeostat.contracts.target import Sessions
from homeostat.flow.facts import Reading, Unknown
from homeostat.flow.run import Run
from homeostat.flow.wording import format_span, format_value

_SETTLED = 0.95
"""Share of the registrations held before that must be held again: some expire meanwhile and are renewed later."""

_PATIENCE = timedelta(minutes=10)
"""For an instance without sessions that waits for the one before it to be replaced."""


@dataclass(frozen=True, slots=True)
class Drained:
    """Whether the pods may be ended now: ``awaited`` is empty, or says what is awaited.

    ``operation`` carries the work counted so far; ``is_overdue`` says that the wait has taken too long.
    """

    operation: Operation
    awaited: str = ""
    is_overdue: bool = False


async def may_end(run: Run, operation: Operation, unsettled: str) -> Drained:
    """Whether the pods that an operation ends are drained, and those ended before it have settled.

    ``unsettled`` is what the pods ended before still wait for, empty if nothing.
    """
    sessions = run.target_of(operation).sessions
    if sessions is None:
        return _drained(run, operation, unsettled and f"the instance before: {unsettled}", _PATIENCE)
    patience = parse_duration(sessions.patience)
    counted, working = await _counted(run, operation, sessions)
    if unsettled:
        return _drained(run, counted, f"the instance before: {unsettled}", patience)
    missing = await _missing_registrations(run, counted, sessions)
    if missing:
        return _drained(run, counted, missing, patience)
    return _drained(run, counted, _undrained(counted, working, sessions), patience)


def _drained(run: Run, operation: Operation, awaited: str, patience: timedelta) -> Drained:
    waited = run.now() - _chosen_at(run, operation)
    if awaited and waited > patience:
        return Drained(operation, f"{awaited}; that took longer than {format_span(patience)}", is_overdue=True)
    return Drained(operation, awaited)


def _chosen_at(run: Run, operation: Operation) -> datetime:
    """When it became the next to be ended: when it was recorded, or when the one before was ended."""
    earlier = [
        o.finished_at
        for o in run.operations(operation.kind, OperationState.APPLIED)
        if o.ends and o.finished_at is not None
    ]
    return max([operation.recorded_at, *earlier])


async def _counted(run: Run, operation: Operation, sessions: Sessions) -> tuple[Operation, Reading]:
    working = await _ask(run, sessions.query, operation.ends)
    if working.value is None:
        return operation, working
    present = format_value(working.value)
    known = operation.sessions
    count = (
        SessionCount(before=present, left=present, held=await _held(run, operation, sessions))
        if known is None
        else known.model_copy(update={"left": present})
    )
    return operation.model_copy(update={"sessions": count}), working


async def _held(run: Run, operation: Operation, sessions: Sessions) -> str:
    """Registrations held before the first instance of this act was ended."""
    first = next((o.sessions for o in run.status.operations if o.sessions and o.sessions.held), None)
    if first is not None or sessions.registrations is None:
        return first.held if first else ""
    reading = await _ask_ready(run, operation, sessions.registrations)
    return "" if reading.value is None else format_value(reading.value)


def _undrained(operation: Operation, working: Reading, sessions: Sessions) -> str:
    names = ", ".join(operation.ends)
    if working.value is None:
        return f"{names} to be drained; what is in progress is not known ({working.message or working.unknown})"
    if working.value <= float(sessions.drained):
        return ""
    return f"{names} to be drained ({format_value(working.value)} in progress, at most {sessions.drained} may be)"


async def _missing_registrations(run: Run, operation: Operation, sessions: Sessions) -> str:
    if sessions.registrations is None:
        return ""
    held = operation.sessions.held if operation.sessions else ""
    if not held:
        return "the registrations to be known"
    reading = await _ask_ready(run, operation, sessions.registrations)
    if reading.value is None:
        return f"the registrations to be known ({reading.message or reading.unknown})"
    if reading.value >= _SETTLED * float(held):
        return ""
    return f"the registrations to settle ({format_value(reading.value)} of {held} are held)"


async def _ask_ready(run: Run, operation: Operation, query: str) -> Reading:
    workload = await run.stages.workloads.look(run.namespace, run.target_of(operation))
    return await _ask(run, query, [pod.name for pod in workload.ready_pods])


async def _ask(run: Run, query: str, pods: list[str]) -> Reading:
    source = run.source()
    if source is None:
        return Reading(None, Unknown.SOURCE_DOWN, "there is no telemetry source")
    return await run.stages.observer.ask(source, query, namespace=run.namespace, pods=pods)
