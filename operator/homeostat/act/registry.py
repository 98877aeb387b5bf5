"""The actions that can be planned and the effects that carry them out: a new one is one file and one line here."""

from collections.abc import Sequence
from datetime import datetime

from homeostat.act.edit_config import EditConfigEffect
from homeostat.act.hot_reload import HotReloadEffect
from homeostat.act.mark_for_removal import MarkForRemovalEffect
from homeostat.act.plan_reconfigure import ReconfigureActuator
from homeostat.act.plan_resize import ResizeActuator
from homeostat.act.plan_rollback import RollbackActuator
from homeostat.act.plan_scale import ScaleActuator
from homeostat.act.resize import ResizeEffect
from homeostat.act.restart import RestartEffect
from homeostat.act.rollback import RollbackEffect
from homeostat.act.scale import ScaleEffect
from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.operations import Operation, OperationAction
from homeostat.flow.facts import Occasion
from homeostat.flow.ports import Actuator, Cluster, ConfigHistory, Effect
from homeostat.flow.standing import standing

_TAKES_UP = frozenset({OperationAction.RESTART, OperationAction.HOT_RELOAD})


class Registry:
    """All actions and effects."""

    def __init__(self, scale: ScaleActuator, actuators: Sequence[Actuator], effects: Sequence[Effect]) -> None:
        self._scale = scale
        self._actuators = {actuator.type: actuator for actuator in (scale, *actuators)}
        self._effects = {effect.action: effect for effect in effects}

    def actuator(self, action: ActionType) -> Actuator:
        """The planner of an action."""
        return self._actuators[action]

    def effect(self, operation: Operation) -> Effect:
        """The executor of an operation."""
        return self._effects[operation.action]

    async def release_operations(
        self, applied: Operation, standing: str, occasion: Occasion, number: int, at: datetime
    ) -> tuple[Operation, ...]:
        """What takes added capacity back: marks on the pods that are to go, then the smaller size; numbered on.

        Raises:
            PlanStaleError: the target is not as this remediation left it.
        """
        return await self._scale.release_operations(applied, standing, occasion, number, at)

    def order_of_undo(self, operations: Sequence[Operation]) -> tuple[Operation, ...]:
        """Acts that stand, last attempt first; a reload after what it takes up."""
        left = standing(operations)
        attempts = dict.fromkeys((o.step, o.attempt) for o in reversed(left))
        return tuple(
            operation
            for attempt in attempts
            for operation in sorted(
                (o for o in reversed(left) if (o.step, o.attempt) == attempt), key=lambda o: o.action in _TAKES_UP
            )
        )


def registry(cluster: Cluster, history: ConfigHistory) -> Registry:
    """All actions and effects on a cluster."""
    return Registry(
        ScaleActuator(cluster),
        [ReconfigureActuator(cluster, history), ResizeActuator(cluster), RollbackActuator(cluster)],
        [
            ScaleEffect(cluster),
            EditConfigEffect(cluster),
            RestartEffect(cluster),
            HotReloadEffect(cluster),
            MarkForRemovalEffect(cluster),
            ResizeEffect(cluster),
            RollbackEffect(cluster),
        ],
    )
