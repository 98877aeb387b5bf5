"""The resize effect: a container's CPU and memory, in one running pod or in a workload's pod template.

A merge patch replaces lists, so all containers go in it as they were read, under the resourceVersion of that read:
nobody's field is lost. In a pod the patch goes to its resize subresource, which takes nothing but resources.
"""

from datetime import datetime
from functools import partial

from homeostat.act.container_resources import ContainerField, Values, has, read, spelled, stated
from homeostat.act.in_force import NO_CAPACITY, rollout_awaited
from homeostat.act.operations import opposite
from homeostat.act.preflight import describe, read_same, untouched_since, version_of
from homeostat.act.refusals import RefusedError
from homeostat.act.restart import cannot_restart
from homeostat.act.rollout_ends import ended_by_rollout
from homeostat.act.send import Write, patching, send
from homeostat.cluster.managed_fields import holders, last_writer
from homeostat.contracts.common import FIELD_MANAGER
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, OperationState
from homeostat.contracts.target import Target
from homeostat.flow.facts import Receipt
from homeostat.flow.field_paths import Place
from homeostat.flow.ports import Cluster, PlanStaleError
from homeostat.flow.resources import Body

SUBRESOURCE = "resize"


class ResizeEffect:
    """Sets a container's CPU and memory."""

    action = OperationAction.RESIZE

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def apply(self, namespace: str, operation: Operation, target: Target) -> Receipt:
        """Set the intended values if those before still stand."""
        field, subresource = ContainerField.parse(operation.field), _subresource(operation)

        async def prepare() -> Write | Receipt:
            body = await read_same(self._cluster, namespace, operation.target)
            present = _present(body, field, operation)
            if has(present, read(operation.intended)):
                return _judged(body, field, operation)
            if not has(present, read(operation.before)):
                raise PlanStaleError(f"{_subject(operation)} states {spelled(present)}, not {operation.before}")
            obstacle = cannot_restart(body) if field.in_template else ""
            if obstacle:
                raise PlanStaleError(obstacle)
            change = field.patch(body, read(operation.intended))
            patch = {"metadata": {"resourceVersion": version_of(body)}, **change}
            return patching(self._cluster, namespace, operation.target, patch, subresource)

        look = partial(self.happened, namespace, operation, target)
        return await send(operation.target, prepare, look, subresource=subresource)

    async def happened(self, namespace: str, operation: Operation, target: Target) -> Receipt:  # noqa: ARG002 - the signature is the port's
        """Ours, if the values are as intended and our field manager holds them."""
        try:
            body = await read_same(self._cluster, namespace, operation.target)
            return _judged(body, ContainerField.parse(operation.field), operation)
        except PlanStaleError as stale:
            return Receipt(OperationState.VOID, message=str(stale))

    async def in_force(self, namespace: str, operation: Operation, target: Target) -> str:  # noqa: ARG002 - the signature is the port's
        """Empty once the container runs with the values, or its pod is gone; a template, once it is rolled out.

        ``NoCapacity:`` where the node can never give them.
        """
        field = ContainerField.parse(operation.field)
        try:
            body = await read_same(self._cluster, namespace, operation.target)
            present = _present(body, field, operation)
        except PlanStaleError as stale:
            return str(stale) if field.in_template else ""
        if not has(present, read(operation.intended)):
            return f"{operation.intended} in {_subject(operation)}; someone set {spelled(present)} since"
        if field.in_template:
            return await rollout_awaited(self._cluster, namespace, body)
        return pod_awaited(body, field.container, read(operation.intended))

    async def reverse(
        self,
        namespace: str,
        operation: Operation,
        target: Target,
        kind: OperationKind,
        number: int,
        at: datetime,
    ) -> Operation | None:
        """Back to the values before, if ours still stand; None for a pod that is gone.

        Raises:
            PlanStaleError: someone else set them since, or the workload is another one.
        """
        if operation.before == operation.intended:
            return None
        field = ContainerField.parse(operation.field)
        try:
            body = await read_same(self._cluster, namespace, operation.target)
        except PlanStaleError:
            if field.in_template:
                raise
            return None
        present = _present(body, field, operation)
        if not has(present, read(operation.intended)) or not _is_ours(body, field, operation):
            raise PlanStaleError(
                f"{_subject(operation)} states {spelled(present)} and Homeostat set {operation.intended}: someone "
                "else decided since, and it is left alone"
            )
        try:
            ends = await ended_by_rollout(self._cluster, namespace, body, target) if field.in_template else ()
        except RefusedError as refused:
            raise PlanStaleError(str(refused)) from refused
        return opposite(operation, kind, number, version_of(body), at, ends)


