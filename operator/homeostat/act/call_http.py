"""One call, made once: what becomes of it, and how a lost answer is cleared up.

The idempotency key names the operation. Where the receiver can be asked about that key, a lost answer is looked up, and
a call that surely did not arrive is made once more under the same key. Where it cannot, a person is asked.
"""

import json
from datetime import datetime

from homeostat.act.http_template import call_key, filled_body, filled_url, http_action, values_of
from homeostat.act.in_force import GIVES_UP
from homeostat.act.operations import intend
from homeostat.act.preflight import read_same
from homeostat.contracts.actions.http import Call, HttpAction, StatusCall
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, OperationState
from homeostat.contracts.target import Target
from homeostat.flow.facts import CallAnswer, Receipt
from homeostat.flow.ports import (
    CallError,
    Calls,
    Cluster,
    KubernetesError,
    NoAnswerError,
    NotSentError,
    PlanStaleError,
)
from homeostat.flow.resources import StoredRecord

FIELD = "http"
NONE = "none"
"""What stands before a call."""

_NOT_FOUND = frozenset({404, 410})
_REFUSALS = frozenset(range(400, 500)) - {408}
_MOST_CALLS = 2
_LONGEST_SHOWN = 200


class CallHttpEffect:
    """Makes the calls of one record."""

    action = OperationAction.CALL_HTTP

    def __init__(self, cluster: Cluster, calls: Calls, record: StoredRecord) -> None:
        self._cluster, self._calls, self._record = cluster, calls, record

    async def apply(self, namespace: str, operation: Operation, target: Target) -> Receipt:
        """Make the call; once more only where the receiver itself says that the first did not arrive."""
        call = self._call(operation)
        if call is None:
            return Receipt(OperationState.VOID, message=f"step {operation.step} has no undo; nothing was changed")
        lost = ""
        for _ in range(_MOST_CALLS if self._status_of_key(operation) else 1):
            known = await self._before(namespace, operation, target, lost)
            if known is not None:
                return known
            try:
                answer = await self._send(call, operation)
            except NotSentError as error:
                if not lost:
                    return Receipt(OperationState.VOID, message=f"{error}; nothing was changed")
                break  # the call before may have arrived
            except NoAnswerError as error:
                lost = str(error)
                continue
            receipt = _receipt(call, answer)
            # A refusal after a lost call may be of the second under that key, while the first is still worked on.
            if receipt is not None and not (lost and receipt.state is OperationState.VOID):
                return receipt
            lost = f"it answered {_told(answer)}"
        return await self._after_loss(namespace, operation, target, lost)

    async def happened(self, namespace: str, operation: Operation, target: Target) -> Receipt:  # noqa: ARG002 - the signature is the port's
        """What the receiver says of the key; without a place to ask, nobody knows."""
        status = self._status_of_key(operation)
        if status is None:
            message = f"Whether {operation.intended} was called cannot be told: its receiver has no status for the key."
            return Receipt(OperationState.UNKNOWN, message=f"{message} Ask there before doing anything by hand.")
        try:
            answer = await self._ask(status, operation)
        except CallError as error:
            return Receipt(OperationState.UNKNOWN, message=f"The receiver could not be asked about the call: {error}")
        if answer.status in status.expect:
            return Receipt(OperationState.APPLIED, message=_told(answer))
        if answer.status not in _NOT_FOUND:
            message = f"The receiver does not tell whether the call arrived: {_told(answer)}"
            return Receipt(OperationState.UNKNOWN, message=message)
        try:
            await read_same(self._cluster, namespace, operation.target)
        except PlanStaleError as stale:
            return Receipt(OperationState.VOID, message=str(stale))
        return Receipt(OperationState.INTENDED, message="the receiver does not know the call")

    async def in_force(self, namespace: str, operation: Operation, target: Target) -> str:  # noqa: ARG002 - the signature is the port's
        """Empty once the receiver says so; at once where it cannot be asked."""
        status = self._status(operation)
        if status is None:
            return ""
        try:
            answer = await self._ask(status, operation)
        except CallError as error:
            return f"the receiver to tell ({error})"
        if answer.status not in status.expect:
            return f"the receiver to tell ({_told(answer)})"
        return _awaited(operation, status, answer)

    async def reverse(
        self,
        namespace: str,
        operation: Operation,
        target: Target,
        kind: OperationKind,
        number: int,
        at: datetime,
    ) -> Operation | None:
        """The step's ``undo``; None where it has none.

        Raises:
            PlanStaleError: the target is another one, or the receiver does not know the call any more.
        """
        undo = self._action(operation).undo
        if undo is None:
            return None
        await read_same(self._cluster, namespace, operation.target)
        if self._status_of_key(operation):
            known = await self.happened(namespace, operation, target)
            if known.state is not OperationState.APPLIED:
                raise PlanStaleError(f"{operation.intended} does not stand ({known.message}), and is left alone")
        return intend(
            step=operation.step,
            attempt=operation.attempt,
            kind=kind,
            number=number,
            action=OperationAction.CALL_HTTP,
            target=operation.target,
            resource_version="",
            field=FIELD,
            before=operation.intended,
            intended=f"{undo.method} {undo.url}",
            at=at,
        )

    async def _before(self, namespace: str, operation: Operation, target: Target, lost: str) -> Receipt | None:
        """What forbids the call, or makes it needless; None where it is to be made."""
        if self._status_of_key(operation):
            known = await self.happened(namespace, operation, target)
            unasked = known.state is OperationState.UNKNOWN and not lost
            if known.state is OperationState.VOID or unasked:
                return Receipt(OperationState.VOID, message=f"{known.message}; nothing was changed")
            return None if known.state is OperationState.INTENDED else known
        try:
            await read_same(self._cluster, namespace, operation.target)
        except (PlanStaleError, KubernetesError) as error:
            return Receipt(OperationState.VOID, message=f"{error}; nothing was changed")
        return None

    async def _after_loss(self, namespace: str, operation: Operation, target: Target, lost: str) -> Receipt:
        known = await self.happened(namespace, operation, target)
        if known.state is OperationState.APPLIED:
            return known
        message = f"No answer came to {operation.intended} ({lost}); it may still take effect. {known.message}"
        return Receipt(OperationState.UNKNOWN, message=message)

    async def _send(self, call: Call, operation: Operation) -> CallAnswer:
        values = values_of(self._record, operation)
        headers = {h.name: h.value for h in call.headers}
        headers["Idempotency-Key"] = call_key(self._record.uid, operation.id)
        body = None if call.body is None else filled_body(call.body, values)
        return await self._calls.call(call.method, filled_url(call.url, values), headers, body)

    async def _ask(self, status: StatusCall, operation: Operation) -> CallAnswer:
        return await self._calls.call("GET", filled_url(status.url, values_of(self._record, operation)), {}, None)

    def _action(self, operation: Operation) -> HttpAction:
        return http_action(next(s for s in self._record.record.spec.terms.steps if s.name == operation.step))

    def _call(self, operation: Operation) -> Call | None:
        action = self._action(operation)
        return action.call if operation.kind is OperationKind.APPLY else action.undo

    def _status(self, operation: Operation) -> StatusCall | None:
        """Where to ask about an operation; an undo has no place of its own."""
        return self._action(operation).status if operation.kind is OperationKind.APPLY else None

    def _status_of_key(self, operation: Operation) -> StatusCall | None:
        """Where to ask about this very call, if anywhere."""
        status = self._status(operation)
        return status if status is not None and status.tells_one_call_from_others else None


