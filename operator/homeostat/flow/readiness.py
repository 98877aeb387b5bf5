"""What a schema cannot say of a resource: whether what it refers to is there and can be acted on."""

from collections.abc import Sequence

from homeostat.contracts.common import parse_duration
from homeostat.contracts.remediation_policy import RemediationPolicySpec
from homeostat.decide.expressions.evaluate import expectations_named
from homeostat.decide.expressions.places import expressions_of
from homeostat.flow.episode import selects
from homeostat.flow.facts import Observation
from homeostat.flow.pipeline import preview_steps
from homeostat.flow.resources import CompiledIntent, CompiledPolicy, CompiledSource, Refusal
from homeostat.flow.stages import Stages

PASSES_BY_ITSELF = frozenset(
    {
        "NoKnownGoodContent",
        "NoPreviousRevision",
        "RevisionIsRollback",
        "RevisionNotKnown",
        "NoRunningPods",
        "TooManyPods",
        "TooManyInstances",
        "WouldEndInstances",
        "ObjectChanging",
        "Paused",
        "NoReplicas",
        "ApiServerNotReached",
        "ExpressionUnknown",
        "NoPodSelected",
        "TooFewReadyPods",
        "PdbForbids",
        "TelemetryUnknown",
    }
)
"""Refusals of a preview that time may lift; every other one is for a person to mend."""


def source_of(stages: Stages, intent: CompiledIntent) -> CompiledSource | None:
    """The telemetry source that an intent names, or the operator's default."""
    reference = intent.spec.telemetry_source_ref
    if reference is None:
        return stages.default_source
    return stages.catalog.source(intent.stamp.namespace, reference.name)


async def check_intent(stages: Stages, intent: CompiledIntent) -> Refusal | None:
    """Why an intent cannot be evaluated; None if it can."""
    if source_of(stages, intent) is None:
        return _no_source(intent)
    for target in intent.spec.targets:
        workload = await stages.workloads.look(intent.stamp.namespace, target)
        if not workload.exists:
            ref = target.ref
            return Refusal(
                "TargetNotFound",
                f"{ref.kind} {ref.name} ({ref.api_version}) is not in namespace {intent.stamp.namespace}: create it, "
                f"or correct the reference. {workload.message}".strip(),
                f"spec.targets[{target.name}].ref",
            )
    return None


def _no_source(intent: CompiledIntent) -> Refusal:
    reference = intent.spec.telemetry_source_ref
    if reference is None:
        return Refusal(
            "UnknownTelemetrySource",
            "the operator has no default telemetry source: start it with --prometheus-url, or name a TelemetrySource",
            "spec.telemetrySourceRef",
        )
    return Refusal(
        "UnknownTelemetrySource",
        f"TelemetrySource {reference.name} is not in namespace {intent.stamp.namespace}, or was refused: create it, or "
        "correct the reference",
        "spec.telemetrySourceRef.name",
    )


def matched(policy: RemediationPolicySpec, intents: Sequence[CompiledIntent]) -> tuple[CompiledIntent, ...]:
    """The intents that a policy is for."""
    return tuple(i for i in intents if selects(policy.intent_selector, i.stamp.name, i.labels))


def unmatched_triggers(policy: RemediationPolicySpec, intents: Sequence[CompiledIntent]) -> list[str]:
    """Triggers whose expectation no matched intent has."""
    known = {e.name for i in matched(policy, intents) for e in i.spec.expectations}
    return [t.name for t in policy.triggers if t.expectation not in known]


async def check_policy(stages: Stages, policy: CompiledPolicy, intents: Sequence[CompiledIntent]) -> Refusal | None:
    """Why a step of a policy cannot be done for an intent it matches; None if every step can."""
    for intent in matched(policy.spec, intents):
        refusal = (
            _check_verification(policy.spec, intent)
            or _check_expressions(policy.spec, intent)
            or await _check_steps(stages, policy, intent)
        )
        if refusal is not None:
            return refusal
    return None


def _check_verification(policy: RemediationPolicySpec, intent: CompiledIntent) -> Refusal | None:
    """Guards exist, and no span of the verification is too short for the data it is judged by."""
    terms, known = policy.verification, {e.name: e for e in intent.spec.expectations}
    for guard in terms.guard:
        if guard not in known:
            message = f"ServiceIntent {intent.stamp.name} has no expectation {guard}: correct the name or remove it"
            return Refusal("GuardNotFound", message, "spec.verification.guard")
    judged = {*terms.guard, *(t.expectation for t in policy.triggers)}
    for expectation in (known[name] for name in sorted(judged) if name in known):
        shortest = 2 * parse_duration(expectation.granularity)
        for field, span in (("stabilization", terms.stabilization), ("deadline", terms.deadline)):
            if parse_duration(span) < shortest:
                message = (
                    f"{span} is shorter than two granules ({expectation.granularity} each) of {expectation.name} in "
                    f"ServiceIntent {intent.stamp.name}: nothing could be seen in it; make it longer"
                )
                return Refusal("TooShortToSee", message, f"spec.verification.{field}")
    return None


def _check_expressions(policy: RemediationPolicySpec, intent: CompiledIntent) -> Refusal | None:
    """Every expectation that an expression reads exists."""
    known = {e.name for e in intent.spec.expectations}
    for field, text, gives in expressions_of(policy):
        for name in sorted(expectations_named(text, gives) - known):
            message = (
                f"ServiceIntent {intent.stamp.name} has no expectation {name}: correct the name; it has "
                f"{', '.join(sorted(known))}"
            )
            return Refusal("ExpectationNotFound", message, field)
    return None


async def _check_steps(stages: Stages, policy: CompiledPolicy, intent: CompiledIntent) -> Refusal | None:
    namespace = intent.stamp.namespace
    workloads = {t.name: await stages.workloads.look(namespace, t) for t in intent.spec.targets}
    observation = Observation(at=stages.clock.now(), readings={}, workloads=workloads)
    previews = await preview_steps(
        stages, namespace, policy.spec.steps, intent.spec.targets, observation, source_of(stages, intent), {}
    )
    for name, preview in previews.items():
        if preview.refused and preview.refused not in PASSES_BY_ITSELF:
            return Refusal(
                preview.refused,
                f"step {name} for ServiceIntent {intent.stamp.name}: {preview.message}",
                f"spec.steps[{name}].action",
            )
    return None
