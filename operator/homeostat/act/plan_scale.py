"""Planning the action ``scale``, and its release."""

import math
from datetime import datetime

from homeostat.act.in_force import replicas_of
from homeostat.act.preflight import describe, read_same, version_of
from homeostat.act.refusals import not_found, not_readable
from homeostat.act.scale import FIELD
from homeostat.act.sizing import MOST_INSTANCES, Sizing
from homeostat.act.static_addresses import static_addresses
from homeostat.cluster.identity import identity_of
from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.actions.scale import ScaleAction
from homeostat.contracts.operations import Operation, OperationKind, Plan
from homeostat.contracts.steps import Step
from homeostat.contracts.target import Scalability, Target
from homeostat.decide.expressions.evaluate import Gives, evaluate
from homeostat.flow.facts import Occasion, Preview
from homeostat.flow.ports import Cluster, KubernetesError, NotFoundError, PlanStaleError
from homeostat.flow.resources import Body

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
            return not_found(target, namespace, error)
        except KubernetesError as error:
            return not_readable(name, error)
        if scale is None:
            message = f"{name} has no /scale: it cannot be scaled. Target a kind that can, or take the step out."
            return Preview(refused="NotScalable", message=message)
        if refused := _not_ours_to_change(name, target, fixed):
            return refused
        present = replicas_of(scale)
        aim = _aim(name, action, occasion, present)
        if isinstance(aim, Preview):
            return aim
        intended, limit, why = aim
        return Preview(
            target=identity_of(body),
            field=FIELD,
            before=str(present),
            intended=str(intended),
            description=f"scale {name} {present} -> {intended}" + (f" ({why})" if why else ""),
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

    async def shrink_operations(
        self,
        kind: OperationKind,
        applied: Operation,
        standing: str,
        wanted: str,
        occasion: Occasion,
        number: int,
        at: datetime,
    ) -> tuple[Operation, ...]:
        """Marks on the pods that are to go, then the wanted replicas; numbered on.

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
        sizing = Sizing(applied.step, applied.attempt, kind, applied.target, version_of(scale), at)
        return sizing.operations(occasion, present, int(wanted), number)

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


def _aim(name: str, action: ScaleAction, occasion: Occasion, present: int) -> tuple[int, str, str] | Preview:
    """Replicas to set, what held them back, and what an expression gave; or why there is no such number."""
    if present == 0 and action.by is not None and action.by.endswith("%"):
        message = f"{name} has 0 replicas, and {action.by} of none is none: start it by hand, or step by a number"
        return Preview(refused="NoReplicas", message=message)
    wanted, why = _wanted(action, present, occasion)
    if wanted is None:
        return Preview(refused="ExpressionUnknown", message=why)
    intended, limit = replicas_after(action, present, wanted)
    if occasion.target.sessions is not None and intended < present - MOST_INSTANCES:
        limit = f"at most {MOST_INSTANCES} instances with sessions go in one act"
        return present - MOST_INSTANCES, limit, why
    return intended, limit, why


def _wanted(action: ScaleAction, present: int, occasion: Occasion) -> tuple[int | None, str]:
    """Replicas that the step asks for, bounds aside, and what its expression gave; None where that is not known."""
    if action.to is not None:
        return action.to, ""
    if action.by is not None:
        return stepped(action.by, present), ""
    if occasion.decided:
        return int(occasion.decided), ""
    found = evaluate(action.expression or "", Gives.NUMBER, occasion.variables)
    return (None if found.value is None else math.ceil(found.value)), found.message


def stepped(by: str, present: int) -> int:
    """Replicas after a step; a share is rounded away from zero, so that a step is a step."""
    amount = int(by.strip("+-%"))
    if by.endswith("%"):
        amount = -(-present * amount // 100)
    return present + amount if by.startswith("+") else present - amount


def replicas_after(action: ScaleAction, present: int, wanted: int) -> tuple[int, str]:
    """Replicas that are set where so many are wanted, and the bound that held it back, if one did.

    No bound turns the change round: a workload that is beyond ``max`` is not made smaller where more is wanted. A step
    is shortened by a bound and never made longer; a number, written or worked out, is brought within both.
    """
    lowest = action.min or 0
    most = max(wanted, present, lowest) if action.max is None else action.max
    bounded = min(max(wanted, lowest), most)
    if wanted < present:
        bounded = min(bounded, present) if action.by is None else max(min(bounded, present), wanted)
    else:
        bounded = max(bounded, present) if action.by is None else min(max(bounded, present), wanted)
    if bounded == wanted:
        return wanted, ""
    return bounded, f"at max {most}" if bounded < wanted else f"at min {lowest}"


def _action(step: Step) -> ScaleAction:
    if step.action.scale is None:
        raise ValueError(f"step {step.name} does not scale")
    return step.action.scale
