"""The rolling restart: one annotation on the pod template, whose value names the very operation."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from homeostat.act.annotation import told_by_annotation
from homeostat.act.in_force import rollout_awaited
from homeostat.act.operations import intend, operation_id
from homeostat.act.preflight import describe, read_same, version_of
from homeostat.act.send import Write, patching, send
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, OperationState, TargetIdentity
from homeostat.contracts.target import Target
from homeostat.flow.facts import Receipt
from homeostat.flow.ports import Cluster, PlanStaleError
from homeostat.flow.resources import Body

ANNOTATION = "homeostat.dev/restarted-for"
FIELD = f"spec.template.metadata.annotations[{ANNOTATION}]"


def cannot_restart(workload: Body) -> str:
    """Why a changed template would not restart the workload's pods; empty if it would."""
    spec, kind = workload.get("spec") or {}, workload["kind"]
    name = f"{kind} {workload['metadata']['name']}"
    if "template" not in spec or kind in {"Job", "ReplicaSet", "ReplicationController"}:
        return f"{name} has no pod template that it rolls out: target a workload that has one"
    if spec.get("paused"):
        return f"{name} is paused, so that no change is rolled out: resume it first"
    if (spec.get("updateStrategy") or {}).get("type") == "OnDelete":
        return f"{name} has the update strategy OnDelete: its pods take up a change only when a person deletes them"
    return ""


def restart_operation(
    step: str,
    attempt: int,
    kind: OperationKind,
    number: int,
    *,
    workload: Body,
    identity: TargetIdentity,
    at: datetime,
    digest_before: str = "",
    digest_intended: str = "",
    ends: Sequence[str] = (),
) -> Operation:
    """A restart, told apart from every other one by its id and time.

    The digests are those of the configuration that it takes up; a restart for its own sake has none. ``ends`` are the
    pods that are drained first.
    """
    moment = at.astimezone(UTC).isoformat(timespec="milliseconds")
    return intend(
        step=step,
        attempt=attempt,
        kind=kind,
        number=number,
        action=OperationAction.RESTART,
        target=identity,
        resource_version=version_of(workload),
        field=FIELD,
        before=restarted_for(workload),
        intended=f"{operation_id(step, attempt, kind, number)}@{moment}",
        at=at,
        digest_before=digest_before,
        digest_intended=digest_intended,
        ends=ends,
    )


class RestartEffect:
    """Restarts a workload's pods one after another, as its update strategy says."""

    action = OperationAction.RESTART

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def apply(self, namespace: str, operation: Operation, target: Target) -> Receipt:
        """Write the annotation if none was written since the plan."""

        async def prepare() -> Write | Receipt:
            workload = await read_same(self._cluster, namespace, operation.target)
            present = restarted_for(workload)
            if present == operation.intended:
                return Receipt(OperationState.APPLIED)
            obstacle = cannot_restart(workload)
            if obstacle or present != operation.before:
                raise PlanStaleError(obstacle or _restarted_by_others(operation, present))
            template = {"metadata": {"annotations": {ANNOTATION: operation.intended}}}
            patch = {"metadata": {"resourceVersion": version_of(workload)}, "spec": {"template": template}}
            return patching(self._cluster, namespace, operation.target, patch)

        look = partial(self.happened, namespace, operation, target)
        return await send(operation.target, prepare, look)

    async def happened(self, namespace: str, operation: Operation, target: Target) -> Receipt:  # noqa: ARG002 - the signature is the port's
        """The annotation itself tells."""
        return await told_by_annotation(self._cluster, namespace, operation, restarted_for, _restarted_by_others)

    async def in_force(self, namespace: str, operation: Operation, target: Target) -> str:  # noqa: ARG002 - the signature is the port's
        """Empty once every pod runs the new template and is ready."""
        try:
            workload = await read_same(self._cluster, namespace, operation.target)
        except PlanStaleError as stale:
            return str(stale)
        if restarted_for(workload) != operation.intended:
            return f"the restart of {describe(operation.target)}; its pod template was changed by someone else since"
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
        """Another restart, which takes up what was restored; None for a restart for its own sake.

        Raises:
            PlanStaleError: the workload is another one.
        """
        if not operation.digest_intended:
            return None
        workload = await read_same(self._cluster, namespace, operation.target)
        return restart_operation(
            operation.step,
            operation.attempt,
            kind,
            number,
            workload=workload,
            identity=operation.target,
            at=at,
            digest_before=operation.digest_intended,
            digest_intended=operation.digest_before,
        )


def restarted_for(workload: Body) -> str:
    """The restart that the pod template was last changed for; empty if for none of ours."""
    template = (workload.get("spec") or {}).get("template") or {}
    return str(((template.get("metadata") or {}).get("annotations") or {}).get(ANNOTATION, ""))


def _restarted_by_others(operation: Operation, present: str) -> str:
    return f"{describe(operation.target)} was restarted for {present or 'something else'} meanwhile"
