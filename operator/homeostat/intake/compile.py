"""Pure: custom resources as stored into what the engine works with, or why they are refused."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from homeostat.contracts.autonomy_ceiling import AutonomyCeilingSpec
from homeostat.contracts.expectation import Expectation
from homeostat.contracts.maintenance_window import MaintenanceWindowSpec
from homeostat.contracts.remediation_policy import RemediationPolicySpec
from homeostat.contracts.service_intent import ServiceIntentSpec
from homeostat.contracts.target import Target
from homeostat.contracts.telemetry_source import TelemetrySourceSpec
from homeostat.decide.expressions.evaluate import Gives, fault
from homeostat.decide.expressions.places import expressions_of
from homeostat.flow.promql import EVERYWHERE, WITH_PODS, check
from homeostat.flow.resources import (
    Body,
    CompiledCeiling,
    CompiledIntent,
    CompiledPolicy,
    CompiledSource,
    CompiledWindow,
    Refusal,
    Stamp,
)

INVALID_SPEC = "InvalidSpec"
INVALID_QUERY = "InvalidQuery"
INVALID_EXPRESSION = "InvalidExpression"
UNKNOWN_CAUSE = "UnknownCause"

BUILT_IN_CAUSES = frozenset({"Saturated", "Misconfigured", "TargetDown"})
"""Causes that a step may name without a hypothesis of the policy's author."""

_MOST_FAULTS_TOLD = 3

Query = tuple[str, str, frozenset[str]]
"""Field, PromQL, and the placeholders that it may use."""

Spec = TypeVar("Spec", bound=BaseModel)


def compile_intent(body: Body) -> CompiledIntent | Refusal:
    """An intent that can be evaluated, as far as the intent itself tells."""
    spec = _validated(ServiceIntentSpec, body)
    if isinstance(spec, Refusal):
        return spec
    queries = [q for expectation in spec.expectations for q in _of_expectation(expectation)]
    refusal = _queries(queries + [q for target in spec.targets for q in _of_sessions(target)])
    if refusal is not None:
        return refusal
    return CompiledIntent(_stamp(body), dict(body["metadata"].get("labels") or {}), spec)


def compile_policy(body: Body) -> CompiledPolicy | Refusal:
    """A policy that can be followed, as far as the policy itself tells."""
    spec = _validated(RemediationPolicySpec, body)
    if isinstance(spec, Refusal):
        return spec
    refusal = _queries(_of_policy(spec)) or _causes(spec) or _expressions(spec)
    if refusal is not None:
        return refusal
    return CompiledPolicy(_stamp(body), spec, policy_hash(spec))


def compile_source(body: Body) -> CompiledSource | Refusal:
    """A telemetry source that can be asked, as far as the source itself tells."""
    spec = _validated(TelemetrySourceSpec, body)
    if isinstance(spec, Refusal):
        return spec
    refusal = _queries([("spec.cpuUsage", spec.cpu_usage, WITH_PODS)])
    return refusal or CompiledSource(_stamp(body), spec)


def compile_window(body: Body) -> CompiledWindow | Refusal:
    """Planned work that can be told apart from the rest, as far as the window itself tells."""
    spec = _validated(MaintenanceWindowSpec, body)
    return spec if isinstance(spec, Refusal) else CompiledWindow(_stamp(body), spec)


def compile_ceiling(body: Body) -> CompiledCeiling | Refusal:
    """A ceiling that can be kept to."""
    spec = _validated(AutonomyCeilingSpec, body)
    if isinstance(spec, Refusal):
        return spec
    for number, rule in enumerate(spec.never):
        wrong = fault(rule.if_, Gives.CONDITION) if rule.if_ is not None else ""
        if wrong:
            field = f"spec.never[{number}].if"
            return Refusal(INVALID_EXPRESSION, f"{field}: {wrong}", field)
    return CompiledCeiling(_stamp(body), spec)


