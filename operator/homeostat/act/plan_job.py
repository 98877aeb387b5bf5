"""Planning the action ``job``."""

from datetime import datetime

from homeostat.act.job_manifest import bare_job, job_action, job_name, template_digest
from homeostat.act.operations import intend
from homeostat.act.preflight import read_same
from homeostat.act.refusals import not_found, not_readable
from homeostat.act.run_job import FIELD, NONE, job_title
from homeostat.act.send import lacks_right
from homeostat.cluster.identity import identity_of
from homeostat.contracts.actions.job import JobTemplate
from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, Plan
from homeostat.contracts.steps import Step
from homeostat.flow.facts import Occasion, Preview
from homeostat.flow.ports import Cluster, KubernetesError, NotFoundError
from homeostat.flow.wording import clip

_PASSING = frozenset({0, 409, 429})
_SERVER_FAULTS = 500
_LONGEST_SHOWN = 300


class JobActuator:
    """Plans a run of a runbook."""

    type = ActionType.JOB

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def preview(self, step: Step, occasion: Occasion) -> Preview:
        """The run that the step would start now, or why it cannot: the API server checks both Jobs in a dry run."""
        namespace, ref, action = occasion.namespace, occasion.target.ref, job_action(step)
        name = f"{ref.kind}/{ref.name}"
        try:
            body = await self._cluster.get(ref.api_version, ref.kind, namespace, ref.name)
        except NotFoundError as error:
            return not_found(occasion.target, namespace, error)
        except KubernetesError as error:
            return not_readable(name, error)
        for template in (action.template, *([action.undo] if action.undo else [])):
            refused = await self._dry_run(namespace, step, template)
            if refused is not None:
                return refused
        what = clip(" ".join([action.template.image, *action.template.command, *action.template.args]), _LONGEST_SHOWN)
        return Preview(
            target=identity_of(body),
            field=FIELD,
            before=NONE,
            intended=f"one run of {action.template.image} (template {template_digest(action.template)})",
            description=f"run {what} as a Job on behalf of {name}",
        )

    async def operations(
        self,
        plan: Plan,
        step: Step,  # noqa: ARG002 - the signature is the port's
        occasion: Occasion,
        at: datetime,
    ) -> tuple[Operation, ...]:
        """One operation: the Job under its name.

        Raises:
            PlanStaleError: the target is gone or another one.
            KubernetesError: it could not be read.
        """
        await read_same(self._cluster, occasion.namespace, plan.target)
        name = job_name(plan.target, plan.step, plan.attempt, OperationKind.APPLY, 1, at)
        return (
            intend(
                step=plan.step,
                attempt=plan.attempt,
                kind=OperationKind.APPLY,
                number=1,
                action=OperationAction.RUN_JOB,
                target=plan.target,
                resource_version="",
                field=FIELD,
                before=NONE,
                intended=job_title(name),
                at=at,
            ),
        )

    async def _dry_run(self, namespace: str, step: Step, template: JobTemplate) -> Preview | None:
        job = bare_job(template, namespace, "{}")
        job["metadata"]["generateName"] = f"{step.name}-"
        try:
            await self._cluster.create(job, dry_run=True)
        except KubernetesError as error:
            if error.status in _PASSING or error.status >= _SERVER_FAULTS:
                return not_readable(f"whether the Job of step {step.name} would be taken", error)
            hint = " Grant the operator's account the verb create on jobs.batch." if lacks_right(error) else ""
            message = f"the API server would refuse the Job of step {step.name}: {error.message}.{hint}"
            return Preview(refused="Forbidden" if hint else "JobRefused", message=message)
        return None
