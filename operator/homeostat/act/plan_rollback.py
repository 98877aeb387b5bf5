"""Planning the action ``rollback``: to the previous revision that is more than a restart away."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from homeostat.act.operations import intend
from homeostat.act.preflight import describe, read_same, version_of
from homeostat.act.refusals import RefusedError, not_found, not_readable
from homeostat.act.restart import cannot_restart
from homeostat.act.revisions import KEPT_AS, Revision, present_and_previous, template_digest, template_of
from homeostat.act.rollback import FIELD, kept_revisions
from homeostat.act.rollout_ends import ended_by_rollout
from homeostat.cluster.identity import identity_of
from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, Plan
from homeostat.contracts.steps import Step
from homeostat.flow.facts import Occasion, Preview
from homeostat.flow.ports import Cluster, KubernetesError, NotFoundError, PlanStaleError
from homeostat.flow.resources import Body
from homeostat.flow.wording import clip


@dataclass(frozen=True, slots=True)
class _Look:
    """The revision that the workload has, the one to go back to, and the pods that are ended on the way."""

    present: Revision
    previous: Revision
    ends: tuple[str, ...]

    @property
    def before(self) -> str:
        return f"revision {self.present.number}"

    @property
    def intended(self) -> str:
        return f"revision {self.previous.number}"


class RollbackActuator:
    """Plans the return to the previous revision."""

    type = ActionType.ROLLBACK

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def preview(self, step: Step, occasion: Occasion) -> Preview:  # noqa: ARG002 - the signature is the port's
        """The revision that the step would go back to now, or why it cannot."""
        namespace, ref = occasion.namespace, occasion.target.ref
        try:
            workload = await self._cluster.get(ref.api_version, ref.kind, namespace, ref.name)
            look = await self._look(occasion, workload)
        except NotFoundError as error:
            return not_found(occasion.target, namespace, error)
        except KubernetesError as error:
            return not_readable(f"{ref.kind}/{ref.name} or its revisions", error)
        except RefusedError as refused:
            return refused.preview
        images = ", ".join(_images(look))
        description = f"roll back {ref.kind}/{ref.name} from {look.before} to {look.intended}"
        return Preview(
            target=identity_of(workload),
            field=FIELD,
            before=look.before,
            intended=look.intended,
            description=clip(f"{description}{f' ({images})' if images else ''}; a rollout restarts its pods"),
        )

    async def operations(self, plan: Plan, step: Step, occasion: Occasion, at: datetime) -> tuple[Operation, ...]:  # noqa: ARG002 - the signature is the port's
        """One operation: the template of the previous revision.

        Raises:
            PlanStaleError: the workload is another one, or has other revisions.
            KubernetesError: something could not be read.
        """
        workload = await read_same(self._cluster, occasion.namespace, plan.target)
        try:
            look = await self._look(occasion, workload)
        except RefusedError as refused:
            raise PlanStaleError(str(refused)) from refused
        if (look.before, look.intended) != (plan.before, plan.intended):
            raise PlanStaleError(
                f"{describe(plan.target)} would go back from {look.before} to {look.intended} now, not from "
                f"{plan.before} to {plan.intended}"
            )
        return (
            intend(
                step=plan.step,
                attempt=plan.attempt,
                kind=OperationKind.APPLY,
                number=1,
                action=OperationAction.ROLLBACK,
                target=plan.target,
                resource_version=version_of(workload),
                field=FIELD,
                before=plan.before,
                intended=plan.intended,
                digest_before=template_digest(look.present.template),
                digest_intended=template_digest(look.previous.template),
                at=at,
                ends=look.ends,
            ),
        )

    async def _look(self, occasion: Occasion, workload: Body) -> _Look:
        kind, name = workload["kind"], f"{workload['kind']}/{workload['metadata']['name']}"
        if kind not in KEPT_AS or not workload["apiVersion"].startswith("apps/"):
            raise RefusedError(
                "NoRevisionsKept", f"{name} keeps no revisions: target a Deployment, StatefulSet or DaemonSet"
            )
        obstacle = cannot_restart(workload)
        if obstacle:
            raise RefusedError("Paused" if workload["spec"].get("paused") else "NotRestartable", obstacle)
        revisions = await kept_revisions(self._cluster, occasion.namespace, workload)
        present, previous = present_and_previous(name, template_of(workload), revisions)
        ends = await ended_by_rollout(self._cluster, occasion.namespace, workload, occasion.target)
        return _Look(present, previous, ends)


def _images(look: _Look) -> Iterator[str]:
    """The images that change, by container."""
    images = [
        {c["name"]: c.get("image", "") for c in (r.template.get("spec") or {}).get("containers") or ()}
        for r in (look.present, look.previous)
    ]
    for container in sorted(images[0].keys() & images[1].keys()):
        if images[0][container] != images[1][container]:
            yield f"{container}: {images[0][container]} -> {images[1][container]}"
