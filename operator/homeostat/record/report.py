"""A decision record as a person reads it: in one line, and in at most 60 (pure)."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from homeostat.contracts.decisions import PersonDecision
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, OperationState
from homeostat.contracts.remediation import CLOSED_PHASES, CandidateVerdict, Phase, Remediation
from homeostat.contracts.remediation_policy import Mode
from homeostat.contracts.verification import OutcomeName, ReleaseState, UndoResult, UndoState, VerificationResult
from homeostat.flow.field_changes import FieldChange, changes_of
from homeostat.flow.people import current_plan, is_taken_over, latest_review
from homeostat.flow.standing import may_stand
from homeostat.flow.wording import clip, format_time, or_absent
from homeostat.record.approval_request import approval_request
from homeostat.record.kubectl import commands

LONGEST_SUMMARY = 240
LONGEST_LINE = 240
MOST_LINES = 60

_CAUSES_SHOWN = 4
_CANDIDATES_SHOWN = 8
_OPERATIONS_SHOWN = 8
_VERIFICATIONS_SHOWN = 4
_BODY_WIDTH = 110
_TELLING = frozenset({OperationAction.RUN_JOB, OperationAction.CALL_HTTP})


def summary(record: Remediation) -> str:
    """The state in one line, feeding a column of ``kubectl get``."""
    status, plan = record.status, current_plan(record)
    act = plan.description if plan else ""
    match status.phase:
        case Phase.RECORDED:
            line = f"would have done: {act}" if act else status.message
        case Phase.AWAITING_APPROVAL:
            until = f" until {format_time(plan.valid_until)}" if plan and plan.valid_until else ""
            line = f"waits for approval{until}: {act}"
        case Phase.PLANNED | Phase.EXECUTING:
            line = act or status.message or "just recorded"
        case Phase.VERIFYING:
            line = f"{act}, verifying"
        case Phase.ROLLING_BACK:
            by = status.undo.requested_by if status.undo else ""
            why = f"asked by {by}" if by else status.outcome or "not helpful"
            line = f"{act}: {why}, taking it back"
        case Phase.SUCCEEDED:
            line = f"{act}: {status.outcome or 'done'}{_release_clause(record)}"
        case _:
            line = status.message or status.reason or act
    return clip(" ".join(line.split()).rstrip("."), LONGEST_SUMMARY)


def _release_clause(record: Remediation) -> str:
    release = record.status.release
    if release is None:
        return ""
    words = {
        ReleaseState.WAITING: "release owed",
        ReleaseState.RELEASED: "released",
        ReleaseState.SUPERSEDED: "release superseded",
    }
    return f", {words[release.state]}"


def report(namespace: str, name: str, record: Remediation) -> list[str]:
    """The whole story: why, what was considered, done, verified and undone, and what a person can do now."""
    lines: list[str] = [*_head(namespace, name, record)]
    for title, body in (
        ("Asks", approval_request(namespace, name, record)),
        ("Why", _why(record)),
        ("Considered", _considered(record)),
        ("Guards", _guards(record)),
        ("Did", _did(namespace, record)),
        ("Verified", _verified(record)),
        ("Undo", _undo(namespace, name, record)),
        ("Release", _release(record)),
        ("Decided by people", _people(record)),
        ("Review", _review(namespace, name, record)),
        ("Owner", _owner(record)),
    ):
        lines += _section(title, body)
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], "(more in the fields of spec and status)"]
    return [clip(line, LONGEST_LINE) for line in lines]


def _section(title: str, body: Iterable[str]) -> list[str]:
    lines = [line for text in body for line in _wrapped(text)]
    return [title, *lines] if lines else []


def _wrapped(text: str) -> list[str]:
    """Indent under the section's title; commands stay whole, so that they can be copied."""
    if "kubectl " in text or text.strip().startswith("curl ") or text.startswith("'["):
        return [f"  {text}"]
    return textwrap.wrap(
        text, _BODY_WIDTH, initial_indent="  ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )


def _at(label: str, moment: datetime | None) -> str:
    return f"{label} {format_time(moment)}" if moment else ""


def _head(namespace: str, name: str, record: Remediation) -> Iterator[str]:
    spec, status, times = record.spec, record.status, record.status.times
    yield f"Name:    {name}   Namespace: {namespace}"
    yield f"Intent:  {spec.intent.name}   Policy: {spec.policy.name} ({spec.policy.hash[:12]})   Mode: {spec.mode}"
    moments = (
        _at("Detected", times.detected),
        _at("Acted", times.acted),
        _at("In force", times.in_force),
        _at("Recovered", times.recovered),
        _at("Verified", times.verified),
        _at("Closed", times.closed),
    )
    outcome = f"   Outcome: {status.outcome}" if status.outcome else ""
    reason = f" ({status.reason})" if status.reason and status.reason != status.outcome else ""
    yield f"Phase:   {status.phase}{reason}{outcome}"
    known = "  ".join(moment for moment in moments if moment)
    if known:
        yield f"Times:   {times.detected:%Y-%m-%d} UTC  {known}" if times.detected else f"Times:   {known}"
    yield from textwrap.wrap(
        status.message, _BODY_WIDTH, initial_indent="State:   ", subsequent_indent="         ", break_long_words=False
    )


def _why(record: Remediation) -> Iterator[str]:
    spec = record.spec
    yield spec.why or f"{spec.trigger.expectation} was violated (trigger {spec.trigger.name})."
    if spec.diagnosis.summary:
        yield spec.diagnosis.summary
    for cause in spec.diagnosis.causes[1:_CAUSES_SHOWN]:
        mark = "supported" if cause.supported else "not supported"
        yield f"{cause.name} ({cause.score}, {mark}){f': {cause.message}' if cause.message else ''}"


def _considered(record: Remediation) -> Iterator[str]:
    candidates = record.status.candidates or record.spec.candidates
    width = max((len(candidate.step) for candidate in candidates), default=0)
    words = {
        CandidateVerdict.CHOSEN: "chosen",
        CandidateVerdict.NOT_APPLICABLE: "not applicable",
        CandidateVerdict.BLOCKED: "blocked",
        CandidateVerdict.NOT_NEEDED: "not needed",
    }
    for candidate in candidates[:_CANDIDATES_SHOWN]:
        why = ": ".join(part for part in (candidate.reason, candidate.message) if part)
        yield f"{candidate.step:<{width}}  {words[candidate.verdict]}{f' ({why})' if why else ''}"
    if len(candidates) > _CANDIDATES_SHOWN:
        yield f"and {len(candidates) - _CANDIDATES_SHOWN} more in status.candidates"


def _guards(record: Remediation) -> Iterator[str]:
    verdicts = record.status.guards
    if verdicts:
        yield " | ".join(
            f"{guard.name} {guard.verdict}{f' ({guard.message})' if guard.message else ''}" for guard in verdicts
        )


def _did(namespace: str, record: Remediation) -> Iterator[str]:
    operations = record.status.operations
    if not operations and record.spec.mode is Mode.SHADOW:
        yield "Nothing: the policy is in Shadow."
        return
    shown = operations[-_OPERATIONS_SHOWN:]
    if len(operations) > len(shown):
        yield f"{len(operations) - len(shown)} earlier operations are in status.operations."
    for operation in shown:
        yield _operation_line(operation)
        yield f"  {commands(namespace, operation, record.spec).do}"
        yield from _sessions(operation)
        if operation.action in _TELLING and operation.state is OperationState.APPLIED:
            yield operation.message or "its result is not known yet"


def _sessions(operation: Operation) -> Iterator[str]:
    count = operation.sessions
    if count is None:
        return
    drained = float(count.before) - float(count.left or count.before)
    left = (
        f", {count.left} in progress when it ended (at most so many were lost)"
        if float(count.left or 0)
        else ", none lost"
    )
    lost = left if operation.finished_at else ""
    held = f"; {count.held} registrations were held" if count.held else ""
    yield f"  sessions on {', '.join(operation.ends)}: {count.before} before, {max(0.0, drained):g} drained{lost}{held}"


def _operation_line(operation: Operation) -> str:
    moment = f"{operation.finished_at or operation.recorded_at:%H:%M:%S.%f}"[:-3]
    changes = ", ".join(_change(change) for change in changes_of(operation))
    version = f" (was resourceVersion {operation.resource_version})" if operation.resource_version else ""
    state = "" if operation.state is OperationState.APPLIED else f" [{operation.state}: {operation.message}]"
    what = f"{operation.kind} {operation.action} {operation.target.kind}/{operation.target.name}"
    return f"{moment}  {what}{changes and f' {changes}'}{version}{state}"


def _change(change: FieldChange) -> str:
    path = "" if change.path == "spec.replicas" else change.path
    values = f"{or_absent(change.before)} -> {or_absent(change.after)}" if change.before or change.after else ""
    return f"{path} {values}".strip()


def _verified(record: Remediation) -> Iterator[str]:
    for result in record.status.verifications[-_VERIFICATIONS_SHOWN:]:
        yield from _verification_lines(result)


def _verification_lines(result: VerificationResult) -> Iterator[str]:
    if result.in_force_at:
        yield f"{format_time(result.in_force_at)}  {result.step} {result.attempt}: in force"
    if result.outcome is None:
        state = result.message if result.judged_at else "being verified"
        yield f"{format_time(result.judged_at or result.started_at)}  {result.step} {result.attempt}: {state}"
        return
    judged = format_time(result.judged_at) if result.judged_at else "-"
    yield f"{judged}  {result.step} {result.attempt}: {result.outcome}. {result.message}".strip()
    if result.planned_work:
        yield f"Left out of scores: {result.planned_work}."
    if result.outcome is OutcomeName.INCONCLUSIVE:
        yield "Inconclusive is not success: look at the telemetry."


def _undo(namespace: str, name: str, record: Remediation) -> Iterator[str]:
    """What became of the last undo, and what would take back what still stands, last first."""
    if record.status.undo is not None:
        yield _last_undo(record.status.undo)
    left = list(reversed(may_stand(record.status.operations)))
    if not left and any(o.kind is not OperationKind.APPLY for o in record.status.operations):
        yield "done: nothing of it stands any more."
    backwards = [(operation, commands(namespace, operation, record.spec).undo) for operation in left]
    may_ask = record.status.phase is not Phase.ROLLING_BACK and not is_taken_over(record)
    if may_ask and any(command for _, command in backwards):
        yield f"kubectl homeostat undo {name} -n {namespace} --reason WHY   # takes back all of this, and verifies it"
    for operation, command in backwards[:_OPERATIONS_SHOWN]:
        yield command or f"{operation.action} of {operation.target.name} leaves nothing to take back."


def _last_undo(undo: UndoResult) -> str:
    moment = format_time(undo.ended_at or undo.in_force_at or undo.began_at)
    asked = f", asked by {undo.requested_by}" if undo.requested_by else ""
    reason = f" ({undo.reason})" if undo.reason else ""
    if undo.state is UndoState.RUNNING:
        watched = "in force, being watched" if undo.in_force_at else "being taken back"
        return f"{moment}  {watched}{asked}{reason}"
    return f"{moment}  {undo.state}{asked}{reason}: {undo.message}"


def _release(record: Remediation) -> Iterator[str]:
    release = record.status.release
    if release is not None:
        moment = f"{format_time(release.at)}  " if release.at else ""
        yield f"{moment}{release.state}: {release.message}"


def _people(record: Remediation) -> Iterator[str]:
    taken_up = {answer.id: answer.at for answer in record.status.answered}
    for decision in record.spec.decisions:
        moment = f"{format_time(taken_up[decision.id])}  " if decision.id in taken_up else ""
        yield f"{moment}{_decision(decision)}"


def _decision(decision: PersonDecision) -> str:
    verdict = f": {decision.verdict}" if decision.verdict else ""
    why = decision.reason or decision.note
    return f"{decision.type}{verdict} by {decision.by}{f': {why}' if why else ''}"


def _review(namespace: str, name: str, record: Remediation) -> Iterator[str]:
    review = latest_review(record)
    if review is not None:
        yield f"{review.verdict}, by {review.by}{f': {review.note}' if review.note else ''}"
    elif record.status.phase in CLOSED_PHASES:
        yield f"kubectl homeostat review {name} -n {namespace} --verdict right|wrong|unneeded --note WHAT-WAS-LEARNED"


def _owner(record: Remediation) -> Sequence[str]:
    owner = record.spec.owner
    if owner is None:
        return ()
    more = ", ".join(part for part in (owner.assignment_group, owner.service) if part)
    return (f"{owner.team}{f' ({more})' if more else ''}",)