def _receipt(call: Call, answer: CallAnswer) -> Receipt | None:
    """What an answer means; None where it leaves open whether the call took effect."""
    if answer.status in call.expect:
        return Receipt(OperationState.APPLIED, message=_told(answer))
    if answer.status in _REFUSALS:
        return Receipt(OperationState.VOID, message=f"The receiver refused: {_told(answer)}; nothing was changed")
    return None


def _awaited(operation: Operation, status: StatusCall, answer: CallAnswer) -> str:
    """What a status that is known there leaves to wait for."""
    if status.state is None:
        return ""
    state = _state(answer, status.state)
    if state in status.failed:
        return f"{GIVES_UP}{operation.intended}: the receiver says {state}"
    if state in status.done or (not status.done and state):
        return ""
    return f"the receiver to be done ({status.state} is {state or 'not there'})"


def _told(answer: CallAnswer) -> str:
    """Status and first line of an answer."""
    line = next((line.strip() for line in answer.text.splitlines() if line.strip()), "")
    printable = "".join(c if c.isprintable() else " " for c in line)
    return f"{answer.status}{f' {printable[:_LONGEST_SHOWN]}' if printable else ''}"


def _state(answer: CallAnswer, pointer: str) -> str:
    """The text at a JSON Pointer of an answer; empty where there is none."""
    try:
        node = json.loads(answer.text)
    except ValueError:
        return ""
    for part in pointer[1:].split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(node, dict) and name in node:
            node = node[name]
        elif isinstance(node, list) and name.isdecimal() and int(name) < len(node):
            node = node[int(name)]
        else:
            return ""
    return node if isinstance(node, str) else ""
