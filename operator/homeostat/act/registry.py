"""The actions that can be planned and the effects that carry them out: a new one is one file and one line here."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

from homeostat.act.annotate import AnnotateEffect
from homeostat.act.call_http import CallHttpEffect
from homeostat.act.edit_config import EditConfigEffect
from homeostat.act.evict import EvictEffect
from homeostat.act.extensions import ExtensionActuator, ExtensionEffect, Extensions
from homeostat.act.hot_reload import HotReloadEffect
from homeostat.act.http_calls import Allowed, HttpCalls
from homeostat.act.instance_restarts import instance_restarts
from homeostat.act.lower_floor import lower_floor
from homeostat.act.mark_for_removal import MarkForRemovalEffect
from homeostat.act.patch import PatchEffect
from homeostat.act.plan_evict import EvictActuator
from homeostat.act.plan_http import HttpActuator
from homeostat.act.plan_job import JobActuator
from homeostat.act.plan_patch import PatchActuator
from homeostat.act.plan_reconfigure import ReconfigureActuator
from homeostat.act.plan_resize import ResizeActuator
from homeostat.act.plan_restart import RestartActuator
from homeostat.act.plan_rollback import RollbackActuator
from homeostat.act.plan_scale import ScaleActuator
from homeostat.act.resize import ResizeEffect
from homeostat.act.restart import RestartEffect
from homeostat.act.rollback import RollbackEffect
from homeostat.act.run_job import RunJobEffect
from homeostat.act.scale import ScaleEffect
from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.operations import TAKE_UP, Operation, OperationAction, OperationKind
from homeostat.contracts.target import Target
from homeostat.flow.facts import Occasion
from homeostat.flow.ports import Actuator, Calls, Cluster, ConfigHistory, Effect, PodMeasurements
from homeostat.flow.resources import StoredRecord
from homeostat.flow.standing import standing


class Registry:
    """All actions and effects."""

    def __init__(
        self,
        cluster: Cluster,
        scale: ScaleActuator,
        actuators: Sequence[Actuator],
        effects: Sequence[Effect],
        effects_of_records: Mapping[OperationAction, Callable[[StoredRecord], Effect]] | None = None,
    ) -> None:
        self._cluster = cluster
        self._scale = scale
        self._effects_of_records = effects_of_records or {}
        self._actuators = {actuator.type: actuator for actuator in (scale, *actuators)}
        self._effects = {effect.action: effect for effect in effects}

    def actuator(self, action: ActionType) -> Actuator:
        """The planner of an action."""
        return self._actuators[action]

    def effect(self, operation: Operation, record: StoredRecord | None = None) -> Effect:
        """The executor of an operation of a record.

        Raises:
            ValueError: its input stands in its record, and none is given.
        """
        of_record = self._effects_of_records.get(operation.action)
        if of_record is None:
            return self._effects[operation.action]
        if record is None:
            raise ValueError(f"operation {operation.id} cannot be carried out without its record")
        return of_record(record)

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
        """What makes a workload smaller again: marks on the pods that are to go, then the smaller size; numbered on.

        Raises:
            PlanStaleError: the target is not as this remediation left it.
        """
        if applied.action is OperationAction.PATCH:
            return await lower_floor(self._cluster, kind, applied, standing, wanted, occasion, number, at)
        return await self._scale.shrink_operations(kind, applied, standing, wanted, occasion, number, at)

    async def restart_again(
        self, namespace: str, undone: Operation, target: Target, number: int, at: datetime
    ) -> tuple[Operation, ...]:
        """The restarts by which instances that were evicted to take up an edit take up its undo; numbered on.

        Raises:
            NotFoundError: the workload is gone.
        """
        ref = target.ref
        workload = await self._cluster.get(ref.api_version, ref.kind, namespace, ref.name)
        return await instance_restarts(
            self._cluster,
            namespace,
            workload,
            target,
            step=undone.step,
            attempt=undone.attempt,
            kind=undone.kind,
            first=number,
            at=at,
        )

    def order_of_undo(self, operations: Sequence[Operation]) -> tuple[Operation, ...]:
        """Acts that stand, last attempt first; a reload after what it takes up."""
        left = standing(operations)
        attempts = dict.fromkeys((o.step, o.attempt) for o in reversed(left))
        return tuple(
            operation
            for attempt in attempts
            for operation in sorted(
                (o for o in reversed(left) if (o.step, o.attempt) == attempt), key=lambda o: o.action in TAKE_UP
            )
        )


def registry(
    cluster: Cluster,
    history: ConfigHistory,
    measurements: PodMeasurements,
    calls: Calls | None = None,
    extensions: Extensions | None = None,
) -> Registry:
    """All actions and effects on a cluster, with those that are installed beside the operator's own.

    Without ``calls`` nothing outside the cluster may be called.
    """
    calls, extensions = calls or HttpCalls(Allowed()), extensions or Extensions()
    return Registry(
        cluster,
        ScaleActuator(cluster),
        [
            ReconfigureActuator(cluster, history),
            ResizeActuator(cluster),
            RestartActuator(cluster),
            RollbackActuator(cluster),
            EvictActuator(cluster, measurements),
            PatchActuator(cluster),
            JobActuator(cluster),
            HttpActuator(cluster, calls),
            ExtensionActuator(cluster, extensions),
        ],
        [
            ScaleEffect(cluster),
            EditConfigEffect(cluster),
            RestartEffect(cluster),
            HotReloadEffect(cluster),
            AnnotateEffect(cluster),
            MarkForRemovalEffect(cluster),
            ResizeEffect(cluster),
            RollbackEffect(cluster),
            EvictEffect(cluster),
            PatchEffect(cluster),
        ],
        {
            OperationAction.RUN_JOB: partial(RunJobEffect, cluster),
            OperationAction.CALL_HTTP: partial(CallHttpEffect, cluster, calls),
            OperationAction.EXTENSION: partial(ExtensionEffect, cluster, extensions),
        },
    )
