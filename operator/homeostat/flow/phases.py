"""Where a record stands: the phase it begins in, whether it is open, and until when guards count it (pure).

On create the API server drops the status, so a crash between the two writes leaves a record without one. It begins
again here and comes to the same phase.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from homeostat.contracts.common import parse_duration
from homeostat.contracts.operations import Authority, Operation, OperationKind, OperationState
from homeostat.contracts.remediation import (
    CLOSED_PHASES,
    CandidateVerdict,
    Phase,
    Remediation,
    RemediationSpec,
    RemediationStatus,
    Times,
)
from homeostat.contracts.remediation_policy import Mode
from homeostat.flow.asking import request
from homeostat.flow.people import acts_are_owed, remarks, undo_requests
from homeostat.flow.wording import clip


def first_status(namespace: str, name: str, spec: RemediationSpec, now: datetime) -> RemediationStatus:
    """Status of a record that was just created."""
    phase, reason, message = _first_phase(namespace, name, spec)
    closed = now if phase in CLOSED_PHASES else None
    return RemediationStatus(
        phase=phase,
        reason=reason,
        message=message,
        plan=spec.plan,
        candidates=spec.candidates,
        times=Times(detected=spec.episode.since, decided=now, closed=closed),
        conditions=[],
    )


def _first_phase(namespace: str, name: str, spec: RemediationSpec) -> tuple[Phase, str, str]:
    plan = spec.plan
    if plan is None:
        blocked = next((c for c in spec.candidates if c.verdict is CandidateVerdict.BLOCKED), None)
        if blocked is not None:
            return Phase.BLOCKED, blocked.reason, blocked.message
        return Phase.BLOCKED, "NothingApplies", f"No step of the policy applies. {spec.diagnosis.summary}"
    level = f" Decided at {spec.autonomy.message}." if spec.autonomy else ""
    if spec.mode is Mode.SHADOW:
        return Phase.RECORDED, "Shadow", f"Shadow: would have done: {plan.description}. Nothing was changed.{level}"
    if plan.authority is Authority.APPROVAL:
        asked = request(name, namespace, plan, spec.terms.approval.approvers, (), "")
        return Phase.AWAITING_APPROVAL, "ApprovalNeeded", clip(f"{asked}{level}")
    return Phase.PLANNED, "Decided", f"About to: {plan.description}."


def counted_until(spec: RemediationSpec, operations: Sequence[Operation], closed: datetime) -> datetime | None:
    """Until when guards by the terms of the record may count its acts; None where surely nothing was done.

    Deleting the record before would make them forget an act.
    """
    acted = any(o.kind is OperationKind.APPLY and o.state is not OperationState.VOID for o in operations)
    if not acted:
        return None
    guards = spec.terms.guardrails
    frequency = parse_duration(guards.frequency.per) if guards.frequency else timedelta()
    return closed + max(parse_duration(guards.cooldown), frequency, parse_duration(guards.flapping.per))


def is_open(record: Remediation) -> bool:
    """Whether something is still to be done for a record: decide, act, verify, undo, release, or answer a person."""
    return acts_are_owed(record) or bool(undo_requests(record) or remarks(record))
