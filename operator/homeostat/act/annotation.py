"""What an annotation tells of an operation that wrote it."""

from collections.abc import Callable

from homeostat.act.preflight import describe, read_same, untouched_since
from homeostat.cluster.managed_fields import others_wrote_object_since
from homeostat.contracts.common import FIELD_MANAGER
from homeostat.contracts.operations import Operation, OperationState
from homeostat.flow.facts import Receipt
from homeostat.flow.ports import Cluster, PlanStaleError
from homeostat.flow.resources import Body


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
    if untouched_since(body, operation):
        return Receipt(OperationState.INTENDED)
    if present != operation.before:
        return Receipt(OperationState.VOID, message=by_others(operation, present))
    if others_wrote_object_since(body, FIELD_MANAGER, operation.recorded_at):
        message = (
            f"{describe(operation.target)} is as before, but was written by someone since the intention, who may have "
            "taken it back; it is decided afresh"
        )
        return Receipt(OperationState.VOID, message=message)
    return Receipt(OperationState.INTENDED)
