"""The annotation that tells a workload's own controller which configuration it is to run.

It stands on the workload itself, not on its pod template: Kubernetes does nothing about it, and the controller that
watches it (a reloader, the operator of a vendor's custom resource) does what it does for a new value. Its value is the
digest of the configuration's whole text, so that everyone can compare it with the text.
"""

from datetime import datetime

from homeostat.act.annotation import told_by_annotation
from homeostat.act.in_force import rollout_awaited
from homeostat.act.operations import intend
from homeostat.act.preflight import describe, read_same, version_of
from homeostat.act.send import Write, patching, send
from homeostat.cluster.identity import identity_of
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, OperationState
from homeostat.contracts.target import Target
from homeostat.flow.facts import Receipt
from homeostat.flow.ports import Cluster, PlanStaleError
from homeostat.flow.resources import Body


def annotate_operation(edit: Operation, number: int, *, workload: Body, annotation: str, at: datetime) -> Operation:
    """The digest of the text that an edit writes, as an annotation."""
    return intend(
        step=edit.step,
        attempt=edit.attempt,
        kind=edit.kind,
        number=number,
        action=OperationAction.ANNOTATE,
        target=identity_of(workload),
        resource_version=version_of(workload),
        field=f"metadata.annotations[{annotation}]",
        before=_present(workload, annotation),
        intended=edit.digest_intended,
        digest_before=edit.digest_before,
        digest_intended=edit.digest_intended,
        at=at,
    )


class AnnotateEffect:
    """Writes the annotation of a workload that names its configuration."""

    action = OperationAction.ANNOTATE

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def apply(self, namespace: str, operation: Operation, target: Target) -> Receipt:
        """Write the digest if the annotation is as it was at the plan."""
        annotation = annotation_of(operation)

        async def prepare() -> Write | Receipt:
            workload = await read_same(self._cluster, namespace, operation.target)
            present = _present(workload, annotation)
            if present == operation.intended:
                return Receipt(OperationState.APPLIED)
            if present != operation.before:
                raise PlanStaleError(_annotated_by_others(operation, present))
            change = {"resourceVersion": version_of(workload), "annotations": {annotation: operation.intended}}
            return patching(self._cluster, namespace, operation.target, {"metadata": change})

        async def look() -> Receipt:
            return await self.happened(namespace, operation, target)

        return await send(operation.target, prepare, look)

    async def happened(self, namespace: str, operation: Operation, target: Target) -> Receipt:  # noqa: ARG002 - the signature is the port's
        """The annotation itself tells."""
        annotation = annotation_of(operation)
        return await told_by_annotation(
            self._cluster, namespace, operation, lambda body: _present(body, annotation), _annotated_by_others
        )

    async def in_force(self, namespace: str, operation: Operation, target: Target) -> str:  # noqa: ARG002 - the signature is the port's
        """Empty while the annotation stands and no rollout is under way.

        What its controller does about it cannot be seen in general: whether it helped is for the verification to show.
        """
        try:
            workload = await read_same(self._cluster, namespace, operation.target)
        except PlanStaleError as stale:
            return str(stale)
        if _present(workload, annotation_of(operation)) != operation.intended:
            return f"{operation.field} of {describe(operation.target)}; someone else changed it since"
        return await rollout_awaited(self._cluster, namespace, workload)

    async def reverse(
        self,
        namespace: str,
        operation: Operation,
        target: Target,  # noqa: ARG002 - the signature is the port's
        kind: OperationKind,
        number: int,
        at: datetime,
    ) -> Operation | None:
        """The digest of the text that is restored: to take the annotation away would tell the controller nothing.

        Raises:
            PlanStaleError: the workload is another one.
        """
        workload = await read_same(self._cluster, namespace, operation.target)
        restored = operation.model_copy(
            update={
                "kind": kind,
                "digest_before": operation.digest_intended,
                "digest_intended": operation.digest_before,
            }
        )
        return annotate_operation(restored, number, workload=workload, annotation=annotation_of(operation), at=at)


def annotation_of(operation: Operation) -> str:
    """The annotation that an operation writes."""
    return operation.field.removeprefix("metadata.annotations[").removesuffix("]")


def _present(workload: Body, annotation: str) -> str:
    return str((workload["metadata"].get("annotations") or {}).get(annotation, ""))


def _annotated_by_others(operation: Operation, present: str) -> str:
    return f"{operation.field} of {describe(operation.target)} was set to {present or 'nothing'} meanwhile"
