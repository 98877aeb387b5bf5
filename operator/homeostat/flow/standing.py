"""Which acts of a record still stand: done, and neither taken back nor released (pure)."""

from collections.abc import Sequence

from homeostat.contracts.operations import Operation, OperationAction, OperationKind, OperationState

_MAY_HOLD = frozenset({OperationState.INTENDED, OperationState.APPLIED, OperationState.UNKNOWN})
_DONE = frozenset({OperationState.APPLIED})
_ONE_BY_ONE = frozenset({OperationAction.SCALE, OperationAction.PATCH})
_DONE_OR_UNKNOWN = frozenset({OperationState.APPLIED, OperationState.UNKNOWN})


def standing(operations: Sequence[Operation]) -> tuple[Operation, ...]:
    """Acts that stand, in order, each as it stands now; a row of them on one place is one.

    Left out are those that an undo or a release took back, or may have: a second one would undo someone else's.
    """
    return _standing(operations, _DONE)


def may_stand(operations: Sequence[Operation]) -> tuple[Operation, ...]:
    """Acts that stand or may, because it is not known whether they were made."""
    return _standing(operations, _DONE_OR_UNKNOWN)


def as_left_by_undo(operation: Operation, operations: Sequence[Operation]) -> Operation:
    """Added capacity as it is after the part of it for which there was no capacity was taken back."""
    undone = [o for o in _against(operation, operations) if o.kind is OperationKind.UNDO]
    return _after(operation, undone) or operation


def _standing(operations: Sequence[Operation], states: frozenset[OperationState]) -> tuple[Operation, ...]:
    acts = _net([o for o in operations if o.kind is OperationKind.APPLY and o.state in states])
    return tuple(left for act in acts if (left := _after(act, _against(act, operations))) is not None)


def _net(operations: Sequence[Operation]) -> list[Operation]:
    """One operation for each row of them on the same place, such as a size that was lowered one by one."""
    net: dict[tuple[object, ...], Operation] = {}
    for operation in operations:
        place = _place(operation)
        first = net.pop(place, operation)
        net[place] = operation.model_copy(update={"before": first.before, "digest_before": first.digest_before})
    return list(net.values())


def _after(operation: Operation, against: Sequence[Operation]) -> Operation | None:
    """An act as these left it; None where it does not stand any more, or that is not sure."""
    left = operation.intended
    for other in against:
        goes_on = other.action in _ONE_BY_ONE and other.before == left
        if not goes_on or other.state is not OperationState.APPLIED:
            return None
        left = other.intended
    return None if against and left == operation.before else operation.model_copy(update={"intended": left})


def _against(operation: Operation, operations: Sequence[Operation]) -> list[Operation]:
    return [
        o
        for o in operations
        if o.kind is not OperationKind.APPLY and o.state in _MAY_HOLD and _place(o) == _place(operation)
    ]


def _place(operation: Operation) -> tuple[object, ...]:
    return operation.step, operation.attempt, operation.action, operation.target.uid, operation.field