def policy_hash(spec: RemediationPolicySpec) -> str:
    """SHA-256 of a policy's spec with its defaults, the same however the YAML was written."""
    text = json.dumps(spec.model_dump(mode="json", by_alias=True), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _validated(model: type[Spec], body: Body) -> Spec | Refusal:
    spec = body.get("spec") or {}
    try:
        return model.model_validate(spec)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        told = [f"{_path(spec, fault['loc'])}: {_sentence(fault['msg'])}" for fault in faults]
        more = f" (and {len(told) - _MOST_FAULTS_TOLD} more)" if len(told) > _MOST_FAULTS_TOLD else ""
        return Refusal(INVALID_SPEC, "; ".join(told[:_MOST_FAULTS_TOLD]) + more, _path(spec, faults[0]["loc"]))


def _path(spec: Any, location: Sequence[str | int]) -> str:  # noqa: ANN401 - any JSON may stand in a broken spec
    """A field as people write it, list items by their names: ``spec.expectations[setup-success].value``."""
    path, node = "spec", spec
    for part in location:
        if isinstance(part, int):
            node = node[part] if isinstance(node, Sequence) and part < len(node) else None
            path += f"[{node['name'] if isinstance(node, Mapping) and 'name' in node else part}]"
        else:
            node = node.get(part) if isinstance(node, Mapping) else None
            path += f".{part}"
    return path


def _sentence(message: str) -> str:
    return message.removeprefix("Value error, ").removeprefix("Assertion failed, ")


def _queries(queries: Sequence[Query]) -> Refusal | None:
    for field, query, placeholders in queries:
        fault = check(query, placeholders)
        if fault:
            return Refusal(INVALID_QUERY, f"{field}: {fault}", field)
    return None


def _of_expectation(expectation: Expectation) -> list[Query]:
    field = f"spec.expectations[{expectation.name}]"
    queries = [
        ("query", expectation.query),
        ("ratio.good", expectation.ratio.good if expectation.ratio else None),
        ("ratio.total", expectation.ratio.total if expectation.ratio else None),
        ("fallback.query", expectation.fallback.query if expectation.fallback else None),
    ]
    return [(f"{field}.{name}", query, EVERYWHERE) for name, query in queries if query is not None]


def _of_sessions(target: Target) -> list[Query]:
    if target.sessions is None:
        return []
    field, sessions = f"spec.targets[{target.name}].sessions", target.sessions
    queries = [("query", sessions.query), ("registrations", sessions.registrations)]
    return [(f"{field}.{name}", query, WITH_PODS) for name, query in queries if query is not None]


def _of_policy(spec: RemediationPolicySpec) -> list[Query]:
    evidence = [
        (f"spec.causes[{cause.name}].evidence[{rule.name}].query", rule.query, EVERYWHERE)
        for cause in spec.causes
        for rule in cause.evidence
        if rule.query is not None
    ]
    choices = [
        (f"spec.steps[{step.name}].action.evict.worst.query", step.action.evict.worst.query, WITH_PODS)
        for step in spec.steps
        if step.action.evict is not None
    ]
    return evidence + choices


def _expressions(spec: RemediationPolicySpec) -> Refusal | None:
    for field, text, gives in expressions_of(spec):
        wrong = fault(text, gives)
        if wrong:
            return Refusal(INVALID_EXPRESSION, f"{field}: {wrong}", field)
    return None


def _causes(spec: RemediationPolicySpec) -> Refusal | None:
    known = BUILT_IN_CAUSES | {cause.name for cause in spec.causes}
    for field, cause in _named_causes(spec):
        if cause not in known:
            return Refusal(
                UNKNOWN_CAUSE,
                f"{field}: no cause is called {cause}; built in are {', '.join(sorted(BUILT_IN_CAUSES))}, "
                "others stand in spec.causes",
                field,
            )
    return None


def _named_causes(spec: RemediationPolicySpec) -> Iterator[tuple[str, str]]:
    for step in spec.steps:
        for cause in step.causes:
            yield f"spec.steps[{step.name}].causes", cause


def _stamp(body: Body) -> Stamp:
    metadata = body["metadata"]
    return Stamp(
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 0),
    )
