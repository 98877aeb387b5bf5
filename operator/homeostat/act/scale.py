"""The scale effect: an absolute number of replicas through /scale, on any kind that has it."""

from datetime import datetime
from functools import partial

from homeostat.act.in_force import replicas_awaited, replicas_of
from homeostat.act.operations import opposite
from homeostat.act.preflight import describe, read_same, untouched_since, version_of
from homeostat.act.send import Write, patching, send
from homeostat.cluster.managed_fields import others_wrote_since, writes
from homeostat.contracts.common import FIELD_MANAGER
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, OperationState
from homeostat.contracts.target import Target
from homeostat.flow.facts import Receipt
from homeostat.flow.ports import Cluster, PlanStaleError
from homeostat.flow.resources import Body

FIELD = "spec.replicas"


class ScaleEffect:
    """Sets replicas."""

    action = OperationAction.SCALE

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def apply(self, namespace: str, operation: Operation, target: Target) -> Receipt:
        """Set the intended replicas if they are still those before."""

        async def prepare() -> Write | Receipt:
            scale = await read_same(self._cluster, namespace, operation.target, "scale")
            present = replicas_of(scale)
            if str(present) == operation.intended:
                return await self.happened(namespace, operation, target)
            if str(present) != operation.before:
                raise PlanStaleError(
                    f"{describe(operation.target)} has {present} replicas, not the {operation.before} of the plan"
                )
            patch = {"metadata": {"resourceVersion": version_of(scale)}, "spec": {"replicas": int(operation.intended)}}
            return patching(self._cluster, namespace, operation.target, patch, "scale")

        look = partial(self.happened, namespace, operation, target)
        return await send(operation.target, prepare, look, subresource="scale")

    async def happened(self, namespace: str, operation: Operation, target: Target) -> Receipt:  # noqa: ARG002 - the signature is the port's
        """Ours, if the replicas are as intended and our manager holds the scale.

        When the operation was recorded they were others, and a manager holds a field only by having changed it; so it
        was changed by us, and since. The time of the entry says nothing: the scale subresource has none.
        """
        try:
            body = await read_same(self._cluster, namespace, operation.target)
            scale = await read_same(self._cluster, namespace, operation.target, "scale")
        except PlanStaleError as stale:
            return Receipt(OperationState.VOID, message=str(stale))
        present, name = str(replicas_of(scale)), describe(operation.target)
        if present == operation.intended and _is_ours(body):
            return Receipt(OperationState.APPLIED, message=f"{name} has {present} replicas, set by Homeostat")
        if present == operation.before:
            if untouched_since(scale, operation) or not others_wrote_since(body, FIELD_MANAGER, operation.recorded_at):
                return Receipt(OperationState.INTENDED, message=f"{name} still has {present} replicas")
            return Receipt(
                OperationState.VOID,
                message=f"{name} has {present} replicas, but was written by someone since the intention; "
                "it is decided afresh",
            )
        return Receipt(
            OperationState.UNKNOWN,
            message=f"{name} has {present} replicas; who set them cannot be told. Intended were "
            f"{operation.intended}, before were {operation.before}.",
        )

    async def in_force(self, namespace: str, operation: Operation, target: Target) -> str:  # noqa: ARG002 - the signature is the port's
        """Empty once as many replicas are ready as are intended."""
        try:
            body = await read_same(self._cluster, namespace, operation.target)
            scale = await read_same(self._cluster, namespace, operation.target, "scale")
        except PlanStaleError as stale:
            return str(stale)
        present = replicas_of(scale)
        if str(present) != operation.intended:
            return f"{operation.intended} replicas of {describe(operation.target)}; someone set {present} since"
        return await replicas_awaited(self._cluster, namespace, body, scale, present)

    async def reverse(
        self,
        namespace: str,
        operation: Operation,
        target: Target,  # noqa: ARG002 - the signature is the port's
        kind: OperationKind,
        number: int,
        at: datetime,
    ) -> Operation | None:
        """Back to the replicas before, if ours still stand.

        Raises:
            PlanStaleError: someone else set the replicas since, or the workload is another one.
        """
        if operation.before == operation.intended:
            return None
        body = await read_same(self._cluster, namespace, operation.target)
        scale = await read_same(self._cluster, namespace, operation.target, "scale")
        present = replicas_of(scale)
        if str(present) != operation.intended or not _is_ours(body):
            raise PlanStaleError(
                f"{describe(operation.target)} has {present} replicas and Homeostat set {operation.intended}: someone "
                "else decided since, and it is left alone"
            )
        return opposite(operation, kind, number, version_of(scale), at)


def _is_ours(body: Body) -> bool:
    return any(write.manager == FIELD_MANAGER and write.subresource == "scale" for write in writes(body))
