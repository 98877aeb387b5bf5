"""The operations that give an autoscaler its lower floor back: at once, or instance by instance with sessions.

The autoscaler takes an instance away soon after its floor allows it, so each is marked and drained before that, and the
next one waits until it has gone. Source: Kubernetes, pkg/controller/podautoscaler/horizontal.go: the floor is applied
behind the stabilisation window, which keeps what the metrics asked for, not what the floor did.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import count

from homeostat.act.mark_for_removal import choose_victims, mark_operation
from homeostat.act.operations import operation_id
from homeostat.act.patch import PatchEffect
from homeostat.act.sizing import MOST_INSTANCES
from homeostat.contracts.operations import Operation, OperationKind
from homeostat.flow.capacity import floor_moved, intends_replicas
from homeostat.flow.facts import Occasion
from homeostat.flow.ports import Cluster


async def lower_floor(
    cluster: Cluster,
    kind: OperationKind,
    applied: Operation,
    standing: str,
    wanted: str,
    occasion: Occasion,
    number: int,
    at: datetime,
) -> tuple[Operation, ...]:
    """From the values as this remediation left them to the wanted ones, numbered on.

    Raises:
        PlanStaleError: someone else changed one of the fields since; it is theirs now.
        KubernetesError: the autoscaler could not be read.
    """
    left = applied.model_copy(update={"intended": standing, "before": wanted})
    whole = await PatchEffect(cluster).reverse(occasion.namespace, left, occasion.target, kind, number, at)
    moved = floor_moved(whole) if whole else None
    if whole is None:
        return ()
    if occasion.target.sessions is None or moved is None:
        return (whole,)
    return tuple(_one_by_one(whole, *moved, occasion, count(number), at))


def _one_by_one(
    whole: Operation, floor: int, wanted: int, occasion: Occasion, numbers: Iterator[int], at: datetime
) -> Iterator[Operation]:
    """Each instance that the floor holds is marked and ends with the floor below it; the last one brings the rest back.

    ``whole`` is the one operation that would do it at once.
    """
    present = occasion.workload.replicas or 0
    victims = iter(choose_victims(occasion.workload, wanted) if present <= floor else ())
    text, size = whole.before, floor
    while size > max(wanted, min(floor, present) - MOST_INSTANCES):
        victim = next(victims, None) if size <= present else None
        size = size - 1 if victim else max(wanted, min(size - 1, present))
        after = whole.intended if size == wanted else intends_replicas(whole, whole.before, size)
        if victim:
            yield mark_operation(victim, whole.step, whole.attempt, whole.kind, next(numbers), at)
        yield _step(whole, text, after, next(numbers), [victim.name] if victim else [])
        text = after


def _step(whole: Operation, before: str, after: str, number: int, ends: list[str]) -> Operation:
    identity = operation_id(whole.step, whole.attempt, whole.kind, number)
    return whole.model_copy(update={"id": identity, "before": before, "intended": after, "ends": ends})
