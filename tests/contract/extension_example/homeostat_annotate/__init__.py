"""The action ``annotate``: one annotation of the target, for whoever else watches it."""

import shlex
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from homeostat.act.extension import parameters_of
from homeostat.act.operations import intend, opposite
from homeostat.act.preflight import describe, read_same, untouched_since, version_of
from homeostat.act.refusals import not_readable
from homeostat.act.send import Write, patching, send
from homeostat.cluster.identity import identity_of
from homeostat.cluster.managed_fields import others_wrote_since
from homeostat.contracts.actions.kinds import ActionType, Reversal, Risk
from homeostat.contracts.common import FIELD_MANAGER
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, OperationState, Plan
from homeostat.contracts.steps import Step
from homeostat.contracts.target import Target
from homeostat.flow.facts import Occasion, Preview, Receipt
from homeostat.flow.ports import Actuator, Cluster, Effect, KubernetesError, NotFoundError, PlanStaleError
from homeostat.flow.resources import Body, StoredRecord


class Parameters(BaseModel, extra="forbid"):
    """What a policy states."""

    annotation: Annotated[str, Field(pattern=r"^[a-z0-9.-]{1,253}/[A-Za-z0-9._-]{1,63}$")]
    value: Annotated[str, Field(max_length=256)]


class Annotate:
    """The extension: what a policy may state, how risky it is, and who does it."""

    parameters = Parameters
    risk = Risk.LOW
    reversal = Reversal.POSSIBLE

    def actuator(self, cluster: Cluster) -> Actuator:
        return AnnotateActuator(cluster)

    def effect(self, cluster: Cluster, record: StoredRecord) -> Effect:  # noqa: ARG002 - the operation says it all
        return AnnotateEffect(cluster)


class AnnotateActuator:
    type = ActionType.EXTENSION

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def preview(self, step: Step, occasion: Occasion) -> Preview:
        ref, wanted = occasion.target.ref, parameters_of(step, Parameters)
        name = f"{ref.kind}/{ref.name}"
        try:
            body = await self._cluster.get(ref.api_version, ref.kind, occasion.namespace, ref.name)
        except NotFoundError as error:
            return Preview(refused="TargetNotFound", message=f"{name} is not there: {error.message}")
        except KubernetesError as error:
            return not_readable(name, error)
        present = _value(body, _pointer(wanted.annotation))
        return Preview(
            target=identity_of(body),
            field=_pointer(wanted.annotation),
            before=present,
            intended=wanted.value,
            description=f"set {wanted.annotation} of {name} to {wanted.value}",
            already=present == wanted.value,
        )

    async def operations(
        self,
        plan: Plan,
        step: Step,  # noqa: ARG002 - the plan says it all
        occasion: Occasion,
        at: datetime,
    ) -> tuple[Operation, ...]:
        namespace = occasion.namespace
        body = await read_same(self._cluster, namespace, plan.target)
        if _value(body, plan.field) != plan.before:
            raise PlanStaleError(f"{plan.field} of {describe(plan.target)} is not {plan.before!r} any more")
        operation = intend(
            step=plan.step,
            attempt=plan.attempt,
            kind=OperationKind.APPLY,
            number=1,
            action=OperationAction.EXTENSION,
            target=plan.target,
            resource_version=version_of(body),
            field=plan.field,
            before=plan.before,
            intended=plan.intended,
            at=at,
        )
        words = {
            "command": _command(namespace, plan, plan.intended),
            "undo_command": _command(namespace, plan, plan.before),
        }
        return (operation.model_copy(update=words),)


class AnnotateEffect:
    action = OperationAction.EXTENSION

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def apply(self, namespace: str, operation: Operation, target: Target) -> Receipt:
        async def prepare() -> Write | Receipt:
            body = await read_same(self._cluster, namespace, operation.target)
            present = _value(body, operation.field)
            if present == operation.intended:
                return Receipt(OperationState.APPLIED)
            if present != operation.before:
                raise PlanStaleError(f"{operation.field} of {describe(operation.target)} was changed since the plan")
            annotations = {_annotation(operation.field): operation.intended or None}
            patch = {"metadata": {"resourceVersion": version_of(body), "annotations": annotations}}
            return patching(self._cluster, namespace, operation.target, patch)

        async def look() -> Receipt:
            return await self.happened(namespace, operation, target)

        return await send(operation.target, prepare, look)

    async def happened(self, namespace: str, operation: Operation, target: Target) -> Receipt:  # noqa: ARG002
        try:
            body = await read_same(self._cluster, namespace, operation.target)
        except PlanStaleError as stale:
            return Receipt(OperationState.VOID, message=str(stale))
        present = _value(body, operation.field)
        if present == operation.intended:
            return Receipt(OperationState.APPLIED)
        unmoved = untouched_since(body, operation) or not others_wrote_since(body, FIELD_MANAGER, operation.recorded_at)
        if present == operation.before and unmoved:
            return Receipt(OperationState.INTENDED)
        return Receipt(OperationState.VOID, message=f"{describe(operation.target)} was changed since; decided afresh")

    async def in_force(self, namespace: str, operation: Operation, target: Target) -> str:
        receipt = await self.happened(namespace, operation, target)
        return "" if receipt.state is OperationState.APPLIED else f"{operation.field} to be {operation.intended}"

    async def reverse(
        self,
        namespace: str,
        operation: Operation,
        target: Target,  # noqa: ARG002
        kind: OperationKind,
        number: int,
        at: datetime,
    ) -> Operation | None:
        body = await read_same(self._cluster, namespace, operation.target)
        if _value(body, operation.field) != operation.intended:
            raise PlanStaleError(f"{operation.field} was changed by someone else since, and is left alone")
        return opposite(operation, kind, number, version_of(body), at)


_ANNOTATIONS = "/metadata/annotations/"


def _pointer(annotation: str) -> str:
    """The annotation as a JSON Pointer, so that the operator finds who else sets it."""
    return _ANNOTATIONS + annotation.replace("~", "~0").replace("/", "~1")


def _annotation(pointer: str) -> str:
    return pointer.removeprefix(_ANNOTATIONS).replace("~1", "/").replace("~0", "~")


def _value(body: Body, pointer: str) -> str:
    return str((body["metadata"].get("annotations") or {}).get(_annotation(pointer), ""))


def _command(namespace: str, plan: Plan, value: str) -> str:
    annotation = _annotation(plan.field)
    change = f"{annotation}={value} --overwrite" if value else f"{annotation}-"
    return (
        f"kubectl annotate {plan.target.kind.lower()}/{plan.target.name} -n {namespace} {shlex.join(change.split(' '))}"
    )
