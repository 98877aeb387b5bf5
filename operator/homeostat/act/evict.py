"""The eviction of one pod: asked of the eviction API, so that its disruption budget has the last word."""

from datetime import datetime
from functools import partial

from homeostat.act.in_force import ready_awaited, scale_of
from homeostat.act.pods import is_ending, pods_of, ready_pods, serves
from homeostat.act.preflight import describe, version_of
from homeostat.act.send import Write, send
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, OperationState
from homeostat.contracts.target import Target
from homeostat.flow.facts import Receipt
from homeostat.flow.ports import Cluster, NotFoundError, PlanStaleError
from homeostat.flow.resources import Body

READY_PODS = "ready pods"
"""What an eviction tells as its value: the ready pods of the target before it, and once the pod is replaced."""


class EvictEffect:
    """Ends a pod, once and for all: its uid never comes back, so that a second eviction of it finds nothing."""

    action = OperationAction.EVICT

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def apply(self, namespace: str, operation: Operation, target: Target) -> Receipt:
        """Evict the pod if the target still has it and another ready pod stays."""

        async def prepare() -> Write | Receipt:
            pod = await self._standing(namespace, operation)
            if pod is None or is_ending(pod):
                return Receipt(OperationState.APPLIED, message=f"{describe(operation.target)} is gone already")
            await self._check_may_go(namespace, operation, target)
            name, uid = operation.target.name, operation.target.uid
            return partial(self._cluster.evict, namespace, name, uid, version_of(pod))

        look = partial(self.happened, namespace, operation, target)
        return await send(operation.target, prepare, look, verb="create", subresource="eviction")

    async def happened(self, namespace: str, operation: Operation, target: Target) -> Receipt:  # noqa: ARG002 - the signature is the port's
        """The pod's uid tells: it is gone, or about to go."""
        pod = await self._standing(namespace, operation)
        return Receipt(OperationState.APPLIED if pod is None or is_ending(pod) else OperationState.INTENDED)

    async def in_force(self, namespace: str, operation: Operation, target: Target) -> str:
        """Empty once the pod is gone and has been replaced: as many pods are ready as are intended, or wanted now."""
        if await self._standing(namespace, operation) is not None:
            return f"{describe(operation.target)} to end"
        try:
            workload = await self._workload(namespace, target)
        except PlanStaleError as stale:
            return str(stale)
        scale = await scale_of(self._cluster, namespace, workload)
        ready = len(await ready_pods(self._cluster, namespace, workload))
        return await ready_awaited(self._cluster, namespace, workload, scale, ready, int(operation.intended))

    async def reverse(
        self,
        namespace: str,  # noqa: ARG002 - the signature is the port's
        operation: Operation,  # noqa: ARG002 - the signature is the port's
        target: Target,  # noqa: ARG002 - the signature is the port's
        kind: OperationKind,  # noqa: ARG002 - the signature is the port's
        number: int,  # noqa: ARG002 - the signature is the port's
        at: datetime,  # noqa: ARG002 - the signature is the port's
    ) -> Operation | None:
        """None: a pod that ended does not come back."""
        return None

    async def _standing(self, namespace: str, operation: Operation) -> Body | None:
        """The very pod; None where it is gone, whoever has its name now."""
        try:
            pod = await self._cluster.get("v1", "Pod", namespace, operation.target.name)
        except NotFoundError:
            return None
        return pod if pod["metadata"]["uid"] == operation.target.uid else None

    async def _check_may_go(self, namespace: str, operation: Operation, target: Target) -> None:
        """Look once more at the target's pods, after the pod itself, whose version the eviction is bound to.

        Raises:
            PlanStaleError: the pod is no longer the target's, or is its last ready one.
        """
        workload = await self._workload(namespace, target)
        pods = {pod["metadata"]["uid"]: pod for pod in await pods_of(self._cluster, namespace, workload)}
        whose = f"{target.ref.kind}/{target.ref.name}"
        if operation.target.uid not in pods:
            raise PlanStaleError(f"{describe(operation.target)} is no pod of {whose} any more, and is left alone")
        if not any(serves(pod) for uid, pod in pods.items() if uid != operation.target.uid):
            raise PlanStaleError(f"no other pod of {whose} is ready, so that {describe(operation.target)} must stay")

    async def _workload(self, namespace: str, target: Target) -> Body:
        ref = target.ref
        try:
            return await self._cluster.get(ref.api_version, ref.kind, namespace, ref.name)
        except NotFoundError as error:
            raise PlanStaleError(f"{ref.kind}/{ref.name} is gone ({error.message})") from error
