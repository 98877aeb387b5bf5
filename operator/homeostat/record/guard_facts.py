"""What the guards need to know of the past, derived from the records alone (pure)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby

from homeostat.contracts.operations import Operation, OperationAction, OperationKind, OperationState
from homeostat.contracts.remediation import CLOSED_PHASES
from homeostat.contracts.verification import VerificationResult
from homeostat.flow.field_changes import changes_of
from homeostat.flow.field_paths import names_paths
from homeostat.flow.past_acts import GuardFacts, Health, PastAct, PastChange, PastEpisode, PromiseRef
from homeostat.flow.resources import StoredRecord

_WRITES_VALUES = frozenset(
    {OperationAction.SCALE, OperationAction.EDIT_CONFIG, OperationAction.PATCH, OperationAction.RESIZE}
)
_MAY_HAVE_HAPPENED = frozenset({OperationState.APPLIED, OperationState.UNKNOWN, OperationState.INTENDED})


class Listing(tuple[StoredRecord, ...]):
    """Records as listed. ``unreadable`` names those that no version of the contract could parse."""

    unreadable: tuple[str, ...] = ()


def of_namespace(records: Listing, namespace: str) -> Listing:
    """Those of a listing of all namespaces that are in one."""
    own = Listing(record for record in records if record.namespace == namespace)
    own.unreadable = tuple(name for name in records.unreadable if name.startswith(f"{namespace}/"))
    return own


def guard_facts(
    records: Sequence[StoredRecord], health: Health | None = None, everywhere: Listing | None = None
) -> GuardFacts:
    """Derive the past acts and episodes of all records; ``health`` is what was counted beside them.

    ``everywhere`` are the records of all namespaces, where they were asked for.

    An act counts from the moment it may have happened: Applied, Unknown, and Intended too, because a crash can leave
    an effect behind an intention. With an unreadable record the facts are not complete, so that the guards deny.
    """
    known = everywhere is not None and not everywhere.unreadable
    return GuardFacts(
        complete=not (isinstance(records, Listing) and records.unreadable),
        acts=_all_acts(records),
        episodes=tuple(map(_episode, records)),
        health=health,
        everywhere=_all_acts(everywhere or ()) if known else None,
    )


def _all_acts(records: Iterable[StoredRecord]) -> tuple[PastAct, ...]:
    return tuple(act for stored in records for act in _acts(stored))


def _episode(stored: StoredRecord) -> PastEpisode:
    spec = stored.record.spec
    return PastEpisode(stored.name, PromiseRef(spec.intent.uid, spec.trigger.expectation), spec.episode.since)


def _acts(stored: StoredRecord) -> Iterator[PastAct]:
    status = stored.record.status
    is_open = status.phase not in CLOSED_PHASES
    applied = [
        operation
        for operation in status.operations
        if operation.kind is OperationKind.APPLY and operation.state in _MAY_HAVE_HAPPENED
    ]
    for (step, attempt), group in groupby(sorted(applied, key=_attempt), key=_attempt):
        operations = list(group)
        verification = next((v for v in status.verifications if (v.step, v.attempt) == (step, attempt)), None)
        settled = _settled_at(verification, _undo_of(step, attempt, status.operations))
        yield PastAct(
            record=stored.name,
            policy=stored.record.spec.policy.name,
            workload_uid=(verification and verification.workload_uid) or operations[0].target.uid,
            step=step,
            attempt=attempt,
            at=min(operation.finished_at or operation.recorded_at for operation in operations),
            settled_at=settled or (None if is_open else status.times.closed),
            outcome=verification.outcome if verification else None,
            open=is_open,
            changes=_changes(operations, status.operations, verification.workload_uid if verification else ""),
            failure_domains=frozenset(verification.failure_domains if verification else ()),
        )


def _changes(applied: Iterable[Operation], every: Sequence[Operation], workload_uid: str) -> tuple[PastChange, ...]:
    """The values that an act surely wrote, each once; what only makes a workload take them up changes none of its own.

    What was written to the pods one by one counts as the workload's, for which it was planned. A pod template that is
    set back is missing here: ``rollback`` refuses a revision that was returned to, and so comes to no second round.
    """
    changes: dict[tuple[str, str], PastChange] = {}
    for change in _values_written(applied, every, workload_uid):
        first = changes.setdefault((change.object_uid, change.path), change)
        changes[change.object_uid, change.path] = replace(change, before=first.before, before_by=first.before_by)
    return tuple(changes.values())


def _values_written(
    applied: Iterable[Operation], every: Sequence[Operation], workload_uid: str
) -> Iterator[PastChange]:
    for operation in applied:
        if operation.state is not OperationState.APPLIED or not _writes_values(operation):
            continue
        taken_back = any(_takes_back(other, operation) for other in every)
        for change in changes_of(operation):
            yield PastChange(
                object_uid=(operation.target.kind == "Pod" and workload_uid) or operation.target.uid,
                path=change.path,
                before=change.before,
                before_by=operation.before_by,
                after=change.after,
                taken_back=taken_back,
            )


def _writes_values(operation: Operation) -> bool:
    """Whether what an operation wrote stands in fields, and so can be set back: an extension says so by their paths."""
    if operation.action is OperationAction.EXTENSION:
        return names_paths(operation.field)
    return operation.action in _WRITES_VALUES


def _takes_back(other: Operation, applied: Operation) -> bool:
    same = (other.step, other.attempt, other.action, other.target.uid, other.field) == (
        applied.step,
        applied.attempt,
        applied.action,
        applied.target.uid,
        applied.field,
    )
    return same and other.kind is not OperationKind.APPLY and other.state in _MAY_HAVE_HAPPENED


def _attempt(operation: Operation) -> tuple[str, int]:
    return operation.step, operation.attempt


def _undo_of(step: str, attempt: int, operations: Iterable[Operation]) -> list[Operation]:
    return [o for o in operations if o.kind is OperationKind.UNDO and (o.step, o.attempt) == (step, attempt)]


def _settled_at(verification: VerificationResult | None, undone: Sequence[Operation]) -> datetime | None:
    """End of the verification, or of the undo that followed it; None while either still runs."""
    if verification is None or verification.judged_at is None:
        return None
    ends = [operation.finished_at for operation in undone]
    if None in ends:
        return None
    return max([verification.judged_at, *(end for end in ends if end is not None)])
