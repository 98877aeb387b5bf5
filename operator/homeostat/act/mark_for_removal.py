"""Marking the pods that a smaller size shall take away, so that these and no others are drained and go.

The ReplicaSet controller takes pods that are not ready first, then those of the lowest deletion cost; a StatefulSet
takes those of the highest ordinals and knows no deletion cost. Source: Kubernetes, pkg/controller/controller_utils.go,
ActivePodsWithRanks, and the StatefulSet documentation.
"""

from datetime import datetime
from functools import partial

from homeostat.act.annotation import annotated, told_by_annotation, write_annotation
from homeostat.act.operations import intend, opposite
from homeostat.act.preflight import describe, read_same, version_of
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, OperationState, TargetIdentity
from homeostat.contracts.target import Target
from homeostat.flow.facts import Pod, Receipt, Workload
from homeostat.flow.ports import Cluster, PlanStaleError
from homeostat.flow.resources import Body

ANNOTATION = "controller.kubernetes.io/pod-deletion-cost"
FIELD = f"metadata.annotations[{ANNOTATION}]"
COST = "-1000"


def choose_victims(workload: Workload, keep: int) -> tuple[Pod, ...]:
    """The pods that go when ``keep`` stay: those that do not serve, then the newest; of a StatefulSet the last ones."""
    staying = [pod for pod in workload.pods if not pod.terminating]
    if workload.identity is not None and workload.identity.kind == "StatefulSet":
        ranked = sorted(staying, key=_ordinal, reverse=True)
    else:
        ranked = sorted(staying, key=_age_rank)
    return tuple(ranked[: max(0, len(staying) - keep)])


def _ordinal(pod: Pod) -> int:
    ordinal = pod.name.rpartition("-")[2]
    return int(ordinal) if ordinal.isdecimal() else -1


def _age_rank(pod: Pod) -> tuple[bool, float, str]:
    created = pod.created or pod.ready_since
    return pod.ready, -(created.timestamp() if created else 0.0), pod.name


def mark_operation(pod: Pod, step: str, attempt: int, kind: OperationKind, number: int, at: datetime) -> Operation:
    """The mark on one pod that a smaller size takes away."""
    return intend(
        step=step,
        attempt=attempt,
        kind=kind,
        number=number,
        action=OperationAction.MARK_FOR_REMOVAL,
        target=TargetIdentity(api_version="v1", kind="Pod", name=pod.name, uid=pod.uid),
        resource_version="",
        field=FIELD,
        before="",
        intended=COST,
        at=at,
    )


class MarkForRemovalEffect:
    """Writes a pod's deletion cost."""

    action = OperationAction.MARK_FOR_REMOVAL

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def apply(self, namespace: str, operation: Operation, target: Target) -> Receipt:
        """Write the mark; a pod that is gone needs none."""
        look = partial(self.happened, namespace, operation, target)
        return await write_annotation(self._cluster, namespace, operation, _marked_by_others, look)

    async def happened(self, namespace: str, operation: Operation, target: Target) -> Receipt:  # noqa: ARG002 - the signature is the port's
        """The mark itself tells."""
        return await told_by_annotation(self._cluster, namespace, operation, _mark, _marked_by_others)

    async def in_force(self, namespace: str, operation: Operation, target: Target) -> str:
        """Empty once the mark is there, or the pod is gone."""
        receipt = await self.happened(namespace, operation, target)
        return f"the mark on {describe(operation.target)}" if receipt.state is OperationState.INTENDED else ""

    async def reverse(
        self,
        namespace: str,
        operation: Operation,
        target: Target,  # noqa: ARG002 - the signature is the port's
        kind: OperationKind,
        number: int,
        at: datetime,
    ) -> Operation | None:
        """Take the mark off; None where the pod is gone.

        Raises:
            PlanStaleError: someone else wrote another deletion cost since.
        """
        try:
            pod = await read_same(self._cluster, namespace, operation.target)
        except PlanStaleError:
            return None
        if _mark(pod) != operation.intended:
            raise PlanStaleError(_marked_by_others(operation, _mark(pod)))
        return opposite(operation, kind, number, version_of(pod), at)


def _mark(pod: Body) -> str:
    return annotated(pod, ANNOTATION)


def _marked_by_others(operation: Operation, present: str) -> str:
    cost = f"the deletion cost {present}" if present else "no deletion cost"
    return f"{describe(operation.target)} has {cost}, which someone else decided since; it is left alone"
