"""Planning the action ``evict``: which pods are the worst now, and whether they may go."""

from collections.abc import Mapping
from datetime import datetime

from homeostat.act.disruption_budgets import DisruptionBudget, budgets_over
from homeostat.act.instance_restarts import evictions
from homeostat.act.pods import is_ending, is_ready, pods_of, serves
from homeostat.act.preflight import describe, read_same
from homeostat.act.refusals import not_found, not_readable
from homeostat.act.worst_pods import Candidate, choose, told, victims_of, victims_text
from homeostat.cluster.identity import identity_of
from homeostat.contracts.actions.evict import EvictAction
from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.operations import Operation, OperationKind, Plan
from homeostat.contracts.steps import Step
from homeostat.flow.facts import Occasion, Preview, Reading, Unknown
from homeostat.flow.ports import Cluster, KubernetesError, NotFoundError, PlanStaleError, PodMeasurements
from homeostat.flow.resources import Body

FIELD = "pods"
_OVER = frozenset({"Succeeded", "Failed"})
"""Phases of pods that run no more."""


class EvictActuator:
    """Plans the eviction of the worst pods."""

    type = ActionType.EVICT

    def __init__(self, cluster: Cluster, measurements: PodMeasurements) -> None:
        self._cluster, self._measurements = cluster, measurements

    async def preview(self, step: Step, occasion: Occasion) -> Preview:
        """The pods that the step would evict now, worst first, or why it cannot."""
        ref, namespace = occasion.target.ref, occasion.namespace
        name = f"{ref.kind}/{ref.name}"
        try:
            workload = await self._cluster.get(ref.api_version, ref.kind, namespace, ref.name)
            pods = await pods_of(self._cluster, namespace, workload)
            budgets = await self._budgets(namespace)
        except NotFoundError as error:
            return not_found(occasion.target, namespace, error)
        except KubernetesError as error:
            return not_readable(f"{name}, its pods or their PodDisruptionBudgets", error)
        values = await self._values(_action(step), occasion)
        if isinstance(values, Reading):
            reason = "QueryRefused" if values.unknown is Unknown.QUERY_REFUSED else "TelemetryUnknown"
            return Preview(refused=reason, message=f"how bad each pod of {name} is, is not known: {values.message}")
        ready = sum(map(serves, pods))
        choice = choose(_action(step), _candidates(pods, values, budgets), ready)
        if choice.refused:
            return Preview(refused=choice.refused, message=f"{name}: {choice.message}")
        return Preview(
            target=identity_of(workload),
            field=FIELD,
            before=f"{ready} ready",
            intended=victims_text(choice.victims),
            description=f"evict {', '.join(map(told, choice.victims))} of {name}, worst by value",
        )

    async def operations(self, plan: Plan, step: Step, occasion: Occasion, at: datetime) -> tuple[Operation, ...]:  # noqa: ARG002 - the signature is the port's
        """One operation per pod, worst first, if all of them still are pods of the workload and one ready pod stays.

        Each says how many pods are to be ready once it is replaced: one more, if it was not ready itself.

        Raises:
            PlanStaleError: a pod or the workload is another one, or no ready pod would stay.
            KubernetesError: something could not be read.
        """
        workload = await read_same(self._cluster, occasion.namespace, plan.target)
        pods = {pod["metadata"]["uid"]: pod for pod in await pods_of(self._cluster, occasion.namespace, workload)}
        victims = victims_of(plan.intended)
        gone = next((name for uid, name in victims.items() if uid not in pods or is_ending(pods[uid])), "")
        if gone:
            raise PlanStaleError(f"Pod/{gone} is gone, or no pod of {describe(plan.target)} any more")
        if not any(serves(pod) for uid, pod in pods.items() if uid not in victims):
            raise PlanStaleError(f"no other pod of {describe(plan.target)} is ready any more")
        return evictions(
            [pods[uid] for uid in victims],
            sum(map(serves, pods.values())),
            step=plan.step,
            attempt=plan.attempt,
            kind=OperationKind.APPLY,
            first=1,
            at=at,
        )

    async def _budgets(self, namespace: str) -> tuple[DisruptionBudget, ...]:
        try:
            bodies = await self._cluster.list("policy/v1", "PodDisruptionBudget", namespace)
        except NotFoundError:
            return ()  # a server without the kind has no budgets
        return tuple(map(DisruptionBudget.of, bodies))

    async def _values(self, action: EvictAction, occasion: Occasion) -> Mapping[str, float] | Reading:
        if occasion.source is None:
            return Reading(None, Unknown.SOURCE_DOWN, "the intent has no telemetry source")
        return await self._measurements.by_pod(
            occasion.source, action.worst.query, occasion.namespace, occasion.workload
        )


def _candidates(
    pods: tuple[Body, ...], values: Mapping[str, float], budgets: tuple[DisruptionBudget, ...]
) -> list[Candidate]:
    """Pods that run, have a value, and would be made anew: one that no controller owns would be gone for good."""
    return [
        Candidate(
            name=pod["metadata"]["name"],
            uid=pod["metadata"]["uid"],
            ready=is_ready(pod),
            value=values[pod["metadata"]["name"]],
            budgets=budgets_over(pod, budgets),
        )
        for pod in pods
        if pod["metadata"]["name"] in values and _is_made_anew(pod) and not is_ending(pod)
    ]


def _is_made_anew(pod: Body) -> bool:
    is_owned = any(owner.get("controller") for owner in pod["metadata"].get("ownerReferences") or ())
    return is_owned and (pod.get("status") or {}).get("phase") not in _OVER


def _action(step: Step) -> EvictAction:
    if step.action.evict is None:
        raise ValueError(f"step {step.name} does not evict")
    return step.action.evict
