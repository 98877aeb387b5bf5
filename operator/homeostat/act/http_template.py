"""Filling the templates of a call, with no way to change the structure of an address or a body (pure)."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from homeostat.act.operations import operation_id
from homeostat.contracts.actions.http import PLACE, HttpAction
from homeostat.contracts.operations import Operation, OperationKind
from homeostat.contracts.steps import Step
from homeostat.flow.resources import StoredRecord

_DIGEST_LENGTH = 10


def http_action(step: Step) -> HttpAction:
    """The action of a step that makes a call.

    Raises:
        ValueError: it does something else.
    """
    if step.action.http is None:
        raise ValueError(f"step {step.name} calls nothing")
    return step.action.http


def action_digest(action: HttpAction) -> str:
    """Tells two calls apart, so that an approval of one is none of another."""
    text = json.dumps(action.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]


def call_key(record_uid: str, operation: str) -> str:
    """The idempotency key of an operation of a record."""
    return f"{record_uid}.{operation}"


def values_of(record: StoredRecord, operation: Operation) -> Mapping[str, str]:
    """What the names stand for."""
    spec = record.record.spec
    applied = operation_id(operation.step, operation.attempt, OperationKind.APPLY, 1)
    return {
        "intent": spec.intent.name,
        "namespace": record.namespace,
        "policy": spec.policy.name,
        "trigger": spec.trigger.expectation,
        "target": operation.target.name,
        "kind": operation.target.kind,
        "record": record.name,
        "step": operation.step,
        "attempt": str(operation.attempt),
        "operation": operation.id,
        "key": call_key(record.uid, operation.id),
        "takesBack": "" if operation.kind is OperationKind.APPLY else call_key(record.uid, applied),
        "why": spec.why,
        "diagnosis": spec.diagnosis.summary,
    }


def filled_url(template: str, values: Mapping[str, str]) -> str:
    """The address with its names filled, each as one percent-encoded piece that cannot leave its place."""
    filled = PLACE.sub(lambda place: quote(values[place[1]], safe=""), template)
    return quote(filled, safe="!#$%&'()*+,/:;=?@[]~-._")


def filled_body(template: str, values: Mapping[str, str]) -> str:
    """The JSON with the names in its strings filled."""
    return json.dumps(_filled(json.loads(template), values), separators=(",", ":"))


def _filled(node: Any, values: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(node, dict):
        return {name: _filled(inner, values) for name, inner in node.items()}
    if isinstance(node, list):
        return [_filled(inner, values) for inner in node]
    return PLACE.sub(lambda place: values[place[1]], node) if isinstance(node, str) else node
