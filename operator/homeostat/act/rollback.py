"""The rollback effect: a pod template that the workload had before, found again by its digest.

The record holds digests, never templates: whatever is written comes from a revision that the workload keeps.
"""

from datetime import datetime
from functools import partial

from homeostat.act.in_force import rollout_awaited
from homeostat.act.operations import opposite
from homeostat.act.pods import selector_text
from homeostat.act.preflight import describe, read_same, untouched_since, version_of
from homeostat.act.refusals import RefusedError
from homeostat.act.restart import cannot_restart
from homeostat.act.revisions import KEPT_AS, Revision, revisions_of, template_digest, template_of, with_digest
from homeostat.act.rollout_ends import ended_by_rollout
from homeostat.act.send import Write, patching, send
from homeostat.cluster.managed_fields import last_writer
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, OperationState
from homeostat.contracts.target import Target
from homeostat.flow.facts import Receipt
from homeostat.flow.merge_patch import merge_difference
from homeostat.flow.ports import Cluster, PlanStaleError
from homeostat.flow.resources import Body

FIELD = "spec.template"
_PATH = ("spec", "template")
_STUCK = "; a pod that never became ready is not replaced by its StatefulSet: delete it"
"""Source: Kubernetes, StatefulSets, "Forced rollback"."""


async def kept_revisions(cluster: Cluster, namespace: str, workload: Body) -> tuple[Revision, ...]:
    """The revisions of a Deployment, StatefulSet or DaemonSet, newest first."""
    selector = selector_text(workload["spec"]["selector"])
    kept = await cluster.list("apps/v1", KEPT_AS[workload["kind"]], namespace, selector)
    return revisions_of(workload, kept)


class RollbackEffect:
    """Writes a pod template that the workload had before."""

    action = OperationAction.ROLLBACK

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def apply(self, namespace: str, operation: Operation, target: Target) -> Receipt:
        """Write the intended template if the present one is that of the plan."""

        async def prepare() -> Write | Receipt:
            workload = await read_same(self._cluster, namespace, operation.target)
            digest, name = _digest(workload), describe(operation.target)
            if digest == operation.digest_intended:
                return Receipt(OperationState.APPLIED, message=f"{name} has the template of {operation.intended}")
            if digest != operation.digest_before:
                raise PlanStaleError(f"the pod template of {name} was changed since the plan")
            obstacle = cannot_restart(workload)
            if obstacle:
                raise PlanStaleError(obstacle)
            wanted = await self._kept(namespace, workload, operation.digest_intended, operation.intended)
            change = merge_difference(workload["spec"]["template"], wanted.template)
            patch = {"metadata": {"resourceVersion": version_of(workload)}, "spec": {"template": change}}
            return patching(self._cluster, namespace, operation.target, patch)

        look = partial(self.happened, namespace, operation, target)
        return await send(operation.target, prepare, look)

    async def happened(self, namespace: str, operation: Operation, target: Target) -> Receipt:  # noqa: ARG002 - the signature is the port's
        """The digest of the template tells."""
        try:
            workload = await read_same(self._cluster, namespace, operation.target)
        except PlanStaleError as stale:
            return Receipt(OperationState.VOID, message=str(stale))
        digest, write, name = _digest(workload), last_writer(workload, _PATH), describe(operation.target)
        by = write.manager if write else "someone"
        if digest == operation.digest_intended:
            return Receipt(OperationState.APPLIED)
        if digest != operation.digest_before:
            return Receipt(
                OperationState.UNKNOWN,
                message=f"the pod template of {name} is neither that of {operation.before} nor that of "
                f"{operation.intended}: {by} changed it. See kubectl rollout history before doing anything by hand.",
            )
        if untouched_since(workload, operation) or write is None or not write.may_be_since(operation.recorded_at):
            return Receipt(OperationState.INTENDED)
        return Receipt(
            OperationState.VOID,
            message=f"the pod template of {name} is as before, but was written by {by} since the intention; it is "
            "decided afresh",
        )

    async def in_force(self, namespace: str, operation: Operation, target: Target) -> str:  # noqa: ARG002 - the signature is the port's
        """Empty once every pod runs the template and is ready."""
        try:
            workload = await read_same(self._cluster, namespace, operation.target)
        except PlanStaleError as stale:
            return str(stale)
        if _digest(workload) != operation.digest_intended:
            return f"{operation.intended} of {describe(operation.target)}; its pod template was changed since"
        waiting = await rollout_awaited(self._cluster, namespace, workload)
        return f"{waiting}{_STUCK}" if waiting and _waits_for_each_pod(workload) else waiting

    async def reverse(
        self,
        namespace: str,
        operation: Operation,
        target: Target,
        kind: OperationKind,
        number: int,
        at: datetime,
    ) -> Operation | None:
        """Back to the template that was left, if ours still stands and that one is kept.

        Raises:
            PlanStaleError: someone else changed the template since, the one to return to is kept no longer, or the
                workload is another one.
        """
        workload, name = await read_same(self._cluster, namespace, operation.target), describe(operation.target)
        if _digest(workload) != operation.digest_intended:
            write = last_writer(workload, _PATH)
            raise PlanStaleError(
                f"the pod template of {name} was changed since by {write.manager if write else 'someone else'}, and is "
                "left alone"
            )
        await self._kept(namespace, workload, operation.digest_before, operation.before)
        try:
            ends = await ended_by_rollout(self._cluster, namespace, workload, target)
        except RefusedError as refused:
            raise PlanStaleError(str(refused)) from refused
        return opposite(operation, kind, number, version_of(workload), at, ends)

    async def _kept(self, namespace: str, workload: Body, digest: str, called: str) -> Revision:
        found = with_digest(await kept_revisions(self._cluster, namespace, workload), digest)
        if found is None:
            name = f"{workload['kind']}/{workload['metadata']['name']}"
            raise PlanStaleError(
                f"{name} keeps the pod template of {called} no longer, so it cannot be written again: apply it from "
                "where it is kept, or raise revisionHistoryLimit"
            )
        return found


def _waits_for_each_pod(workload: Body) -> bool:
    return bool(workload["kind"] == "StatefulSet" and workload["spec"].get("podManagementPolicy") != "Parallel")


def _digest(workload: Body) -> str:
    return template_digest(template_of(workload))
