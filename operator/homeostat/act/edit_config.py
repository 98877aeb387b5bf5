"""The change of one value in a key of a ConfigMap. The record holds digests of the texts, never the texts."""

import asyncio
from datetime import datetime
from functools import partial

from homeostat.act.config_text import ConfigField, turned
from homeostat.act.edit_error import EditError
from homeostat.act.operations import opposite
from homeostat.act.preflight import describe, read_same, untouched_since, version_of
from homeostat.act.send import Write, patching, send
from homeostat.cluster.config_history import text_digest
from homeostat.cluster.managed_fields import last_writer
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, OperationState
from homeostat.contracts.target import Target
from homeostat.flow.facts import Receipt
from homeostat.flow.ports import Cluster, PlanStaleError
from homeostat.flow.resources import Body
from homeostat.flow.wording import or_absent


def text_of(config_map: Body, key: str) -> str | None:
    """The key's text; None where there is none."""
    text = (config_map.get("data") or {}).get(key)
    return None if text is None else str(text)


async def edited(text: str, field: ConfigField, before: str, intended: str, digest: str = "") -> str:
    """The text with the value as it is to be, off the event loop: a large text takes a second to parse.

    ``digest`` is that of the text that is to come out, where several could.

    Raises:
        EditError: it cannot be edited so.
    """
    return await asyncio.to_thread(turned, text, field, before, intended, lambda result: text_digest(result) == digest)


class EditConfigEffect:
    """Writes a value in a ConfigMap's key."""

    action = OperationAction.EDIT_CONFIG

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def apply(self, namespace: str, operation: Operation, target: Target) -> Receipt:
        """Write the new text if the present one is that of the plan."""
        field = ConfigField.parse(operation.field)

        async def prepare() -> Write | Receipt:
            config_map = await read_same(self._cluster, namespace, operation.target)
            text = _present_text(config_map, field, operation)
            if text_digest(text) == operation.digest_intended:
                return Receipt(OperationState.APPLIED, message=f"{field} is {or_absent(operation.intended)} already")
            if text_digest(text) != operation.digest_before:
                raise PlanStaleError(f"{field.key} of {describe(operation.target)} was changed since the plan")
            new_text = await _planned_text(text, field, operation)
            patch = {"metadata": {"resourceVersion": version_of(config_map)}, "data": {field.key: new_text}}
            return patching(self._cluster, namespace, operation.target, patch)

        look = partial(self.happened, namespace, operation, target)
        return await send(operation.target, prepare, look)

    async def happened(self, namespace: str, operation: Operation, target: Target) -> Receipt:  # noqa: ARG002 - the signature is the port's
        """The digest of the whole text tells."""
        field = ConfigField.parse(operation.field)
        try:
            config_map = await read_same(self._cluster, namespace, operation.target)
            digest = text_digest(_present_text(config_map, field, operation))
        except PlanStaleError as stale:
            return Receipt(OperationState.VOID, message=str(stale))
        if digest == operation.digest_intended:
            return Receipt(OperationState.APPLIED)
        write = last_writer(config_map, ("data", field.key))
        if digest == operation.digest_before:
            rewritten = write is not None and write.may_be_since(operation.recorded_at)
            if untouched_since(config_map, operation) or not rewritten:
                return Receipt(OperationState.INTENDED)
            return Receipt(
                OperationState.VOID,
                message=f"{field} is as before, but was written by {write.manager if write else 'someone'} since the "
                "intention; it is decided afresh",
            )
        return Receipt(
            OperationState.UNKNOWN,
            message=f"{field.key} of {describe(operation.target)} is neither as before nor as intended: "
            f"{write.manager if write else 'someone'} changed it. Compare it before doing anything by hand.",
        )

    async def in_force(self, namespace: str, operation: Operation, target: Target) -> str:
        """Empty while the text is the intended one; that it is taken up is for the restart or reload to show."""
        receipt = await self.happened(namespace, operation, target)
        if receipt.state is OperationState.APPLIED:
            return ""
        what = f"{operation.field} of {describe(operation.target)}"
        return receipt.message or f"{what} to be {or_absent(operation.intended)}"

    async def reverse(
        self,
        namespace: str,
        operation: Operation,
        target: Target,  # noqa: ARG002 - the signature is the port's
        kind: OperationKind,
        number: int,
        at: datetime,
    ) -> Operation | None:
        """The value as it was, if the text still is the one that was written.

        Raises:
            PlanStaleError: someone else changed the text since, or the ConfigMap is another one.
        """
        if operation.digest_before == operation.digest_intended:
            return None
        field = ConfigField.parse(operation.field)
        config_map = await read_same(self._cluster, namespace, operation.target)
        text = _present_text(config_map, field, operation)
        if text_digest(text) != operation.digest_intended:
            write = last_writer(config_map, ("data", field.key))
            raise PlanStaleError(
                f"{field.key} of {describe(operation.target)} was changed since by "
                f"{write.manager if write else 'someone else'}, and is left alone"
            )
        try:
            before = await edited(text, field, operation.intended, operation.before, operation.digest_before)
        except EditError as error:
            message = f"{field} cannot be put back to {or_absent(operation.before)}: {error.message}"
            raise PlanStaleError(message) from error
        undo = opposite(operation, kind, number, version_of(config_map), at)
        return undo.model_copy(update={"digest_intended": text_digest(before)})


def _present_text(config_map: Body, field: ConfigField, operation: Operation) -> str:
    text = text_of(config_map, field.key)
    if text is None:
        raise PlanStaleError(f"{describe(operation.target)} no longer has the key {field.key}")
    return text


async def _planned_text(text: str, field: ConfigField, operation: Operation) -> str:
    try:
        new_text = await edited(text, field, operation.before, operation.intended, operation.digest_intended)
    except EditError as error:
        raise PlanStaleError(f"{field} cannot be written: {error.message}") from error
    if text_digest(new_text) != operation.digest_intended:
        raise PlanStaleError(f"the new text of {field} would not be the one that was planned")
    return new_text
