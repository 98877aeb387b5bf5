"""The patch effect: named fields of any object, in one merge patch; a list that holds one is sent whole."""

import contextlib
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from homeostat.act.in_force import replicas_awaited, replicas_of
from homeostat.act.operations import opposite
from homeostat.act.preflight import describe, read_same, untouched_since, version_of
from homeostat.act.send import Write, patching, send
from homeostat.cluster.managed_fields import holders, others_wrote_since
from homeostat.contracts.actions.patch import AUTOSCALER_BOUNDS, Scalar, group_of
from homeostat.contracts.common import FIELD_MANAGER
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, OperationState
from homeostat.contracts.target import Target
from homeostat.flow.facts import Receipt
from homeostat.flow.field_changes import Values, read_values, values_text
from homeostat.flow.field_paths import FieldPathError, Place, find, value_at, with_values
from homeostat.flow.merge_patch import merge_difference
from homeostat.flow.ports import Cluster, NotFoundError, PlanStaleError
from homeostat.flow.resources import Body


def values_of(body: Body, paths: Mapping[str, Any]) -> dict[str, Scalar | None]:
    """What the fields are now, by path.

    Raises:
        FieldPathError: a path leads to no field any more.
    """
    return {path: value_at(body, find(body, path)) for path in paths}


def patch_of(body: Body, values: Values) -> dict[str, Any]:
    """The merge patch that gives the fields these values, bound to the version of the body.

    A merge patch replaces lists whole: a list that holds such a field is sent as it stands in the body, but for it.
    """
    patch = merge_difference(body, with_values(body, {find(body, path): value for path, value in values.items()}))
    return {**patch, "metadata": {**patch.get("metadata", {}), "resourceVersion": version_of(body)}}


