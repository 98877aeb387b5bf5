"""An annotation of an object that an operation writes, and what it tells of the operation."""

from collections.abc import Awaitable, Callable

from homeostat.act.preflight import describe, read_same, untouched_since, version_of
from homeostat.act.send import Write, patching, send
from homeostat.cluster.managed_fields import others_wrote_object_since
from homeostat.contracts.common import FIELD_MANAGER
from homeostat.contracts.operations import Operation, OperationState
from homeostat.flow.facts import Receipt
from homeostat.flow.ports import Cluster, PlanStaleError
from homeostat.flow.resources import Body


def annotation_of(operation: Operation) -> str:
    """The annotation that an operation writes."""
    return operation.field.removeprefix("metadata.annotations[").removesuffix("]")


def annotated(body: Body, annotation: str) -> str:
    """Its value; empty where there is none."""
    return str((body["metadata"].get("annotations") or {}).get(annotation, ""))


async def write_annotation(
    cluster: Cluster,
    namespace: str,
    operation: Operation,
    by_others: Callable[[Operation, str], str],
    look: Callable[[], Awaitable[Receipt]],
) -> Receipt:
    """Give the annotation its intended value, none where that is empty, if the value before still stands.

    ``by_others`` says that someone else's stands; ``look`` tells what became of it where no answer came.
    """
    annotation = annotation_of(operation)

    async def prepare() -> Write | Receipt:
        body = await read_same(cluster, namespace, operation.target)
        present = annotated(body, annotation)
        if present == operation.intended:
            return Receipt(OperationState.APPLIED, message=f"{describe(operation.target)} has it already")
        if present != operation.before:
            raise PlanStaleError(by_others(operation, present))
        change = {"resourceVersion": version_of(body), "annotations": {annotation: operation.intended or None}}
        return patching(cluster, namespace, operation.target, {"metadata": change})

    return await send(operation.target, prepare, look)


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
