"""Who else sets what an act would change, read from the API server when an act is considered and right before it."""

import re
from collections.abc import Iterator

from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.operations import TargetIdentity
from homeostat.contracts.target import ConfigReload, Target
from homeostat.flow.facts import Owner, Ownership
from homeostat.flow.field_paths import FieldPathError, Place, find, names_paths
from homeostat.flow.ports import Cluster, KubernetesError, NotFoundError
from homeostat.flow.resources import Body
from homeostat.observe.ownership import (
    autoscalers,
    controller,
    field_owners,
    replicas_place,
    resizers,
    rollouts,
    written_by,
)

_ROLLS_OUT = frozenset({ActionType.ROLLBACK, ActionType.RESTART})
_CHANGES_AN_OBJECT = _ROLLS_OUT | {
    ActionType.SCALE,
    ActionType.RECONFIGURE,
    ActionType.PATCH,
    ActionType.RESIZE,
    ActionType.EXTENSION,
}
"""What other actions do, nobody could set back."""

_RESIZERS = (("autoscaling.k8s.io/v1", "VerticalPodAutoscaler"),)
_TEMPLATE_RESOURCES = re.compile(r"spec\.template\.spec\.containers\[([-a-z0-9]+)\]\.resources")
"""The resources of a container as ``resize`` names them; those of running pods nobody but their autoscaler sets."""

_SCALERS = (("autoscaling/v2", "HorizontalPodAutoscaler"), ("keda.sh/v1alpha1", "ScaledObject"))
_ROLLOUTS = (("argoproj.io/v1alpha1", "Rollout"),)
_FORBIDDEN = 403


class KubernetesOwners:
    """Owners of fields and workloads."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def of(
        self, namespace: str, action: ActionType, changed: TargetIdentity, field: str, target: Target
    ) -> Ownership:
        """Find the owners of a field, and of the workload where the act reaches it.

        What cannot be read makes them unknown: an owner that is not seen would fight as one that is. An act that
        changes no field has none.
        """
        if action not in _CHANGES_AN_OBJECT:
            return Ownership()
        try:
            body = await self._cluster.get(changed.api_version, changed.kind, namespace, changed.name)
            places = _places(action, field, body)
            owners = [*_of_object(body, places), *await self._of_workload(namespace, action, target)]
        except FieldPathError as error:
            return Ownership(unknown=error.message)
        except KubernetesError as error:
            return Ownership(unknown=_why(error))
        if not body["metadata"].get("managedFields"):
            return Ownership(unknown=f"{changed.kind}/{changed.name} does not say who manages its fields")
        return Ownership(tuple(owners), written_by=written_by(body, places))

    async def _of_workload(self, namespace: str, action: ActionType, target: Target) -> tuple[Owner, ...]:
        ref = target.ref
        if action is ActionType.SCALE:
            scalers = autoscalers(await self._all(namespace, _SCALERS), ref)
            return (*scalers, *rollouts(await self._all(namespace, _ROLLOUTS), ref))
        if action is ActionType.RECONFIGURE and target.config_reload is ConfigReload.RESTART:
            workload = await self._cluster.get(ref.api_version, ref.kind, namespace, ref.name)
            owner = controller(workload)
            return tuple(o for o in (owner,) if o is not None) + rollouts(await self._all(namespace, _ROLLOUTS), ref)
        if action is ActionType.RESIZE:
            resizing = resizers(await self._all(namespace, _RESIZERS), ref)
            return (*resizing, *rollouts(await self._all(namespace, _ROLLOUTS), ref))
        return rollouts(await self._all(namespace, _ROLLOUTS), ref) if action in _ROLLS_OUT else ()

    async def _all(self, namespace: str, kinds: tuple[tuple[str, str], ...]) -> list[Body]:
        bodies: list[Body] = []
        for api_version, kind in kinds:
            try:
                bodies += await self._cluster.list(api_version, kind, namespace)
            except NotFoundError:
                continue  # a kind that is not installed has no objects
        return bodies


def _of_object(body: Body, places: list[Place]) -> Iterator[Owner]:
    owner = controller(body)
    if owner is not None:
        yield owner
    yield from field_owners(body, places)


def _places(action: ActionType, field: str, body: Body) -> list[Place]:
    if action is ActionType.PATCH or (action is ActionType.EXTENSION and names_paths(field)):
        return [find(body, path) for path in field.split(" ")]
    if action is ActionType.RECONFIGURE:
        return [("data", field.partition("[")[2].partition("]")[0])]
    if action is ActionType.RESIZE:
        return list(_resources(field, body))
    if action is ActionType.ROLLBACK:
        return [("spec", "template")]
    if action is ActionType.SCALE:
        return [place] if (place := replicas_place(body)) else []
    return []


def _resources(field: str, body: Body) -> Iterator[Place]:
    found = _TEMPLATE_RESOURCES.fullmatch(field)
    if found:
        *container, _ = find(body, f"/spec/template/spec/containers/[name={found[1]}]/name")
        yield (*container, "resources")


def _why(error: KubernetesError) -> str:
    if error.status == _FORBIDDEN:
        return f"{error.message}; grant the operator's account get and list on it"
    return error.message