class PatchEffect:
    """Gives fields of one object their values."""

    action = OperationAction.PATCH

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def apply(self, namespace: str, operation: Operation, target: Target) -> Receipt:
        """Write the values if those before still stand."""

        async def prepare() -> Write | Receipt:
            body = await read_same(self._cluster, namespace, operation.target)
            present = _present(body, operation)
            if present == operation.intended:
                return await self.happened(namespace, operation, target)
            if present != operation.before:
                raise PlanStaleError(
                    f"{describe(operation.target)} has {present}, not the {operation.before} of the plan"
                )
            patch = patch_of(body, read_values(operation.intended))
            return patching(self._cluster, namespace, operation.target, patch)

        look = partial(self.happened, namespace, operation, target)
        return await send(operation.target, prepare, look)

    async def happened(self, namespace: str, operation: Operation, target: Target) -> Receipt:  # noqa: ARG002 - the signature is the port's
        """Ours, if the fields have the values and our manager holds them; those before were others."""
        name = describe(operation.target)
        try:
            body = await read_same(self._cluster, namespace, operation.target)
            present = _present(body, operation)
        except PlanStaleError as stale:
            return Receipt(OperationState.VOID, message=str(stale))
        others = others_wrote_since(body, FIELD_MANAGER, operation.recorded_at)
        if present == operation.intended and _is_ours(body, operation, others=others):
            return Receipt(OperationState.APPLIED, message=f"{name} has {present}, set by Homeostat")
        if present == operation.before:
            if untouched_since(body, operation) or not others:
                return Receipt(OperationState.INTENDED, message=f"{name} still has {present}")
            return Receipt(
                OperationState.VOID,
                message=f"{name} has {present}, but was written by someone since the intention; it is decided afresh",
            )
        return Receipt(
            OperationState.UNKNOWN,
            message=f"{name} has {present}; who set that cannot be told. Intended was {operation.intended}, before was "
            f"{operation.before}.",
        )

    async def in_force(self, namespace: str, operation: Operation, target: Target) -> str:
        """Empty once the object's controller has seen the values, and an autoscaler has kept to its new bounds."""
        try:
            body = await read_same(self._cluster, namespace, operation.target)
            present = _present(body, operation)
        except PlanStaleError as stale:
            return str(stale)
        name = describe(operation.target)
        if present != operation.intended:
            return f"{operation.intended} in {name}; someone set {present} since"
        generation, observed = body["metadata"].get("generation"), (body.get("status") or {}).get("observedGeneration")
        if generation is not None and observed is not None and observed < generation:
            return f"the controller of {name} to see the change"
        return await self._taken_away(namespace, operation) or await self._scaled(namespace, body, target)

    async def reverse(
        self,
        namespace: str,
        operation: Operation,
        target: Target,  # noqa: ARG002 - the signature is the port's
        kind: OperationKind,
        number: int,
        at: datetime,
    ) -> Operation | None:
        """Back to the values before; a field that was absent goes again.

        Raises:
            PlanStaleError: someone else changed a field since, or holds it too now, or the object is another one.
        """
        body = await read_same(self._cluster, namespace, operation.target)
        present = _present(body, operation)
        others = sorted(
            {
                w.manager
                for place in _places(body, operation)
                for w in holders(body, place)
                if w.manager != FIELD_MANAGER
            }
        )
        if present != operation.intended or others or not _is_ours(body, operation, others=False):
            by = f" by {', '.join(others)}" if others else ""
            raise PlanStaleError(
                f"{describe(operation.target)} has {present}{by} and Homeostat set {operation.intended}: someone else "
                "decided since, and it is left alone"
            )
        return opposite(operation, kind, number, version_of(body), at)

    async def _taken_away(self, namespace: str, operation: Operation) -> str:
        """The instances that a lower floor is to end and that their autoscaler has not taken away yet."""
        for pod in operation.ends:
            with contextlib.suppress(NotFoundError):
                body = await self._cluster.get("v1", "Pod", namespace, pod)
                if "deletionTimestamp" not in body["metadata"]:
                    return f"{describe(operation.target)} to take {pod} away"
        return ""

    async def _scaled(self, namespace: str, body: Body, target: Target) -> str:
        """What is awaited of the autoscaler of the target whose bounds were changed; empty for any other object."""
        bounds = AUTOSCALER_BOUNDS.get((group_of(body["apiVersion"]), body["kind"]))
        if bounds is None:
            return ""
        ref = target.ref
        try:
            workload = await self._cluster.get(ref.api_version, ref.kind, namespace, ref.name)
            scale = await self._cluster.get(ref.api_version, ref.kind, namespace, ref.name, "scale")
        except NotFoundError as error:
            return f"{ref.kind}/{ref.name}, which is gone ({error.message})"
        least, most = (value_at(body, find(body, bound)) for bound in bounds)
        present = replicas_of(scale)
        if (least is not None and present < least) or (most is not None and present > most):
            return f"{describe_bounds(least, most)} replicas of {ref.kind}/{ref.name} (there are {present})"
        return await replicas_awaited(self._cluster, namespace, workload, scale, present)


def describe_bounds(least: int | None, most: int | None) -> str:
    """A range of replicas as it is named in sentences."""
    if least is None or most is None:
        return f"at least {least}" if most is None else f"at most {most}"
    return f"{least} to {most}"


def _places(body: Body, operation: Operation) -> list[Place]:
    return [find(body, path) for path in read_values(operation.intended)]


def _present(body: Body, operation: Operation) -> str:
    try:
        return values_text(values_of(body, read_values(operation.intended)))
    except FieldPathError as gone:
        raise PlanStaleError(f"{describe(operation.target)} was changed: {gone.message}") from gone


def _is_ours(body: Body, operation: Operation, *, others: bool) -> bool:
    """Whether our manager holds every field; nobody can hold an absent one, so there nobody else may have written."""
    for path, value in read_values(operation.intended).items():
        if value is None:
            if others:
                return False
        elif not any(write.manager == FIELD_MANAGER for write in holders(body, find(body, path))):
            return False
    return True
