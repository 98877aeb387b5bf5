"""Planning the action ``resize``: each running pod in place, or the workload's pod template."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from homeostat.act.container_resources import (
    ContainerField,
    Values,
    Wanted,
    change_of,
    quality_of_service,
    request_above_limit,
    spelled,
    stated,
    wanted,
)
from homeostat.act.operations import intend
from homeostat.act.pods import running_pods
from homeostat.act.preflight import describe, read_same, version_of
from homeostat.act.refusals import RefusedError, not_found, not_readable
from homeostat.act.resize import SUBRESOURCE
from homeostat.act.restart import cannot_restart
from homeostat.act.rollout_ends import ended_by_rollout
from homeostat.cluster.identity import identity_of
from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.actions.resize import ResizeAction, Through
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, Plan
from homeostat.contracts.steps import Step
from homeostat.flow.facts import Occasion, Preview
from homeostat.flow.ports import Cluster, KubernetesError, NotFoundError, PlanStaleError
from homeostat.flow.resources import Body

MOST_PODS = 10
"""Most pods that one attempt changes in place: each is an operation in the record, and so is its undo."""

_ASKS = (
    "the step says InPlace and the server cannot resize running pods, so a person is asked before they are restarted"
)


@dataclass(frozen=True, slots=True)
class _Holder:
    """An object that holds the container: a pod, or the workload with its template; and what is written to it."""

    body: Body
    present: Values
    change: Values


@dataclass(frozen=True, slots=True)
class _Look:
    """The target as it is, and what the step makes of it."""

    workload: Body
    field: ContainerField
    wanted: tuple[Wanted, ...]
    holders: tuple[_Holder, ...]
    ends: tuple[str, ...]
    is_fallback: bool

    @property
    def to_change(self) -> tuple[_Holder, ...]:
        return tuple(holder for holder in self.holders if holder.change)

    @property
    def before(self) -> str:
        return spelled({w.place: w.before for w in self.wanted})

    @property
    def intended(self) -> str:
        return spelled({w.place: w.value for w in self.wanted})


class ResizeActuator:
    """Plans a container's CPU and memory."""

    type = ActionType.RESIZE

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def preview(self, step: Step, occasion: Occasion) -> Preview:
        """The quantities that the step would set now, or why it cannot."""
        namespace, ref = occasion.namespace, occasion.target.ref
        try:
            workload = await self._cluster.get(ref.api_version, ref.kind, namespace, ref.name)
            look = await self._look(occasion, workload, _action(step))
        except NotFoundError as error:
            return not_found(occasion.target, namespace, error)
        except KubernetesError as error:
            return not_readable(f"{ref.kind}/{ref.name} or its pods", error)
        except RefusedError as refused:
            return refused.preview
        limits = "; ".join(w.limit for w in look.wanted if w.limit)
        already = not look.to_change
        return Preview(
            target=identity_of(workload),
            field=str(look.field),
            before=look.before,
            intended=look.intended,
            description=_described(look),
            message=limits or (f"{look.field.container} states {look.intended} already" if already else ""),
            already=already,
            asks=_ASKS if look.is_fallback else "",
        )

    async def operations(self, plan: Plan, step: Step, occasion: Occasion, at: datetime) -> tuple[Operation, ...]:
        """One operation for each pod that is changed, or one for the template.

        Raises:
            PlanStaleError: the workload is another one, or its containers state other values.
            KubernetesError: something could not be read.
        """
        workload = await read_same(self._cluster, occasion.namespace, plan.target)
        try:
            look = await self._look(occasion, workload, _action(step))
        except RefusedError as refused:
            raise PlanStaleError(str(refused)) from refused
        if (str(look.field), look.before, look.intended) != (plan.field, plan.before, plan.intended):
            raise PlanStaleError(f"{plan.field} of {describe(plan.target)} states {look.before} now, not {plan.before}")
        return tuple(
            intend(
                step=plan.step,
                attempt=plan.attempt,
                kind=OperationKind.APPLY,
                number=number,
                action=OperationAction.RESIZE,
                target=identity_of(holder.body),
                resource_version=version_of(holder.body),
                field=plan.field,
                before=spelled({place: holder.present[place] for place in holder.change}),
                intended=spelled(holder.change),
                at=at,
                ends=look.ends,
            )
            for number, holder in enumerate(look.to_change, start=1)
        )

    async def _look(self, occasion: Occasion, workload: Body, action: ResizeAction) -> _Look:
        namespace = occasion.namespace
        in_place = action.through is Through.IN_PLACE and await self._cluster.serves("v1", "Pod", SUBRESOURCE)
        field = ContainerField(action.container, in_template=not in_place)
        bodies = await self._pods(namespace, workload) if in_place else _template(workload)
        ends = () if in_place else await ended_by_rollout(self._cluster, namespace, workload, occasion.target)
        present = [_values(body, field) for body in bodies]
        values = wanted(action, present)
        holders = (_Holder(b, p, change_of(p, values)) for b, p in zip(bodies, present, strict=True))
        is_fallback = not in_place and action.through is Through.IN_PLACE
        look = _Look(workload, field, values, tuple(holders), ends, is_fallback=is_fallback)
        _check_stated(look, action)
        for holder in look.to_change:
            _check(holder, field)
        if len(look.to_change) > MOST_PODS:
            raise RefusedError(
                "TooManyPods",
                f"{len(look.to_change)} pods of {_name(workload)} would be changed one by one, and {MOST_PODS} are the "
                "most for one step: say through Template, which changes them by a rollout",
            )
        return look

    async def _pods(self, namespace: str, workload: Body) -> Sequence[Body]:
        pods = await running_pods(self._cluster, namespace, workload)
        if not pods:
            raise RefusedError(
                "NoRunningPods", f"{_name(workload)} has no running pod that could be resized: say through Template"
            )
        return pods


