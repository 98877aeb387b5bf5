"""Making operations: absolute, Intended, told apart by their ids."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from homeostat.contracts.operations import Operation, OperationAction, OperationKind, OperationState, TargetIdentity

_LONGEST_ID = 64


def operation_id(step: str, attempt: int, kind: OperationKind, number: int) -> str:
    """Unique in a record: step, attempt, kind and number; a step's name that is too long for it ends in a digest."""
    rest = f".{attempt}.{kind.value.lower()}.{number}"
    if len(step) + len(rest) > _LONGEST_ID:
        digest = hashlib.sha256(step.encode()).hexdigest()[:8]
        step = f"{step[: _LONGEST_ID - len(rest) - len(digest) - 1]}-{digest}"
    return step + rest


def intend(
    *,
    step: str,
    attempt: int,
    kind: OperationKind,
    number: int,
    action: OperationAction,
    target: TargetIdentity,
    resource_version: str,
    field: str,
    before: str,
    intended: str,
    at: datetime,
    digest_before: str = "",
    digest_intended: str = "",
    ends: Sequence[str] = (),
) -> Operation:
    """An operation that has not been done yet."""
    return Operation(
        id=operation_id(step, attempt, kind, number),
        step=step,
        attempt=attempt,
        kind=kind,
        action=action,
        target=target,
        resource_version=resource_version,
        field=field,
        before=before,
        intended=intended,
        digest_before=digest_before,
        digest_intended=digest_intended,
        ends=list(ends),
        state=OperationState.INTENDED,
        recorded_at=at,
    )


def opposite(
    operation: Operation,
    kind: OperationKind,
    number: int,
    resource_version: str,
    at: datetime,
    ends: Sequence[str] = (),
) -> Operation:
    """The operation that restores what was before another one."""
    return intend(
        step=operation.step,
        attempt=operation.attempt,
        kind=kind,
        number=number,
        action=operation.action,
        target=operation.target,
        resource_version=resource_version,
        field=operation.field,
        before=operation.intended,
        intended=operation.before,
        digest_before=operation.digest_intended,
        digest_intended=operation.digest_before,
        at=at,
        ends=ends,
    )
