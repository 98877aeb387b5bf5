"""The installed extensions, and the walls around them: a fault of theirs stops their act, never the operator."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.metadata import EntryPoint, entry_points

from pydantic import BaseModel, ValidationError

from homeostat.act.extension import ENTRY_POINTS, Extension, action_of, parameters_of
from homeostat.contracts.actions.kinds import ActionType, Reversal, Risk
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, OperationState, Plan
from homeostat.contracts.steps import Step
from homeostat.contracts.target import Target
from homeostat.flow.facts import Occasion, Preview, Receipt
from homeostat.flow.field_changes import LONGEST_VALUES
from homeostat.flow.ports import Cluster, Effect, KubernetesError, PlanStaleError
from homeostat.flow.resources import StoredRecord

log = logging.getLogger(__name__)

_MOST_FAULTS_TOLD = 3
_LONGEST_SECONDS = 60.0
"""Time that an extension has for one answer."""


@dataclass(frozen=True, slots=True)
class Extensions:
    """Extensions by name, and why others are of no use."""

    usable: Mapping[str, Extension] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)

    def why_not(self, name: str) -> str:
        """Why an extension cannot be called."""
        if name in self.broken:
            return f"extension {name} is installed and cannot be used: {self.broken[name]}"
        known = ", ".join(sorted(self.usable)) or "none"
        return f"no extension {name} is installed in the operator (installed: {known}): install it, or correct the name"


def installed_extensions() -> Extensions:
    """Load every entry point of the group; one that is broken is named in the log, and in the policies that call it."""
    usable: dict[str, Extension] = {}
    broken: dict[str, str] = {}
    for entry_point in entry_points(group=ENTRY_POINTS):
        name = entry_point.name
        if name in usable or name in broken:
            usable.pop(name, None)
            broken[name] = "several packages give an extension of this name"
            continue
        try:
            usable[name] = _loaded(entry_point)
        except Exception as error:  # whatever a third party's code raises
            broken[name] = f"{type(error).__name__}: {error}"
    for name, why in broken.items():
        log.error("extension %s cannot be used: %s", name, why)
    return Extensions(usable, broken)


def _loaded(entry_point: EntryPoint) -> Extension:
    extension: Extension = entry_point.load()()
    Risk(extension.risk)
    Reversal(extension.reversal)
    if not issubclass(extension.parameters, BaseModel):
        raise TypeError("parameters is not a pydantic model")
    for part in (extension.actuator, extension.effect):
        if not callable(part):
            raise TypeError(f"{part!r} cannot be called")
    return extension


class ExtensionActuator:
    """Plans what extensions do."""

    type = ActionType.EXTENSION

    def __init__(self, cluster: Cluster, extensions: Extensions) -> None:
        self._cluster, self._extensions = cluster, extensions

    async def preview(self, step: Step, occasion: Occasion) -> Preview:
        """What the extension would change now, at its risk, or why it cannot."""
        name = action_of(step).name
        extension = self._extensions.usable.get(name)
        if extension is None:
            return Preview(refused="UnknownExtension", message=self._extensions.why_not(name))
        try:
            parameters_of(step, extension.parameters)
        except ValidationError as error:
            return Preview(refused="InvalidParameters", message=_told(error))
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):
                preview = await extension.actuator(self._cluster).preview(step, occasion)
            _check_fits(preview)
        except Exception as error:
            log.exception("extension %s failed to preview step %s", name, step.name)
            return Preview(refused="ExtensionFailed", message=f"extension {name} failed: {error!r}")
        return replace(preview, risk=extension.risk, reversal=extension.reversal)

    async def operations(self, plan: Plan, step: Step, occasion: Occasion, at: datetime) -> tuple[Operation, ...]:
        """The extension's operations, under its name.

        Raises:
            PlanStaleError: the target is not what the plan was made for.
            KubernetesError: something could not be read, or the extension failed.
        """
        name = action_of(step).name
        extension = self._extensions.usable.get(name)
        if extension is None:
            raise PlanStaleError(self._extensions.why_not(name))
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):
                operations = await extension.actuator(self._cluster).operations(plan, step, occasion, at)
            _check_own(operations, plan.step, plan.attempt, OperationKind.APPLY)
        except (PlanStaleError, KubernetesError):
            raise
        except Exception as error:
            log.exception("extension %s failed to plan step %s", name, step.name)
            raise KubernetesError(0, "ExtensionFailed", f"extension {name} failed: {error!r}") from error
        return tuple(_signed(operation, name) for operation in operations)


class ExtensionEffect:
    """Carries out the operations of extensions for one record."""

    action = OperationAction.EXTENSION

    def __init__(self, cluster: Cluster, extensions: Extensions, record: StoredRecord) -> None:
        self._cluster, self._extensions, self._record = cluster, extensions, record

    async def apply(self, namespace: str, operation: Operation, target: Target) -> Receipt:
        """As the extension does it; not known where it fails."""
        effect = self._effect(operation)
        if effect is None:
            message = f"{self._extensions.why_not(operation.extension)}; nothing was changed"
            return Receipt(OperationState.VOID, message=message)
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):
                return await effect.apply(namespace, operation, target)
        except (PlanStaleError, KubernetesError):
            raise
        except Exception as error:
            return _failed(operation, error)

    async def happened(self, namespace: str, operation: Operation, target: Target) -> Receipt:
        """As the extension tells it; not known where it fails or is not there any more."""
        effect = self._effect(operation)
        if effect is None:
            return Receipt(OperationState.UNKNOWN, message=self._extensions.why_not(operation.extension))
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):
                return await effect.happened(namespace, operation, target)
        except KubernetesError:
            raise
        except Exception as error:
            return _failed(operation, error)

    async def in_force(self, namespace: str, operation: Operation, target: Target) -> str:
        """As the extension tells it."""
        effect = self._effect(operation)
        if effect is None:
            return f"its extension ({self._extensions.why_not(operation.extension)})"
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):
                return await effect.in_force(namespace, operation, target)
        except KubernetesError:
            raise
        except Exception as error:
            return f"extension {operation.extension}, which failed: {_failed(operation, error).message}"

    async def reverse(
        self, namespace: str, operation: Operation, target: Target, kind: OperationKind, number: int, at: datetime
    ) -> Operation | None:
        """As the extension takes it back.

        Raises:
            PlanStaleError: it is someone else's now, or the extension fails or is not there any more.
        """
        effect = self._effect(operation)
        if effect is None:
            raise PlanStaleError(f"{self._extensions.why_not(operation.extension)}; what it did is left alone")
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):
                undo = await effect.reverse(namespace, operation, target, kind, number, at)
            _check_own([undo] if undo else [], operation.step, operation.attempt, kind)
        except (PlanStaleError, KubernetesError):
            raise
        except Exception as error:
            raise PlanStaleError(f"{_failed(operation, error).message} What it did is left alone") from error
        return None if undo is None else _signed(undo, operation.extension)

    def _effect(self, operation: Operation) -> Effect | None:
        extension = self._extensions.usable.get(operation.extension)
        return None if extension is None else extension.effect(self._cluster, self._record)


def _check_fits(preview: Preview) -> None:
    """What would break the record must not reach it.

    Raises:
        ValueError: a text is longer than a record holds.
    """
    for name in ("field", "before", "intended", "description"):
        if len(getattr(preview, name)) > LONGEST_VALUES:
            raise ValueError(f"its {name} is longer than the {LONGEST_VALUES} characters that a record holds")


def _check_own(operations: Sequence[Operation], step: str, attempt: int, kind: OperationKind) -> None:
    """Operations stand in the record beside others, which they must not be taken for.

    Raises:
        ValueError: they are not those that were asked for.
    """
    if len({operation.id for operation in operations}) < len(operations):
        raise ValueError("two of its operations have the same id")
    for o in operations:
        if (o.step, o.attempt, o.kind, o.state) != (step, attempt, kind, OperationState.INTENDED):
            raise ValueError(f"operation {o.id} is not an Intended {kind} of step {step}, attempt {attempt}")


def _signed(operation: Operation, name: str) -> Operation:
    return operation.model_copy(update={"action": OperationAction.EXTENSION, "extension": name})


def _failed(operation: Operation, error: Exception) -> Receipt:
    log.error("extension %s failed at operation %s", operation.extension, operation.id, exc_info=error)
    message = f"Extension {operation.extension} failed: {error!r}. Look at its target before doing anything by hand."
    return Receipt(OperationState.UNKNOWN, message=message)


def _told(error: ValidationError) -> str:
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    told = [f"{'.'.join(('parameters', *map(str, fault['loc'])))}: {fault['msg']}" for fault in faults]
    more = f" (and {len(told) - _MOST_FAULTS_TOLD} more)" if len(told) > _MOST_FAULTS_TOLD else ""
    return "; ".join(told[:_MOST_FAULTS_TOLD]) + more
