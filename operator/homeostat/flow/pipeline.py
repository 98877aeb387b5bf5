"""One pass from measurement to decision, readable top to bottom.

``look`` is made at every tick: observe, evaluate. ``conclude`` follows only while a promise is broken: diagnose,
decide. What is then done and verified is the life of a remediation (``lifecycle``).
"""

import asyncio
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from homeostat.contracts.operations import Plan
from homeostat.contracts.remediation import CandidateVerdict, Diagnosis, Terms
from homeostat.contracts.remediation_policy import Mode, RemediationPolicySpec
from homeostat.contracts.steps import Step
from homeostat.contracts.target import Target
from homeostat.decide.choose import decide
from homeostat.decide.levels import Autonomy
from homeostat.decide.variables import variables_for
from homeostat.diagnose.causes import diagnose
from homeostat.evaluate.assess import assess
from homeostat.flow.facts import (
    NOTHING_KNOWN,
    Assessment,
    Decision,
    Finding,
    Observation,
    Occasion,
    Preview,
    Ruling,
    Track,
    Variables,
    Workload,
)
from homeostat.flow.memory import IntentMemory
from homeostat.flow.past_acts import GuardFacts, PromiseRef
from homeostat.flow.resources import CompiledIntent, CompiledSource
from homeostat.flow.stages import Stages


@dataclass(frozen=True, slots=True)
class Question:
    """What a decision is asked about: the terms it is under and what was tried already."""

    record: str
    policy: str
    mode: Mode
    autonomy: Autonomy
    facts: GuardFacts
    terms: Terms
    trigger: str
    onset: datetime
    attempts: Mapping[str, int]
    after: str = ""
    after_again: bool = True
    approved: Plan | None = None
    finding: Finding | None = None
    """What is acted on without a new diagnosis; None: the breach is diagnosed."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """Why, and what follows."""

    finding: Finding
    decision: Decision

    @property
    def is_final(self) -> bool:
        """Whether more evidence would change nothing: there is something to do, or only a guard or boundary forbids."""
        held_back = any(c.verdict is CandidateVerdict.BLOCKED for c in self.decision.candidates)
        return held_back or self.decision.ruling is not Ruling.NOTHING


def terms_of(policy: RemediationPolicySpec) -> Terms:
    """The part of a policy that is copied into a record and that the record runs by."""
    return Terms(
        causes=policy.causes,
        steps=policy.steps,
        boundaries=policy.boundaries,
        guardrails=policy.guardrails,
        approval=policy.approval,
        verification=policy.verification,
        autonomy_level=policy.autonomy_level,
    )


async def look(stages: Stages, intent: CompiledIntent, source: CompiledSource, memory: IntentMemory) -> Assessment:
    """Observe and evaluate once, and publish the result to those who verify an act."""
    with stages.metrics.stage("observe"):
        observation = await stages.observer.look(intent, source)
    with stages.metrics.stage("evaluate"):
        assessment = assess(intent.spec, memory.tracks, observation.readings, observation.at)
    stages.health.note(intent, assessment, observation.workloads.values())
    await memory.publish(observation, assessment)
    return assessment


async def conclude(
    stages: Stages, intent: CompiledIntent, source: CompiledSource, memory: IntentMemory, question: Question
) -> Conclusion:
    """Diagnose the present breach and decide about it; reads, and changes nothing."""
    observation = memory.observation
    if observation is None:
        raise RuntimeError("a conclusion is drawn only after a look")
    with stages.metrics.stage("diagnose"):
        situation = await stages.observer.situation(
            intent,
            source,
            observation,
            question.trigger,
            question.terms.causes,
            memory.changes,
            load_before(memory.tracks.get(question.trigger)),
        )
        finding = question.finding or diagnose(
            intent.spec, question.terms.causes, replace(situation, onset=question.onset)
        )
    with stages.metrics.stage("decide"):
        namespace = intent.stamp.namespace
        variables = _variables(intent, question, memory, observation, finding.diagnosis, stages.clock.now())
        previews, memory.holds = await asyncio.gather(
            preview_steps(stages, namespace, question.terms.steps, intent.spec.targets, observation, source, variables),
            stages.holds.read(namespace, intent.stamp.name, question.policy, intent.spec.targets),
        )
        decision = decide(
            record=question.record,
            policy=question.policy,
            promise=PromiseRef(intent.stamp.uid, question.trigger),
            mode=question.mode,
            autonomy=question.autonomy,
            terms=question.terms,
            finding=finding,
            workloads=observation.workloads,
            previews=previews,
            variables=variables,
            guard_facts=question.facts,
            holds=memory.holds,
            cpu_share=situation.cpu_share,
            attempts=question.attempts,
            after=question.after,
            after_again=question.after_again,
            approved=question.approved,
            now=stages.clock.now(),
        )
    return Conclusion(finding, decision)


def _variables(
    intent: CompiledIntent,
    question: Question,
    memory: IntentMemory,
    observation: Observation,
    diagnosis: Diagnosis,
    now: datetime,
) -> dict[str, Variables]:
    return {
        step.name: variables_for(
            step,
            intent=intent,
            trigger=question.trigger,
            tracks=memory.tracks,
            diagnosis=diagnosis,
            workload=observation.workloads.get(step.action.target),
            now=now,
        )
        for step in question.terms.steps
    }


async def preview_steps(
    stages: Stages,
    namespace: str,
    steps: Sequence[Step],
    targets: Sequence[Target],
    observation: Observation,
    source: CompiledSource | None,
    variables: Mapping[str, Variables],
) -> dict[str, Preview]:
    """What each step would change now, by step name; ``variables`` are those of each step, as far as any are known."""
    by_name = {target.name: target for target in targets}
    previews = await asyncio.gather(
        *(
            preview_step(
                stages, namespace, step, by_name, observation.workloads, source, variables.get(step.name, NOTHING_KNOWN)
            )
            for step in steps
        )
    )
    return {step.name: preview for step, preview in zip(steps, previews, strict=True)}


async def preview_step(
    stages: Stages,
    namespace: str,
    step: Step,
    targets: Mapping[str, Target],
    workloads: Mapping[str, Workload],
    source: CompiledSource | None,
    variables: Variables = NOTHING_KNOWN,
    decided: str = "",
) -> Preview:
    """What one step would change now; refused where the intent has no such target.

    ``decided`` is the intended value of a plan that is looked at again.
    """
    target = targets.get(step.action.target)
    workload = workloads.get(step.action.target)
    if target is None or workload is None:
        known = ", ".join(sorted(targets)) or "none"
        return Preview(
            refused="TargetNotFound",
            message=f"the intent has no target {step.action.target!r}; it has: {known}",
        )
    action = step.action.type
    occasion = Occasion(namespace, target, workload, source, variables, decided)
    preview = await stages.effects.actuator(action).preview(step, occasion)
    if preview.target is None or preview.refused or preview.already:
        return preview
    return replace(preview, ownership=await stages.owners.of(namespace, action, preview.target, preview.field, target))


def load_before(track: Track | None) -> float | None:
    """Median load of the looks at which the promise was still kept; None where none is remembered."""
    loads = [look.reading.load for look in (track.looks if track else ()) if look.met and look.reading.load is not None]
    return statistics.median(loads) if loads else None
