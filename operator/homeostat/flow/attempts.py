"""What was tried, and when it may be tried again: read from the record alone, so that a restart knows it (pure).

A run of a step is made of tries: those that could not be made leave Void operations and change nothing; the last one
acts. Each try has an attempt number of its own, so that no operation id comes twice.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from homeostat.contracts.common import parse_duration
from homeostat.contracts.operations import MOST_OPERATIONS, Operation, OperationKind, OperationState
from homeostat.contracts.remediation import RemediationStatus
from homeostat.contracts.steps import Follow, Retries, Step
from homeostat.contracts.verification import OutcomeName, VerificationResult

GIVEN_UP = "Not done: "
"""Begins the message of an operation that was given up before it was tried: a guard or a person came first."""

MOST_VERIFICATIONS = 16
_OPERATIONS_OF_A_RUN = 16
"""An act, its undo and a release with its marks."""


def has_room(status: RemediationStatus, planned: int = 0) -> bool:
    """Whether the record can still hold all that one more run may add: so many planned operations, and their undo."""
    wanted = max(_OPERATIONS_OF_A_RUN, 2 * planned)
    return len(status.verifications) < MOST_VERIFICATIONS and len(status.operations) + wanted <= MOST_OPERATIONS


def lacks_room_for(known: Sequence[Operation], further: Sequence[Operation]) -> str:
    """Why a record that has operations cannot hold some more, as a clause; empty where it can.

    One that was given up before it was tried makes room for another of the same id.
    """
    ids = {o.id for o in (*known, *further)}
    if len(ids) <= MOST_OPERATIONS:
        return ""
    return f"that takes {len(further)} operations, and the record, which holds {MOST_OPERATIONS}, has {len(known)}"


def is_given_up(operation: Operation) -> bool:
    """Whether an operation was given up before it was tried."""
    return operation.state is OperationState.VOID and operation.message.startswith(GIVEN_UP)


def runs(status: RemediationStatus) -> Mapping[str, int]:
    """How often each step really ran in this episode: tries that could not be made do not count."""
    made = {
        (o.step, o.attempt)
        for o in status.operations
        if o.kind is OperationKind.APPLY and o.state is not OperationState.VOID
    }
    return Counter(step for step, _ in made)


def next_attempt(status: RemediationStatus, step: str) -> int:
    """Number of the next try of a step."""
    return 1 + max((o.attempt for o in status.operations if o.step == step), default=0)


def last_ended(status: RemediationStatus) -> VerificationResult | None:
    """The run that ended last; None if none has."""
    return next((v for v in reversed(status.verifications) if v.outcome is not None), None)


def may_run_again(ended: VerificationResult | None) -> bool:
    """Whether the step that ran last may run once more, within its repeat limit."""
    return ended is None or ended.outcome is OutcomeName.INEFFECTIVE


def goes_on_after_success(status: RemediationStatus, steps: Sequence[Step]) -> bool:
    """Whether the last run helped, and the policy wants what follows it all the same."""
    ended = last_ended(status)
    if ended is None or ended.outcome is not OutcomeName.EFFECTIVE:
        return False
    return any(s.name == ended.step and s.then.effective is Follow.NEXT for s in steps)


def has_later(status: RemediationStatus, steps: Sequence[Step], step: Step, outcome: OutcomeName) -> bool:
    """Whether anything may follow a step that ended: it once more, or one after it."""
    again = outcome is OutcomeName.INEFFECTIVE and runs(status).get(step.name, 0) < step.repeat.limit
    return again or steps[-1].name != step.name


def failed_tries(status: RemediationStatus, step: str, before: int) -> tuple[tuple[Operation, ...], ...]:
    """The tries of a run that could not be made, oldest first: those just before an attempt, back to the last run.

    What was given up without a try does not count.
    """
    return tuple(reversed(tuple(_failed_backwards(status, step, before))))


def _failed_backwards(status: RemediationStatus, step: str, before: int) -> Iterator[tuple[Operation, ...]]:
    acts = [o for o in status.operations if o.kind is OperationKind.APPLY and o.step == step and o.attempt < before]
    ended = {v.attempt for v in status.verifications if v.step == step and v.outcome is not None}
    for attempt in sorted({o.attempt for o in acts}, reverse=True):
        tried = tuple(o for o in acts if o.attempt == attempt)
        if attempt in ended or any(o.state is OperationState.APPLIED for o in tried):
            return
        if any(could_not_be_made(o) for o in tried):
            yield tried


def could_not_be_made(operation: Operation) -> bool:
    """Whether an operation was tried and the cluster did not take it."""
    return operation.state is OperationState.VOID and not is_given_up(operation)


def retry_wait(retries: Retries, tries: int, seed: str) -> timedelta:
    """Wait after so many failed tries: doubled each time, and cut by up to a half, so that two do not keep step.

    The cut is drawn from a digest of the seed, so that it is the same after a restart.
    """
    whole: timedelta = parse_duration(retries.backoff) * int(2 ** max(0, tries - 1))
    drawn = int.from_bytes(hashlib.sha256(f"{seed}/{tries}".encode()).digest()[:4]) / 2**32
    return whole * (1 - drawn / 2)


def try_again_at(status: RemediationStatus, step: Step, attempt: int, seed: str) -> datetime | None:
    """When an attempt may be made; None where no try of its run has failed before it."""
    failed = failed_tries(status, step.name, attempt)
    if not failed:
        return None
    ended = max(o.finished_at or o.recorded_at for o in failed[-1])
    return ended + retry_wait(step.retries, len(failed), seed)


def timed_out_at(status: RemediationStatus, step: Step, attempt: int, begun: datetime) -> datetime | None:
    """When the step's timeout ends the run of an attempt that was begun then; None where the step has no timeout."""
    if step.timeout is None:
        return None
    tried = [o.recorded_at for failed in failed_tries(status, step.name, attempt) for o in failed]
    return min([begun, *tried]) + parse_duration(step.timeout)