def _template(workload: Body) -> Sequence[Body]:
    obstacle = cannot_restart(workload)
    if obstacle:
        raise RefusedError("NotRestartable", obstacle)
    return (workload,)


def _values(body: Body, field: ContainerField) -> Values:
    values = field.values(body)
    if values is None:
        names = ", ".join(sorted(container["name"] for container in field.containers(body))) or "none"
        raise RefusedError("ContainerNotFound", f"{_name(body)} has no container {field.container}; it has: {names}")
    return values


def _check_stated(look: _Look, action: ResizeAction) -> None:
    """What is not stated has no value to step from, and could not be taken out of a running pod again."""
    sides = " or ".join(sorted(side.lower() for side in action.of))
    for resource in action.changes:
        if not any(w.place.endswith(f".{resource}") for w in look.wanted):
            raise RefusedError(
                "ResourceNotStated",
                f"{action.container} of {_name(look.workload)} states no {sides} of {resource}: state some in the pod "
                "template first, or take it out of the step",
            )


def _check(holder: _Holder, field: ContainerField) -> None:
    """What the API server would refuse, or what would restart every container at once."""
    name, after = _name(holder.body), {**holder.present, **holder.change}
    above = request_above_limit(after)
    if above:
        raise RefusedError(
            "RequestAboveLimit",
            f"{field.container} of {name} would request more {above} than its limit: {spelled(after)}; change both, "
            "or bound the step",
        )
    if field.in_template:
        return
    if restarting := _restarted_for(holder, field):
        raise RefusedError(
            "RestartsContainers",
            f"the resizePolicy of {field.container} in {name} restarts it for {restarting}, in all pods at once: say "
            "through Template, which restarts them one after another",
        )
    now, then = (_class(holder.body, field, values) for values in (holder.present, after))
    if now != then:
        raise RefusedError(
            "QosClassWouldChange",
            f"{name} would turn from {now} to {then}, which a running pod cannot: change requests and limits alike, or "
            "say through Template",
        )


def _restarted_for(holder: _Holder, field: ContainerField) -> str:
    container = next(c for c in field.containers(holder.body) if c["name"] == field.container)
    changed = {place.partition(".")[2] for place in holder.change}
    policies = container.get("resizePolicy") or ()
    return next(
        (
            str(policy["resourceName"])
            for policy in policies
            if policy["resourceName"] in changed and policy["restartPolicy"] == "RestartContainer"
        ),
        "",
    )


def _class(pod: Body, field: ContainerField, values: Values) -> str:
    others = [
        stated(container.get("resources"))
        for container in (*field.containers(pod), *(pod["spec"].get("initContainers") or ()))
        if container["name"] != field.container
    ]
    return quality_of_service([values, *others])


def _described(look: _Look) -> str:
    changes = ", ".join(f"{w.place} {w.before} -> {w.value}" for w in look.wanted if w.is_change)
    container, name, number = look.field.container, _name(look.workload), len(look.to_change)
    if look.field.in_template:
        return f"resize {container} in the pod template of {name}: {changes}; a rollout restarts its pods"
    if look.workload["kind"] == "Pod":
        return f"resize {container} of {name} without a restart: {changes}"
    pods = "1 running pod" if number == 1 else f"{number} running pods"
    return (
        f"resize {container} in {pods} of {name} without a restart: {changes}; its pod template, and so a pod that is "
        "made later, stays as it is"
    )


def _name(body: Body) -> str:
    return f"{body['kind']}/{body['metadata']['name']}"


def _action(step: Step) -> ResizeAction:
    if step.action.resize is None:
        raise ValueError(f"step {step.name} does not resize")
    return step.action.resize
