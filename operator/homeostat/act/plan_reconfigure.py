"""Planning the action ``reconfigure``: one scalar, then a restart or a hot reload."""

import asyncio
from datetime import datetime

from homeostat.act.edit_config import ConfigField, edited, text_of
from homeostat.act.operations import intend
from homeostat.act.preflight import describe, read_same, version_of
from homeostat.act.refusals import not_readable
from homeostat.act.restart import cannot_restart, restart_operation
from homeostat.act.yaml_edit import YamlEditError, YamlEditReason, read_scalar, replace_scalar
from homeostat.cluster.config_history import text_digest
from homeostat.cluster.identity import identity_of
from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.actions.reconfigure import ReconfigureAction
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, Plan
from homeostat.contracts.service_intent import ConfigReload, Target
from homeostat.contracts.steps import Step
from homeostat.flow.facts import Body, Occasion, Preview
from homeostat.flow.ports import Cluster, ConfigHistory, KubernetesError, NotFoundError, PlanStaleError


class _RefusedError(Exception):
    """The step cannot be planned."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.preview = Preview(refused=reason, message=message)


class ReconfigureActuator:
    """Plans a change of configuration."""

    type = ActionType.RECONFIGURE

    def __init__(self, cluster: Cluster, history: ConfigHistory) -> None:
        self._cluster, self._history = cluster, history

    async def preview(self, step: Step, occasion: Occasion) -> Preview:
        """The value that the step would write now, or why it cannot."""
        namespace, target, action = occasion.namespace, occasion.target, _action(step)
        try:
            config_map = await self._config_map(namespace, action.config_map)
            text = _key_text(config_map, action)
            value = await self._value(namespace, action)
            await self._check_take_up(namespace, target)
        except _RefusedError as refused:
            return refused.preview
        except KubernetesError as error:
            return not_readable(f"ConfigMap {action.config_map} or what uses it", error)
        try:
            return await asyncio.to_thread(_preview, config_map, action, text, value, target)
        except YamlEditError as error:
            return _refused_edit(action, error)

    async def operations(self, plan: Plan, step: Step, occasion: Occasion, at: datetime) -> tuple[Operation, ...]:
        """Two operations: the edit, and what makes the workload take it up.

        Raises:
            PlanStaleError: the ConfigMap is another one, or the value is not the one before any more.
            KubernetesError: something could not be read.
        """
        namespace, target = occasion.namespace, occasion.target
        field = ConfigField.parse(plan.field)
        config_map = await read_same(self._cluster, namespace, plan.target)
        text = text_of(config_map, field.key)
        if text is None or config_map.get("immutable"):
            raise PlanStaleError(f"{describe(plan.target)} has no key {field.key} that could be changed any more")
        try:
            if await asyncio.to_thread(read_scalar, text, field.pointer) != plan.before:
                raise PlanStaleError(f"{field} of {describe(plan.target)} is not {plan.before} any more")
            new_text = await edited(text, field.pointer, plan.intended)
        except YamlEditError as error:
            raise PlanStaleError(f"{field} of {describe(plan.target)} cannot be changed any more: {error}") from error
        edit = intend(
            step=step.name,
            attempt=plan.attempt,
            kind=OperationKind.APPLY,
            number=1,
            action=OperationAction.EDIT_CONFIG,
            target=plan.target,
            resource_version=version_of(config_map),
            field=plan.field,
            before=plan.before,
            intended=plan.intended,
            digest_before=text_digest(text),
            digest_intended=text_digest(new_text),
            at=at,
        )
        return (edit, await self._take_up(namespace, edit, target, at))

    async def _config_map(self, namespace: str, name: str) -> Body:
        try:
            return await self._cluster.get("v1", "ConfigMap", namespace, name)
        except NotFoundError as error:
            message = f"there is no ConfigMap {name} in namespace {namespace}: create it, or correct the step"
            raise _RefusedError("ConfigMapNotFound", message) from error

    async def _value(self, namespace: str, action: ReconfigureAction) -> str:
        if action.set is not None:
            return action.set.value
        good = await self._history.last_good(namespace, action.config_map, action.key)
        if good is None:
            raise _RefusedError(
                "NoKnownGoodContent",
                f"no other content of {action.key} in ConfigMap {action.config_map} is known under which the promise "
                "was kept, so there is nothing to restore",
            )
        try:
            return await asyncio.to_thread(read_scalar, good, action.restore or "")
        except YamlEditError as error:
            message = f"the last good content of {action.key} has no value to restore: {error.message}"
            raise _RefusedError("NoKnownGoodContent", message) from error

    async def _workload(self, namespace: str, target: Target) -> Body:
        ref = target.ref
        return await self._cluster.get(ref.api_version, ref.kind, namespace, ref.name)

    async def _check_take_up(self, namespace: str, target: Target) -> None:
        try:
            workload = await self._workload(namespace, target)
        except NotFoundError as error:
            message = f"{target.ref.kind}/{target.ref.name} is not in namespace {namespace}: {error.message}"
            raise _RefusedError("TargetNotFound", message) from error
        if target.config_reload is ConfigReload.HOT and target.hot_reload is None:
            message = f"target {target.name} has configReload Hot but no hotReload: say where its pods reload"
            raise _RefusedError("HotReloadNotDescribed", message)
        obstacle = cannot_restart(workload) if target.config_reload is ConfigReload.RESTART else ""
        if obstacle:
            raise _RefusedError("NotRestartable", f"{obstacle}, or set configReload Hot")

    async def _take_up(self, namespace: str, edit: Operation, target: Target, at: datetime) -> Operation:
        try:
            workload = await self._workload(namespace, target)
        except NotFoundError as error:
            raise PlanStaleError(f"{target.ref.kind}/{target.ref.name} is gone ({error.message})") from error
        identity = identity_of(workload)
        if target.config_reload is ConfigReload.RESTART:
            return restart_operation(
                edit.step,
                edit.attempt,
                OperationKind.APPLY,
                2,
                workload=workload,
                identity=identity,
                at=at,
                digest_before=edit.digest_before,
                digest_intended=edit.digest_intended,
            )
        return intend(
            step=edit.step,
            attempt=edit.attempt,
            kind=OperationKind.APPLY,
            number=2,
            action=OperationAction.HOT_RELOAD,
            target=identity,
            resource_version=version_of(workload),
            field=edit.field.partition("]")[0] + "]",
            before="",
            intended="",
            digest_before=edit.digest_before,
            digest_intended=edit.digest_intended,
            at=at,
        )


def _preview(config_map: Body, action: ReconfigureAction, text: str, value: str, target: Target) -> Preview:
    pointer = action.set.path if action.set is not None else action.restore or ""
    before = read_scalar(text, pointer)
    new_text = replace_scalar(text, pointer, value, verbatim=action.set is None)
    intended = read_scalar(new_text, pointer)
    take_up = "reload" if target.config_reload is ConfigReload.HOT else "restart"
    verb = "set" if action.set is not None else "restore"
    return Preview(
        target=identity_of(config_map),
        field=str(ConfigField(action.key, pointer)),
        before=before,
        intended=intended,
        description=f"{verb} {pointer} in {action.key} of ConfigMap/{action.config_map} from {before} to {intended}, "
        f"then {take_up} {target.ref.kind}/{target.ref.name}",
        message=f"{pointer} is {before} already" if new_text == text else "",
        already=new_text == text,
    )


def _key_text(config_map: Body, action: ReconfigureAction) -> str:
    name = f"ConfigMap {action.config_map}"
    if config_map.get("immutable"):
        raise _RefusedError("ConfigMapImmutable", f"{name} is immutable: it can only be replaced by a new one")
    text = text_of(config_map, action.key)
    if text is None:
        binary = action.key in (config_map.get("binaryData") or {})
        why = "holds binary data" if binary else "does not exist"
        raise _RefusedError("KeyNotFound", f"the key {action.key} of {name} {why}; name a key that holds YAML")
    return text


def _refused_edit(action: ReconfigureAction, error: YamlEditError) -> Preview:
    reason = "KeyIsNotYaml" if error.reason is YamlEditReason.NOT_YAML else error.reason.value
    return Preview(refused=reason, message=f"{action.key} of ConfigMap {action.config_map}: {error.message}")


def _action(step: Step) -> ReconfigureAction:
    if step.action.reconfigure is None:
        raise ValueError(f"step {step.name} does not reconfigure")
    return step.action.reconfigure
