"""Planning the action ``restart``."""

from datetime import datetime

from homeostat.act.instance_restarts import instance_restarts
from homeostat.act.preflight import describe, read_same
from homeostat.act.refusals import not_found, not_readable
from homeostat.act.restart import FIELD, cannot_restart, restart_operation, restarted_for
from homeostat.cluster.identity import identity_of
from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.operations import MOST_ENDED, Operation, OperationKind, Plan
from homeostat.contracts.steps import Step
from homeostat.flow.facts import Occasion, Preview
from homeostat.flow.ports import Cluster, KubernetesError, NotFoundError, PlanStaleError


class RestartActuator:
    """Plans a rolling restart."""

    type = ActionType.RESTART

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def preview(self, step: Step, occasion: Occasion) -> Preview:
        """The restart that the step would start now, or why it cannot.

        What is written also names attempt and time; a plan foresees the part that it begins with, the step.
        """
        ref, namespace = occasion.target.ref, occasion.namespace
        name = f"{ref.kind}/{ref.name}"
        try:
            workload = await self._cluster.get(ref.api_version, ref.kind, namespace, ref.name)
        except NotFoundError as error:
            return not_found(occasion.target, namespace, error)
        except KubernetesError as error:
            return not_readable(name, error)
        obstacle = cannot_restart(workload)
        if obstacle:
            return Preview(refused="NotRestartable", message=obstacle)
        if workload["spec"].get("replicas") == 0:
            return Preview(refused="NoReplicas", message=f"{name} has 0 replicas: there is nothing to restart")
        if len(_drained_first(occasion)) > MOST_ENDED:
            message = f"{name} has more than {MOST_ENDED} pods with sessions, which cannot all be drained: evict a few"
            return Preview(refused="TooManyInstances", message=message)
        return Preview(
            target=identity_of(workload),
            field=FIELD,
            before=restarted_for(workload),
            intended=step.name,
            description=f"restart the pods of {name} {_manner(occasion)}",
        )

    async def operations(self, plan: Plan, step: Step, occasion: Occasion, at: datetime) -> tuple[Operation, ...]:  # noqa: ARG002 - the signature is the port's
        """The annotation on the pod template; for pods with sessions, their evictions, one after the other.

        Raises:
            PlanStaleError: the workload is another one, was restarted since, or cannot be restarted any more.
            KubernetesError: it could not be read.
        """
        workload = await read_same(self._cluster, occasion.namespace, plan.target)
        obstacle = cannot_restart(workload)
        if obstacle or restarted_for(workload) != plan.before:
            raise PlanStaleError(obstacle or f"{describe(plan.target)} was restarted since the plan")
        evicted = await instance_restarts(
            self._cluster,
            occasion.namespace,
            workload,
            occasion.target,
            step=plan.step,
            attempt=plan.attempt,
            kind=OperationKind.APPLY,
            first=1,
            at=at,
        )
        return evicted or (
            restart_operation(
                plan.step,
                plan.attempt,
                OperationKind.APPLY,
                1,
                workload=workload,
                identity=plan.target,
                at=at,
                ends=_drained_first(occasion),
            ),
        )


def _manner(occasion: Occasion) -> str:
    return "one by one, each drained first" if len(_drained_first(occasion)) > 1 else "by its update strategy"


def _drained_first(occasion: Occasion) -> tuple[str, ...]:
    """All pods of a target with sessions: the controller that replaces them would wait for none of them."""
    if occasion.target.sessions is None:
        return ()
    return tuple(pod.name for pod in occasion.workload.pods if not pod.terminating)
