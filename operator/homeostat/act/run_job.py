"""The run of a runbook: one Job, named before it is made, so that it is made once."""

from datetime import datetime
from functools import partial

from homeostat.act.in_force import GIVES_UP
from homeostat.act.job_manifest import KEPT_AFTER_ITS_END, is_of, job_action, job_name, job_of
from homeostat.act.job_result import awaited_of, ended, is_complete, result_of
from homeostat.act.operations import intend
from homeostat.act.preflight import read_same
from homeostat.act.send import Write, send
from homeostat.cluster.clock import SystemClock
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, OperationState, TargetIdentity
from homeostat.contracts.target import Target
from homeostat.flow.facts import Receipt
from homeostat.flow.ports import Clock, Cluster, NotFoundError, PlanStaleError
from homeostat.flow.resources import Body, StoredRecord

FIELD = "job"
NONE = "none"
"""What stands before a run."""

_API_VERSION, _KIND = "batch/v1", "Job"


def job_title(name: str) -> str:
    """A Job as it stands in an operation."""
    return f"{_KIND}/{name}"


class RunJobEffect:
    """Runs the runbooks of one record."""

    action = OperationAction.RUN_JOB

    def __init__(self, cluster: Cluster, record: StoredRecord, clock: Clock | None = None) -> None:
        self._cluster, self._record, self._clock = cluster, record, clock or SystemClock()

    async def apply(self, namespace: str, operation: Operation, target: Target) -> Receipt:
        """Create the Job, if there is none under its name; the API server lets only one be there."""
        action = job_action(next(s for s in self._record.record.spec.terms.steps if s.name == operation.step))
        template = action.template if operation.kind is OperationKind.APPLY else action.undo
        if template is None:
            return Receipt(OperationState.VOID, message=f"step {operation.step} has no undo; nothing was changed")
        job = job_of(template, self._record, operation, _name(operation))

        async def prepare() -> Write | Receipt:
            known = await self.happened(namespace, operation, target)
            if known.state is OperationState.VOID:
                raise PlanStaleError(known.message)
            return known if known.state is not OperationState.INTENDED else partial(self._cluster.create, job)

        made = TargetIdentity(api_version=_API_VERSION, kind=_KIND, name=_name(operation), uid="")
        look = partial(self.happened, namespace, operation, target)
        return await send(made, prepare, look, verb="create")

    async def happened(self, namespace: str, operation: Operation, target: Target) -> Receipt:  # noqa: ARG002 - the signature is the port's
        """The Job tells by its name and by what is written on it."""
        job = await self._job(namespace, operation)
        if job is not None and not self._is_ours(job, operation):
            message = f"{operation.intended} stands already and was made by someone else; it is left alone"
            return Receipt(OperationState.VOID, message=message)
        if job is not None:
            return Receipt(OperationState.APPLIED)
        try:
            await read_same(self._cluster, namespace, operation.target)
        except PlanStaleError as stale:
            return Receipt(OperationState.VOID, message=str(stale))
        if self._clock.now() - operation.recorded_at >= KEPT_AFTER_ITS_END:
            message = f"There is no {operation.intended}; so long after, it may have run and been cleaned up."
            return Receipt(OperationState.UNKNOWN, message=message)
        return Receipt(OperationState.INTENDED, message=f"there is no {operation.intended}")

    async def in_force(self, namespace: str, operation: Operation, target: Target) -> str:  # noqa: ARG002 - the signature is the port's
        """Empty once the Job has completed; begins with ``Failed:`` once it never will."""
        job = await self._job(namespace, operation)
        if job is None or not self._is_ours(job, operation):
            return f"{GIVES_UP}{operation.intended} was deleted before its end was seen; what it did is not known"
        if is_complete(job):
            return ""
        if ended(job):
            return f"{GIVES_UP}{await result_of(self._cluster, namespace, job)}"
        return await awaited_of(self._cluster, namespace, job)

    async def result(self, namespace: str, operation: Operation, target: Target) -> str:  # noqa: ARG002 - the signature is the port's
        """How the Job ended, and its last lines; empty while it runs."""
        job = await self._job(namespace, operation)
        if job is None or not self._is_ours(job, operation) or not ended(job):
            return ""
        return await result_of(self._cluster, namespace, job)

    async def reverse(
        self,
        namespace: str,
        operation: Operation,
        target: Target,  # noqa: ARG002 - the signature is the port's
        kind: OperationKind,
        number: int,
        at: datetime,
    ) -> Operation | None:
        """The run of the step's ``undo``; None where it has none.

        Raises:
            PlanStaleError: the Job is gone, another one, or still runs: two runbooks never work at once.
        """
        step = next(s for s in self._record.record.spec.terms.steps if s.name == operation.step)
        if job_action(step).undo is None:
            return None
        await read_same(self._cluster, namespace, operation.target)
        job = await self._job(namespace, operation)
        if job is None or not self._is_ours(job, operation):
            what = "is gone" if job is None else "was made anew by someone else"
            raise PlanStaleError(f"{operation.intended} {what}; what it did is left alone")
        if not ended(job):
            message = f"{operation.intended} still runs, and is left alone until it has ended"
            raise PlanStaleError(message)
        name = job_name(operation.target, operation.step, operation.attempt, kind, number, at)
        return intend(
            step=operation.step,
            attempt=operation.attempt,
            kind=kind,
            number=number,
            action=OperationAction.RUN_JOB,
            target=operation.target,
            resource_version="",
            field=FIELD,
            before=operation.intended,
            intended=job_title(name),
            at=at,
        )

    async def _job(self, namespace: str, operation: Operation) -> Body | None:
        try:
            return await self._cluster.get(_API_VERSION, _KIND, namespace, _name(operation))
        except NotFoundError:
            return None

    def _is_ours(self, job: Body, operation: Operation) -> bool:
        return is_of(job, self._record.uid, operation.id)


def _name(operation: Operation) -> str:
    return operation.intended.partition("/")[2]
