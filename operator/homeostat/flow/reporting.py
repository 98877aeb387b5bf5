"""What intents, policies and sources say of themselves in their status, and the Events that go with a change of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from homeostat.contracts.autonomy_ceiling import CEILING_NAME
from homeostat.contracts.common import API_VERSION, Condition, ConditionStatus
from homeostat.contracts.decisions import ReviewVerdict
from homeostat.contracts.operations import OperationState, TargetIdentity
from homeostat.contracts.remediation import CLOSED_PHASES, Phase
from homeostat.contracts.remediation_policy import NotActed, Outcomes, RemediationPolicyStatus
from homeostat.contracts.service_intent import ServiceIntentStatus
from homeostat.contracts.telemetry_source import TelemetrySourceStatus
from homeostat.contracts.verification import OutcomeName
from homeostat.decide.earned import Demotion
from homeostat.flow.autonomy import autonomy_of, earned_by
from homeostat.flow.facts import Observation, Unknown
from homeostat.flow.in_force import InForce, Key
from homeostat.flow.memory import IntentMemory
from homeostat.flow.people import latest_review
from homeostat.flow.readiness import matched, unmatched_triggers
from homeostat.flow.remediations import OpenRemediations
from homeostat.flow.resources import Body, CompiledSource, Refusal, StoredRecord
from homeostat.flow.shown_holds import hold_of_intent, hold_of_object
from homeostat.flow.stages import Stages
from homeostat.intake.catalog import CEILING
from homeostat.intake.ceiling import ceiling_of
from homeostat.record.aspects import refused
from homeostat.record.conditions import intent_status
from homeostat.record.policy_conditions import policy_status, source_status

_SOURCE_FAULTS = frozenset({Unknown.SOURCE_DOWN, Unknown.TIMED_OUT, Unknown.BAD_ANSWER})
_DID_NOTHING = frozenset(
    {
        Phase.BLOCKED,
        Phase.RECORDED,
        Phase.REJECTED,
        Phase.EXPIRED,
        Phase.SUPERSEDED,
        Phase.CANCELLED,
        Phase.TAKEN_OVER,
    }
)
_INTENT, _POLICY, _SOURCE = "ServiceIntent", "RemediationPolicy", "TelemetrySource"


class Reporting:
    """Writes statuses on transitions, from what the engine knows."""

    def __init__(self, stages: Stages, in_force: InForce, open_remediations: OpenRemediations) -> None:
        self._stages = stages
        self._in_force = in_force
        self._open = open_remediations
        self._health: dict[Key, tuple[bool, Unknown | None, str]] = {}

    async def intent(self, key: Key, memory: IntentMemory) -> None:
        """Write an intent's status if it changed."""
        body = self._stages.catalog.stored(_INTENT, *key)
        if body is None:
            return
        in_force = self._in_force.intent(key)
        previous = self._stages.statuses.stored_intent(*key)
        stored = self._open.latest(body["metadata"]["uid"])
        refusal = self._in_force.refusal(_INTENT, key)
        status = intent_status(
            previous,
            spec=in_force.spec if in_force else None,
            generation=body["metadata"]["generation"],
            at=self._stages.clock.now(),
            assessment=memory.assessment,
            refusal=refusal,
            episode=memory.episode,
            record=shown.record if (shown := _shown(stored, memory)) else None,
            record_lost=memory.lost_record(),
            hold=hold_of_intent(self._stages, body, in_force, memory),
        )
        await self._stages.statuses.intent(*key, body, status)
        self._tell_refusal(_INTENT, body, refusal, previous.conditions)
        self._tell_blindness(body, previous, status)

    async def policy(self, key: Key) -> None:
        """Write a policy's status if it changed."""
        body = self._stages.catalog.stored(_POLICY, *key)
        if body is None:
            return
        in_force = self._in_force.policy(key)
        refusal = self._in_force.refusal(_POLICY, key)
        previous = RemediationPolicyStatus.model_validate(body.get("status") or {})
        listed = await self._stages.records.list(key[0])
        records = [r for r in listed if r.record.spec.policy.name == key[1]]
        earned = earned_by(in_force, listed) if in_force else None
        ceiling = ceiling_of(self._stages.catalog.stored(CEILING, "", CEILING_NAME))
        intents = self._in_force.intents(key[0])
        status = policy_status(
            previous,
            spec=in_force.spec if in_force else None,
            generation=body["metadata"]["generation"],
            at=self._stages.clock.now(),
            refusal=refusal,
            matched_intents=len(matched(in_force.spec, intents)) if in_force else 0,
            unmatched_triggers=unmatched_triggers(in_force.spec, intents) if in_force else [],
            outcomes=_outcomes(records),
            last_not_acted=_last_not_acted(records),
            unprotected=self._stages.approvals.unprotected,
            hold=hold_of_object(self._stages, body),
            autonomy=autonomy_of(ceiling, in_force, None, None, earned) if in_force else None,
        )
        await self._stages.statuses.policy(*key, body, status)
        self._tell_refusal(_POLICY, body, refusal, previous.conditions)
        self._tell_demotion(body, previous, status, earned)

    async def source(self, key: Key) -> None:
        """Write a telemetry source's status if it changed."""
        body = self._stages.catalog.stored(_SOURCE, *key)
        if body is None:
            return
        refusal = self._in_force.refusal(_SOURCE, key)
        previous = TelemetrySourceStatus.model_validate(body.get("status") or {})
        answers, reason, message = self._health.get(key, (None, None, ""))
        status = source_status(
            previous,
            generation=body["metadata"]["generation"],
            at=self._stages.clock.now(),
            refusal=refusal,
            answers=answers,
            reason=reason or "",
            message=message,
        )
        await self._stages.statuses.source(*key, body, status)
        self._tell_refusal(_SOURCE, body, refusal, previous.conditions)

    def heard(self, source: CompiledSource, observation: Observation) -> None:
        """Note whether a source answered a look."""
        faults = [r for r in observation.readings.values() if r.unknown in _SOURCE_FAULTS]
        key = (source.stamp.namespace, source.stamp.name)
        self._health[key] = (False, faults[0].unknown, faults[0].message) if faults else (True, None, "")
        self._stages.metrics.source_answers(*key, not faults)

    def forget_gone_sources(self) -> None:
        """Stop saying whether a source answers that is declared no longer; the operator's default always is."""
        kept = set(self._stages.catalog.keys(_SOURCE))
        if default := self._stages.default_source:
            kept.add((default.stamp.namespace, default.stamp.name))
        for key in self._health.keys() - kept:
            del self._health[key]
            self._stages.metrics.source_gone(*key)

    def _tell_refusal(self, kind: str, body: Body, refusal: Refusal | None, known: Sequence[Condition]) -> None:
        if refusal is None:
            return
        told = {(c.type, c.reason, c.observed_generation) for c in known}
        if ("Ready", refusal.reason, body["metadata"]["generation"]) in told:
            return
        self._emit(kind, body, refusal.reason, "Validate", refused(refusal), warning=True)

    def _tell_blindness(self, body: Body, previous: ServiceIntentStatus, status: ServiceIntentStatus) -> None:
        was, now = (_condition(s, "TelemetryAvailable") for s in (previous, status))
        if now == was or now[0] == ConditionStatus.UNKNOWN:
            return
        if now[0] == ConditionStatus.FALSE:
            message = next(c.message for c in status.conditions if c.type == "TelemetryAvailable")
            self._emit(_INTENT, body, "TelemetryUnavailable", "Observe", f"{now[1]}: {message}", warning=True)
        elif was[0] == ConditionStatus.FALSE:
            self._emit(_INTENT, body, "TelemetryAvailable", "Observe", "The data is fresh and complete again.")

    def _tell_demotion(
        self, body: Body, previous: RemediationPolicyStatus, status: RemediationPolicyStatus, earned: Demotion | None
    ) -> None:
        was, now = (
            any(c.type == "Autonomous" and earned is not None and earned.record in c.message for c in s.conditions)
            for s in (previous, status)
        )
        if earned is None or was or not now:
            return
        note = f"The level of autonomy is lowered to {earned.level}: {earned.message}."
        self._emit(_POLICY, body, "Demoted", "Judge", note, warning=True)

    def _emit(self, kind: str, body: Body, reason: str, action: str, note: str, *, warning: bool = False) -> None:
        metadata: Mapping[str, Any] = body["metadata"]
        identity = TargetIdentity(api_version=API_VERSION, kind=kind, name=metadata["name"], uid=metadata["uid"])
        self._stages.events.emit(metadata["namespace"], identity, reason, action, note, warning=warning)


