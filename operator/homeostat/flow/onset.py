"""From a broken promise to its record: the episode is written first, then the evidence is gathered, then the record.

Nothing here changes a workload. A crash at any point is resumed from the intent's status.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta

from homeostat.contracts.remediation import (
    AutonomyFound,
    EpisodeRef,
    IntentRef,
    PolicyRef,
    Promise,
    RemediationSpec,
    TriggerRef,
)
from homeostat.contracts.remediation_policy import Mode, Trigger
from homeostat.contracts.service_intent import Episode, RecordRef
from homeostat.decide.levels import EVALUATES_ONLY, SHADOW_LEVEL, Autonomy
from homeostat.flow.autonomy import take_bearings
from homeostat.flow.episode import Governing, begin, governing, next_number
from homeostat.flow.facts import Assessment
from homeostat.flow.memory import IntentMemory
from homeostat.flow.phases import first_status
from homeostat.flow.pipeline import Conclusion, Question, conclude, terms_of
from homeostat.flow.resources import CompiledIntent, CompiledPolicy, CompiledSource, StoredRecord
from homeostat.flow.stages import Stages
from homeostat.flow.wording import clip
from homeostat.intake.ceiling import CEILING_UNREADABLE
from homeostat.record.remediations import episode_digest, record_name

log = logging.getLogger(__name__)

_WHY_LIMIT = 1024


@dataclass(frozen=True, slots=True)
class Onset:
    """An open episode that has no record yet, and what governs it."""

    intent: CompiledIntent
    source: CompiledSource
    episode: Episode
    found: Governing

    @property
    def digest(self) -> str:
        """Full digest of the episode; the record's name is cut from it."""
        return episode_digest(self.intent.stamp.uid, self.found.policy.stamp.uid, self.episode.number)

    @property
    def name(self) -> str:
        """Name of the record."""
        return record_name(self.intent.stamp.name, self.digest)


async def new_episode(
    stages: Stages,
    intent: CompiledIntent,
    policies: tuple[CompiledPolicy, ...],
    assessment: Assessment,
    last: Episode | None,
) -> Episode:
    """The episode that this look begins, numbered past everything that was ever recorded for the intent."""
    violated = assessment.violated()
    found = governing(intent, policies, violated)
    stored = await stages.records.list(intent.stamp.namespace)
    numbers = [s.record.spec.episode.number for s in stored if s.record.spec.intent.uid == intent.stamp.uid]
    number = next_number(last, numbers)
    if found is None:
        return begin(number, None, violated[0], "", assessment.at)
    digest = episode_digest(intent.stamp.uid, found.policy.stamp.uid, number)
    return begin(number, found, violated[0], record_name(intent.stamp.name, digest), assessment.at)


def governed(
    intent: CompiledIntent, policies: tuple[CompiledPolicy, ...], assessment: Assessment, episode: Episode
) -> Governing | None:
    """What governs an open episode now: its own policy while that matches, else another that does."""
    own = tuple(p for p in policies if p.stamp.name == episode.policy)
    violated = assessment.violated()
    return governing(intent, own, violated) or governing(intent, policies, violated)


def taken_up(onset: Onset) -> Episode:
    """The episode as its status must say before the record is created."""
    return onset.episode.model_copy(
        update={
            "policy": onset.found.policy.stamp.name,
            "trigger": onset.found.trigger.expectation,
            "record": RecordRef(name=onset.name),
        }
    )


