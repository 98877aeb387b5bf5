"""What an annotation tells of an operation that wrote it."""

from collections.abc import Callable

from homeostat.act.preflight import read_same, untouched_since
from homeostat.contracts.operations import Operation, OperationState
from homeostat.flow.facts import Body, Receipt
from homeostat.flow.ports import Cluster, PlanStaleError


async def told_by_annotation(
    cluster: Cluster,
    namespace: str,
    operation: Operation,
    annotation: Callable[[Body], str],
    by_others: Callable[[Operation, str], str],
) -> Receipt:
    """Whether the operation happened, by the annotation's value; ``by_others`` says that someone else's stands."""
    try:
        body = await read_same(cluster, namespace, operation.target)
    except PlanStaleError as stale:
        return Receipt(OperationState.VOID, message=str(stale))
    present = annotation(body)
    if present == operation.intended:
        return Receipt(OperationState.APPLIED)
    if present == operation.before or untouched_since(body, operation):
        return Receipt(OperationState.INTENDED)
    return Receipt(OperationState.VOID, message=by_others(operation, present))
