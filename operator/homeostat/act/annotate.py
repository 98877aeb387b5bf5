"""The annotation that tells a workload's own controller which configuration it is to run.

It stands on the workload itself, not on its pod template: Kubernetes does nothing about it, and the controller that
watches it (a reloader, the operator of a vendor's custom resource) does what it does for a new value. Its value is the
digest of the configuration's whole text, so that everyone can compare it with the text.
"""

from datetime import datetime
from functools import partial

from homeostat.act.annotation import annotated, annotation_of, told_by_annotation, write_annotation
from homeostat.act.in_force import rollout_awaited
from homeostat.act.operations import intend
from homeostat.act.preflight import describe, read_same, version_of
from homeostat.cluster.identity import identity_of
from homeostat.contracts.operations import Operation, OperationAction, OperationKind
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
        before=annotated(workload, annotation),
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
        look = partial(self.happened, namespace, operation, target)
        return await write_annotation(self._cluster, namespace, operation, _annotated_by_others, look)

    async def happened(self, namespace: str, operation: Operation, target: Target) -> Receipt:  # noqa: ARG002 - the signature is the port's
        """The annotation itself tells."""
        present = partial(annotated, annotation=annotation_of(operation))
        return await told_by_annotation(self._cluster, namespace, operation, present, _annotated_by_others)

    async def in_force(self, namespace: str, operation: Operation, target: Target) -> str:  # noqa: ARG002 - the signature is the port's
        """Empty while the annotation stands and no rollout is under way.

        What its controller does about it cannot be seen in general: whether it helped is for the verification to show.
        """
        try:
            workload = await read_same(self._cluster, namespace, operation.target)
        except PlanStaleError as stale:
            return str(stale)
        if annotated(workload, annotation_of(operation)) != operation.intended:
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


def _annotated_by_others(operation: Operation, present: str) -> str:
    return f"{operation.field} of {describe(operation.target)} was set to {present or 'nothing'} meanwhile"