def _shown(stored: StoredRecord | None, memory: IntentMemory) -> StoredRecord | None:
    """The record that the intent speaks of: an open one, or that of the episode that still lasts."""
    if stored is None:
        return None
    of_episode = (
        memory.episode is not None
        and memory.episode.open
        and memory.episode.number == (stored.record.spec.episode.number)
    )
    return stored if of_episode or stored.record.status.phase not in CLOSED_PHASES else None


def _condition(status: ServiceIntentStatus, kind: str) -> tuple[ConditionStatus, str]:
    return next(((c.status, c.reason) for c in status.conditions if c.type == kind), (ConditionStatus.UNKNOWN, ""))


def _outcomes(records: list[StoredRecord]) -> Outcomes:
    """How often acts ended how; what was judged amid planned work says nothing of the policy."""
    seen = [v.outcome for r in records for v in r.record.status.verifications if not v.planned_work]
    reviews = [review.verdict for r in records if (review := latest_review(r.record)) is not None]
    return Outcomes(
        effective=seen.count(OutcomeName.EFFECTIVE),
        ineffective=seen.count(OutcomeName.INEFFECTIVE),
        worse=seen.count(OutcomeName.WORSE),
        inconclusive=seen.count(OutcomeName.INCONCLUSIVE),
        no_capacity=seen.count(OutcomeName.NO_CAPACITY),
        failed=seen.count(OutcomeName.FAILED),
        right=reviews.count(ReviewVerdict.RIGHT),
        wrong=reviews.count(ReviewVerdict.WRONG),
        unneeded=reviews.count(ReviewVerdict.UNNEEDED),
    )


def _last_not_acted(records: list[StoredRecord]) -> NotActed | None:
    """The newest record in which nothing was done, and why."""
    idle = [
        r
        for r in records
        if r.record.status.phase in _DID_NOTHING
        and not any(o.state is OperationState.APPLIED for o in r.record.status.operations)
    ]
    if not idle:
        return None
    newest = max(idle, key=lambda r: r.record.spec.episode.since)
    status = newest.record.status
    at = status.times.closed or status.times.decided or newest.record.spec.episode.since
    return NotActed(reason=status.reason or str(status.phase), message=status.message, at=at, record=newest.name)