async def record_onset(stages: Stages, onset: Onset, memory: IntentMemory) -> StoredRecord | None:
    """Create the record of an onset; None while the evidence is still awaited.

    The evidence may take ``diagnosis_patience`` to support a cause: a rate over its window lags behind the breach.
    """
    last = memory.tracks[onset.found.trigger.expectation].looks
    if not last or last[-1].met is not False:
        return None
    policy, bearings = onset.found.policy, await take_bearings(stages)
    autonomy = bearings.autonomy(policy, onset.intent)
    waited = stages.clock.now() - onset.episode.since
    if autonomy.level == EVALUATES_ONLY or _may_be_read_yet(stages, autonomy, waited):
        return None
    mode = mode_of(stages, autonomy)
    question = Question(
        record=onset.name,
        policy=policy.stamp.name,
        mode=mode,
        autonomy=autonomy,
        facts=bearings.facts(stages, onset.intent.stamp.namespace),
        terms=terms_of(policy.spec),
        trigger=onset.found.trigger.expectation,
        onset=onset.episode.since,
        attempts={},
    )
    conclusion = await conclude(stages, onset.intent, onset.source, memory, question)
    if not conclusion.is_final and waited < stages.settings.diagnosis_patience:
        return None
    spec = _spec(onset, mode, autonomy, memory, conclusion)
    namespace = onset.intent.stamp.namespace
    status = first_status(namespace, onset.name, spec, stages.clock.now())
    status = status.model_copy(update={"guards": list(conclusion.decision.guards)})
    stored = await stages.records.create(namespace, spec, status)
    stages.metrics.decision(conclusion.decision.ruling)
    log.info("recorded episode %d of %s as %s", onset.episode.number, onset.intent.stamp.name, stored.name)
    return stored


def mode_of(stages: Stages, autonomy: Autonomy) -> Mode:
    """Live where the level allows acts; Shadow also while decisions in records are not proven to be guarded."""
    is_shadow = stages.approvals.unprotected or autonomy.level <= SHADOW_LEVEL
    return Mode.SHADOW if is_shadow else Mode.LIVE


def _may_be_read_yet(stages: Stages, autonomy: Autonomy, waited: timedelta) -> bool:
    """Whether it is too early to take a ceiling that cannot be read for Shadow: the record would stay so."""
    return autonomy.reason == CEILING_UNREADABLE and waited < stages.settings.diagnosis_patience


def _spec(
    onset: Onset, mode: Mode, autonomy: Autonomy, memory: IntentMemory, conclusion: Conclusion
) -> RemediationSpec:
    intent, policy = onset.intent, onset.found.policy
    reference = intent.spec.telemetry_source_ref
    return RemediationSpec(
        mode=mode,
        autonomy=AutonomyFound(level=autonomy.level, message=clip(autonomy.message)),
        intent=IntentRef(name=intent.stamp.name, uid=intent.stamp.uid, generation=intent.stamp.generation),
        policy=PolicyRef(
            name=policy.stamp.name, uid=policy.stamp.uid, generation=policy.stamp.generation, hash=policy.hash
        ),
        episode=EpisodeRef(number=onset.episode.number, since=onset.episode.since, digest=onset.digest),
        trigger=TriggerRef(name=onset.found.trigger.name, expectation=onset.found.trigger.expectation),
        owner=intent.spec.owner,
        why=_why(onset, onset.found.trigger, memory),
        evidence=list(conclusion.finding.evidence),
        diagnosis=conclusion.finding.diagnosis,
        candidates=list(conclusion.decision.candidates),
        plan=conclusion.decision.plan,
        promise=Promise(
            telemetry_source=reference.name if reference else "",
            observation_period=intent.spec.observation_period,
            targets=intent.spec.targets,
            expectations=intent.spec.expectations,
        ),
        terms=terms_of(policy.spec),
    )


def _why(onset: Onset, trigger: Trigger, memory: IntentMemory) -> str:
    track = memory.tracks[trigger.expectation]
    reading = track.looks[-1].reading
    parts = [f"source {onset.source.stamp.name}"]
    if reading.age_seconds is not None:
        parts.append(f"sample {reading.age_seconds:.1f} s old")
    if reading.load is not None:
        parts.append(f"{reading.load:.4g} events/s")
    return f"{track.message} ({', '.join(parts)})."[:_WHY_LIMIT]
