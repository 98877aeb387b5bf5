"""Records for tests: the story of the API page, a scale-out of a saturated P-CSCF, and variations of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from homeostat.contracts.actions.kinds import ActionType, Risk
from homeostat.contracts.operations import (
    Authority,
    Operation,
    OperationAction,
    OperationKind,
    OperationState,
    Plan,
    TargetIdentity,
)
from homeostat.contracts.remediation import (
    Candidate,
    CandidateVerdict,
    Diagnosis,
    EpisodeRef,
    Evidence,
    GuardVerdict,
    GuardVerdictName,
    IntentRef,
    Phase,
    PolicyRef,
    Promise,
    RankedCause,
    Remediation,
    RemediationSpec,
    RemediationStatus,
    Says,
    Terms,
    Times,
    TriggerRef,
)
from homeostat.contracts.remediation_policy import Mode
from homeostat.contracts.service_intent import Owner, ServiceIntentSpec
from homeostat.contracts.verification import OutcomeName, VerificationResult
from homeostat.flow.resources import StoredRecord
from homeostat.record.remediations import episode_digest, record_name

AT = datetime(2026, 11, 2, 12, 1, 3, 412000, tzinfo=UTC)
PCSCF = TargetIdentity(api_version="apps/v1", kind="Deployment", name="pcscf", uid="pcscf-uid")
TUNING = TargetIdentity(api_version="v1", kind="ConfigMap", name="pcscf-tuning", uid="tuning-uid")

INTENT: dict[str, Any] = {
    "targets": [{"name": "pcscf", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pcscf"}}],
    "expectations": [
        {
            "name": "setup-success",
            "ratio": {"good": 'sum(rate(sip{outcome="ok"}[$window]))', "total": "sum(rate(sip[$window]))"},
            "condition": "IsEqualToOrGreaterThan",
            "value": "0.98",
        }
    ],
}

POLICY: dict[str, Any] = {
    "intentSelector": {"matchNames": ["call-setup"]},
    "triggers": [{"name": "calls-fail", "expectation": "setup-success"}],
    "steps": [{"name": "add-capacity", "action": {"scale": {"target": "pcscf", "by": "+50%", "max": 6}}}],
}


def intent_spec(**changes: Any) -> ServiceIntentSpec:
    return ServiceIntentSpec.model_validate({**INTENT, **changes})


def plan(**changes: Any) -> Plan:
    known: dict[str, Any] = {
        "step": "add-capacity",
        "attempt": 1,
        "action": ActionType.SCALE,
        "target": PCSCF,
        "field": "spec.replicas",
        "before": "2",
        "intended": "3",
        "risk": Risk.LOW,
        "authority": Authority.AUTONOMOUS,
        "description": "scale Deployment/pcscf 2 -> 3",
        "digest": "d1" * 32,
    }
    return Plan(**{**known, **changes})


def spec(number: int = 1, **changes: Any) -> RemediationSpec:
    known: dict[str, Any] = {
        "mode": Mode.LIVE,
        "intent": IntentRef(name="call-setup", uid="intent-uid", generation=4),
        "policy": PolicyRef(name="call-setup", uid="policy-uid", generation=2, hash="5c1e" * 16),
        "episode": EpisodeRef(number=number, since=AT, digest=episode_digest("intent-uid", "policy-uid", number)),
        "trigger": TriggerRef(name="calls-fail", expectation="setup-success"),
        "owner": Owner(team="ims-core", assignment_group="NOC-IMS"),
        "why": "setup-success was 0.91, promised >= 0.98, in 3 of 5 looks.",
        "diagnosis": Diagnosis(
            summary="Most likely Saturated (0.86). For it: CPU 0.97 of its limit.",
            causes=[RankedCause(name="Saturated", score="0.86", supported=True, message="CPU 0.97 of its limit")],
        ),
        "evidence": [
            Evidence(name="cpu", cause="Saturated", says=Says.SUPPORTS, message="CPU is at 0.97 of its limit.")
        ],
        "candidates": [Candidate(step="add-capacity", action=ActionType.SCALE, verdict=CandidateVerdict.CHOSEN)],
        "plan": plan(),
        "promise": Promise(
            observation_period="5s", targets=intent_spec().targets, expectations=intent_spec().expectations
        ),
        "terms": Terms.model_validate(
            {"steps": POLICY["steps"], "boundaries": {}, "guardrails": {}, "approval": {}, "verification": {}}
        ),
    }
    return RemediationSpec(**{**known, **changes})


def operation(**changes: Any) -> Operation:
    known: dict[str, Any] = {
        "id": "add-capacity.1.apply.1",
        "step": "add-capacity",
        "attempt": 1,
        "kind": OperationKind.APPLY,
        "action": OperationAction.SCALE,
        "target": PCSCF,
        "resource_version": "88121",
        "field": "spec.replicas",
        "before": "2",
        "intended": "3",
        "state": OperationState.APPLIED,
        "recorded_at": AT,
        "finished_at": AT + timedelta(milliseconds=80),
    }
    return Operation(**{**known, **changes})


def verification(**changes: Any) -> VerificationResult:
    known: dict[str, Any] = {
        "step": "add-capacity",
        "attempt": 1,
        "started_at": AT + timedelta(seconds=1),
        "in_force_at": AT + timedelta(seconds=49),
        "outcome": OutcomeName.EFFECTIVE,
        "judged_at": AT + timedelta(seconds=187),
        "message": "setup-success 0.996 throughout (was 0.91, promised >= 0.98).",
    }
    return VerificationResult(**{**known, **changes})


def status(**changes: Any) -> RemediationStatus:
    known: dict[str, Any] = {
        "phase": Phase.SUCCEEDED,
        "reason": "Effective",
        "message": "The promise is kept again.",
        "outcome": OutcomeName.EFFECTIVE,
        "plan": plan(),
        "times": Times(detected=AT, decided=AT, acted=AT, verified=AT + timedelta(seconds=187)),
        "guards": [GuardVerdict(name="cooldown", verdict=GuardVerdictName.PERMIT, message="last 3 h ago")],
        "operations": [operation()],
        "verifications": [verification()],
        "conditions": [],
    }
    return RemediationStatus(**{**known, **changes})


def record(*, number: int = 1, record_spec: RemediationSpec | None = None, **changes: Any) -> Remediation:
    return Remediation(spec=record_spec or spec(number), status=status(**changes))


def stored(remediation: Remediation, *, namespace: str = "ims", uid: str = "record-uid") -> StoredRecord:
    episode = remediation.spec.episode
    name = record_name(remediation.spec.intent.name, episode.digest)
    return StoredRecord(namespace=namespace, name=name, uid=uid, resource_version="1", record=remediation)
