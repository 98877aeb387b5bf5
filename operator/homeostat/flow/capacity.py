"""Capacity that an act adds: replicas that it sets, or that it makes an autoscaler keep at least (pure)."""

from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.actions.patch import AUTOSCALER_BOUNDS, group_of
from homeostat.contracts.operations import Operation, OperationAction, Plan
from homeostat.flow.field_changes import read_values, values_text

_FLOOR_UNSTATED = {"HorizontalPodAutoscaler": 1, "ScaledObject": 0}
"""The floor of an autoscaler that states none, as its API documents it."""


def bounds_given(change: Plan | Operation) -> tuple[int | None, int | None]:
    """The floor and the ceiling that a patch gives an autoscaler; None where it leaves one as it is."""
    paths = _bounds_of(change)
    if paths is None:
        return None, None
    values = read_values(change.intended)
    least, most = (None if values.get(path) is None else int(str(values[path])) for path in paths)
    return least, most


def floor_moved(change: Plan | Operation) -> tuple[int, int] | None:
    """The floor of an autoscaler before and after a patch; None where it moves none."""
    paths = _bounds_of(change)
    if paths is None or paths[0] not in read_values(change.intended):
        return None
    unstated = _FLOOR_UNSTATED[change.target.kind]
    before, after = read_values(change.before).get(paths[0]), read_values(change.intended).get(paths[0])
    return unstated if before is None else int(str(before)), unstated if after is None else int(str(after))


def replicas_moved(change: Plan | Operation) -> tuple[int, int] | None:
    """The replicas before and after that a change is answerable for; None where it adds and takes none."""
    if change.action in {ActionType.SCALE, OperationAction.SCALE}:
        return int(change.before), int(change.intended)
    return floor_moved(change)


def adds_capacity(operation: Operation) -> bool:
    """Whether an operation makes a workload larger, or keeps it larger."""
    moved = replicas_moved(operation)
    return moved is not None and moved[1] > moved[0]


def lowers_capacity(plan: Plan) -> bool:
    """Whether a plan makes a workload smaller, or lets it become so."""
    moved = replicas_moved(plan)
    return moved is not None and moved[1] < moved[0]


def intends_replicas(operation: Operation, text: str, replicas: int) -> str:
    """What an operation intends for so many replicas; the fields of a patch beside the floor are as in ``text``."""
    paths = _bounds_of(operation)
    return str(replicas) if paths is None else values_text({**read_values(text), paths[0]: replicas})


def _bounds_of(change: Plan | Operation) -> tuple[str, str] | None:
    if change.action not in {ActionType.PATCH, OperationAction.PATCH}:
        return None
    return AUTOSCALER_BOUNDS.get((group_of(change.target.api_version), change.target.kind))
