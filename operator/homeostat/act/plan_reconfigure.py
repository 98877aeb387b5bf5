"""Planning the action ``reconfigure``: one value, then what makes the workload take it up."""

import asyncio
from datetime import datetime

from homeostat.act.config_owner import refuse_if_replaced, warning_of_others
from homeostat.act.config_text import ConfigChange, ConfigField, planned, read_value
from homeostat.act.edit_config import edited, text_of
from homeostat.act.edit_error import EditError
from homeostat.act.operations import intend
from homeostat.act.preflight import describe, read_same, version_of
from homeostat.act.refusals import RefusedError, not_readable
from homeostat.act.take_up import refuse_unless_taken_up, take_up_operations, words_for
from homeostat.cluster.config_history import text_digest
from homeostat.cluster.identity import identity_of
from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.actions.reconfigure import ReconfigureAction
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, Plan
from homeostat.contracts.steps import Step
from homeostat.contracts.target import Target
from homeostat.flow.facts import Occasion, Preview
from homeostat.flow.ports import Cluster, ConfigHistory, KubernetesError, NotFoundError, PlanStaleError
from homeostat.flow.resources import Body
from homeostat.flow.wording import clip, or_absent


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
            restored = await self._restored(namespace, action)
            await self._check_take_up(namespace, target)
            change = await asyncio.to_thread(planned, text, action, restored)
        except RefusedError as refused:
            return refused.preview
        except EditError as error:
            message = clip(f"{action.key} of ConfigMap {action.config_map}: {error.message}")
            return Preview(refused=error.reason.value, message=message)
        except KubernetesError as error:
            return not_readable(f"ConfigMap {action.config_map} or what uses it", error)
        return _preview(config_map, action, text, change, target)

    async def operations(self, plan: Plan, step: Step, occasion: Occasion, at: datetime) -> tuple[Operation, ...]:
        """The edit, then what makes the workload take it up: one operation, or one per instance with sessions.

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
            new_text = await edited(text, field, plan.before, plan.intended)
        except EditError as error:
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
        try:
            workload = await self._workload(namespace, target)
        except NotFoundError as error:
            raise PlanStaleError(f"{target.ref.kind}/{target.ref.name} is gone ({error.message})") from error
        return (edit, *await take_up_operations(self._cluster, namespace, edit, target, workload, at))

    async def _config_map(self, namespace: str, name: str) -> Body:
        try:
            return await self._cluster.get("v1", "ConfigMap", namespace, name)
        except NotFoundError as error:
            message = f"there is no ConfigMap {name} in namespace {namespace}: create it, or correct the step"
            raise RefusedError("ConfigMapNotFound", message) from error

    async def _restored(self, namespace: str, action: ReconfigureAction) -> str:
        """The value that worked; empty where none is to be restored."""
        if action.restore is None:
            return ""
        good = await self._history.last_good(namespace, action.config_map, action.key)
        if good is None:
            raise RefusedError(
                "NoKnownGoodContent",
                f"no other content of {action.key} in ConfigMap {action.config_map} is known under which the promise "
                "was kept, so there is nothing to restore",
            )
        try:
            return await asyncio.to_thread(read_value, good, action.restore, action.format)
        except EditError as error:
            message = f"the last good content of {action.key} has no value to restore: {error.message}"
            raise RefusedError("NoKnownGoodContent", message) from error

    async def _workload(self, namespace: str, target: Target) -> Body:
        ref = target.ref
        return await self._cluster.get(ref.api_version, ref.kind, namespace, ref.name)

    async def _check_take_up(self, namespace: str, target: Target) -> None:
        try:
            workload = await self._workload(namespace, target)
        except NotFoundError as error:
            message = f"{target.ref.kind}/{target.ref.name} is not in namespace {namespace}: {error.message}"
            raise RefusedError("TargetNotFound", message) from error
        refuse_unless_taken_up(workload, target)


def _preview(config_map: Body, action: ReconfigureAction, text: str, change: ConfigChange, target: Target) -> Preview:
    already = change.text == text
    state = or_absent(change.intended) if action.list_change is None else "so"
    return Preview(
        target=identity_of(config_map),
        field=str(change.field),
        before=change.before,
        intended=change.intended,
        description=clip(f"{_words(action, change)}{warning_of_others(config_map)}, then {words_for(target)}"),
        message=clip(f"{action.path} is {state} already") if already else "",
        already=already,
    )


def _words(action: ReconfigureAction, change: ConfigChange) -> str:
    place = f"{action.key} of ConfigMap/{action.config_map}"
    if action.add is not None:
        return f"add {change.intended} to {action.path} in {place}"
    if action.remove is not None:
        return f"remove {change.before} from {action.path} in {place}"
    verb = "set" if action.set is not None else "restore"
    return f"{verb} {action.path} in {place} from {change.before} to {change.intended}"


def _key_text(config_map: Body, action: ReconfigureAction) -> str:
    refuse_if_replaced(config_map)
    text = text_of(config_map, action.key)
    if text is None:
        binary = action.key in (config_map.get("binaryData") or {})
        why = "holds binary data" if binary else "does not exist"
        message = f"the key {action.key} of ConfigMap {action.config_map} {why}; name a key that holds text"
        raise RefusedError("KeyNotFound", message)
    return text


def _action(step: Step) -> ReconfigureAction:
    if step.action.reconfigure is None:
        raise ValueError(f"step {step.name} does not reconfigure")
    return step.action.reconfigure
