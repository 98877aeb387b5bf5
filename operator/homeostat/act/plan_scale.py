"""Planning the action ``scale``, and its release."""

from datetime import datetime

from homeostat.act.in_force import replicas_of
from homeostat.act.preflight import describe, read_same, version_of
from homeostat.act.refusals import not_readable
from homeostat.act.scale import FIELD
from homeostat.act.sizing import MOST_INSTANCES, Sizing
from homeostat.act.static_addresses import static_addresses
from homeostat.cluster.identity import identity_of
from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.actions.scale import ScaleAction
from homeostat.contracts.operations import Operation, OperationKind, Plan
from homeostat.contracts.service_intent import Scalability, Target
from homeostat.contracts.steps import Step
from homeostat.flow.facts import Body, Occasion, Preview
from homeostat.flow.ports import Cluster, KubernetesError, NotFoundError, PlanStaleError

_ASKS = "each replica is an instance of its own (scalability Instance), so a person is asked"


class ScaleActuator:
    """Plans a number of replicas."""

    type = ActionType.SCALE

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def preview(self, step: Step, occasion: Occasion) -> Preview:
        """The replicas that the step would set now, or why it cannot."""
        namespace, target, action = occasion.namespace, occasion.target, _action(step)
        ref = target.ref
        name = f"{ref.kind}/{ref.name}"
        try:
            body = await self._cluster.get(ref.api_version, ref.kind, namespace, ref.name)
            scale = await self._scale(namespace, target)
            fixed = await static_addresses(self._cluster, namespace, body)
        except NotFoundError as error:
            message = f"{name} ({ref.api_version}) is not in namespace {namespace}: {error.message}"
            return Preview(refused="TargetNotFound", message=message)
        except KubernetesError as error:
            return not_readable(name, error)
        if scale is None:
            message = f"{name} has no /scale: it cannot be scaled. Target a kind that can, or take the step out."
            return Preview(refused="NotScalable", message=message)
        if refused := _not_ours_to_change(name, target, fixed):
            return refused
        present = replicas_of(scale)
        intended, limit = replicas_after(action, present)
        if target.sessions is not None and intended < present - MOST_INSTANCES:
            intended, limit = (
                present - MOST_INSTANCES,
                f"at most {MOST_INSTANCES} instances with sessions go in one act",
            )
        if present == 0 and action.by.endswith("%"):
            message = f"{name} has 0 replicas, and {action.by} of none is none: start it by hand, or step by a number"
            return Preview(refused="NoReplicas", message=message)
        return Preview(
            target=identity_of(body),
            field=FIELD,
            before=str(present),
            intended=str(intended),
            description=f"scale {name} {present} -> {intended}",
            message=limit,
            already=present == intended,
            asks=_ASKS if target.scalability is Scalability.INSTANCE else "",
        )

    async def operations(self, plan: Plan, step: Step, occasion: Occasion, at: datetime) -> tuple[Operation, ...]:  # noqa: ARG002 - the signature is the port's
        """The planned replicas, if those before still stand; one by one where instances with sessions go.

        Raises:
            PlanStaleError: the workload is another one, or has other replicas.
            KubernetesError: it could not be read.
        """
        scale = await read_same(self._cluster, occasion.namespace, plan.target, "scale")
        present = replicas_of(scale)
        if str(present) != plan.before:
            raise PlanStaleError(f"{describe(plan.target)} has {present} replicas now, not {plan.before}")
        sizing = Sizing(plan.step, plan.attempt, OperationKind.APPLY, plan.target, version_of(scale), at)
        return sizing.operations(occasion, present, int(plan.intended), 1)

    async def release_operations(
        self, applied: Operation, standing: str, occasion: Occasion, number: int, at: datetime
    ) -> tuple[Operation, ...]:
        """Marks on the pods that are to go, then the replicas from before the applied operation; numbered on.

        Raises:
            PlanStaleError: the workload is another one, or its replicas are not those that were applied.
            KubernetesError: it could not be read.
        """
        scale = await read_same(self._cluster, occasion.namespace, applied.target, "scale")
        present = replicas_of(scale)
        if str(present) != standing:
            raise PlanStaleError(
                f"{describe(applied.target)} has {present} replicas now, not the {standing} that were left to it"
            )
        sizing = Sizing(applied.step, applied.attempt, OperationKind.RELEASE, applied.target, version_of(scale), at)
        return sizing.operations(occasion, present, int(applied.before), number)

    async def _scale(self, namespace: str, target: Target) -> Body | None:
        ref = target.ref
        try:
            return await self._cluster.get(ref.api_version, ref.kind, namespace, ref.name, "scale")
        except NotFoundError:
            return None


def _not_ours_to_change(name: str, target: Target, fixed: str) -> Preview | None:
    if target.scalability is Scalability.NONE:
        message = f"target {target.name} says scalability None: its replicas are never changed"
        return Preview(refused="NotScalable", message=message)
    if fixed:
        message = (
            f"{name} cannot have more replicas than it has addresses for: {fixed}. Scale it by hand, or not at all."
        )
        return Preview(refused="StaticAddresses", message=message)
    return None


def replicas_after(action: ScaleAction, present: int) -> tuple[int, str]:
    """Replicas after the step, and the bound that held it back, if one did.

    A share is rounded away from zero, so that a step is a step. A bound shortens a step and never turns it round: a
    workload that is beyond ``max`` is not made smaller by a step that adds.
    """
    amount = int(action.by.strip("+-%"))
    if action.by.endswith("%"):
        amount = -(-present * amount // 100)
    if action.by.startswith("+"):
        limit = action.max
        wanted = present + amount
        return (wanted, "") if limit is None or wanted <= limit else (max(present, limit), f"at max {limit}")
    lowest = action.min or 0
    wanted = present - amount
    return (wanted, "") if wanted >= lowest else (min(present, lowest), f"at min {lowest}")


def _action(step: Step) -> ScaleAction:
    if step.action.scale is None:
        raise ValueError(f"step {step.name} does not scale")
    return step.action.scale