def pod_awaited(pod: Body, container: str, values: Values) -> str:
    """What is awaited until a container runs with the values that its pod states; empty if nothing.

    Source: Kubernetes, "Resize CPU and Memory Resources assigned to Containers", pod resize status.
    """
    name, status = f"Pod/{pod['metadata']['name']}", pod.get("status") or {}
    conditions = {c["type"]: c for c in status.get("conditions") or () if c.get("status") == "True"}
    pending = conditions.get("PodResizePending")
    if pending is not None and pending.get("reason") == "Infeasible":
        return f"{NO_CAPACITY}the node of {name} can never give it: {pending.get('message', '')}"
    if pending is not None:
        return f"room on the node of {name} ({pending.get('message') or pending.get('reason')})"
    running = next((s.get("resources") for s in status.get("containerStatuses") or () if s["name"] == container), None)
    if "PodResizeInProgress" not in conditions and has(stated(running), values):
        return ""
    error = conditions.get("PodResizeInProgress", {}).get("message", "")
    return f"{container} of {name} to run with {spelled(values)}{f' ({error})' if error else ''}"


def _subresource(operation: Operation) -> str:
    return SUBRESOURCE if operation.target.kind == "Pod" else ""


def _subject(operation: Operation) -> str:
    return f"{operation.field} of {describe(operation.target)}"


def _present(body: Body, field: ContainerField, operation: Operation) -> Values:
    present = field.values(body)
    if present is None:
        raise PlanStaleError(f"{describe(operation.target)} no longer has the container {field.container}")
    return present


def _judged(body: Body, field: ContainerField, operation: Operation) -> Receipt:
    """What became of an operation, by its target as it is."""
    present, subject = _present(body, field, operation), _subject(operation)
    if has(present, read(operation.intended)) and _is_ours(body, field, operation):
        return Receipt(OperationState.APPLIED, message=f"{subject} states {operation.intended}, set by Homeostat")
    if has(present, read(operation.before)):
        by = "" if untouched_since(body, operation) else _rewritten_by(body, field, operation)
        if not by:
            return Receipt(OperationState.INTENDED, message=f"{subject} still states {operation.before}")
        return Receipt(
            OperationState.VOID,
            message=f"{subject} states {operation.before}, but was written by {by} since the intention; "
            "it is decided afresh",
        )
    return Receipt(
        OperationState.UNKNOWN,
        message=f"{subject} states {spelled(present)}; who set it cannot be told. Intended was "
        f"{operation.intended}, before was {operation.before}.",
    )


def _places(body: Body, field: ContainerField, operation: Operation) -> tuple[Place, ...]:
    names = [container["name"] for container in field.containers(body)]
    resources: Place = (*field.way, names.index(field.container), "resources")
    return tuple((*resources, *place.split(".")) for place in read(operation.intended))


def _is_ours(body: Body, field: ContainerField, operation: Operation) -> bool:
    places = _places(body, field, operation)
    return all(any(write.manager == FIELD_MANAGER for write in holders(body, place)) for place in places)


def _rewritten_by(body: Body, field: ContainerField, operation: Operation) -> str:
    """Who may have written one of the values since the intention; empty if surely nobody did."""
    last = (last_writer(body, place) for place in _places(body, field, operation))
    return next((w.manager or "someone" for w in last if w and w.may_be_since(operation.recorded_at)), "")
