"""Remediation: the decision record. One per episode; written before every effect; read by people."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.boundaries import Boundaries
from homeostat.contracts.causes import CauseRule
from homeostat.contracts.decisions import MOST_DECISIONS, PersonDecision
from homeostat.contracts.expectation import Expectation
from homeostat.contracts.guardrails import Guardrails
from homeostat.contracts.levels import AutonomyLevel
from homeostat.contracts.operations import (
    MOST_OPERATIONS,
    ObjectNameText,
    Operation,
    Plan,
    Text,
    Uid,
    Value,
    Word,
)
from homeostat.contracts.remediation_policy import Approval, Mode, Verification
from homeostat.contracts.service_intent import Owner
from homeostat.contracts.steps import Step
from homeostat.contracts.target import Target
from homeostat.contracts.verification import OutcomeName, ReleaseStatus, UndoResult, VerificationResult

from .common import Conditions, Resource, StatusPart, Timestamp, cel, map_list


class Phase(StrEnum):
    """Where a remediation is in its life; the first of each pair of names is what a person sees."""

    PLANNED = "Planned"
    RECORDED = "Recorded"
    AWAITING_APPROVAL = "AwaitingApproval"
    EXECUTING = "Executing"
    VERIFYING = "Verifying"
    ROLLING_BACK = "RollingBack"
    SUCCEEDED = "Succeeded"
    ROLLED_BACK = "RolledBack"
    FAILED = "Failed"
    ESCALATED = "Escalated"
    BLOCKED = "Blocked"
    REJECTED = "Rejected"
    EXPIRED = "Expired"
    SUPERSEDED = "Superseded"
    CANCELLED = "Cancelled"
    TAKEN_OVER = "TakenOver"


CLOSED_PHASES = frozenset(
    {
        Phase.RECORDED,
        Phase.SUCCEEDED,
        Phase.ROLLED_BACK,
        Phase.FAILED,
        Phase.ESCALATED,
        Phase.REJECTED,
        Phase.EXPIRED,
        Phase.SUPERSEDED,
        Phase.CANCELLED,
        Phase.TAKEN_OVER,
    }
)


"""Phases in which nothing more is decided; a release may still be owed (``status.release``)."""


class IntentRef(StatusPart):
    """The intent as it was."""

    name: Annotated[ObjectNameText, Field(description="Name of the intent.")]
    uid: Annotated[Uid, Field(description="Its uid.")]
    generation: Annotated[int, Field(default=0, description="Its generation.")]


class PolicyRef(StatusPart):
    """The policy as it was."""

    name: Annotated[ObjectNameText, Field(description="Name of the policy.")]
    uid: Annotated[Uid, Field(description="Its uid.")]
    generation: Annotated[int, Field(default=0, description="Its generation.")]
    hash: Annotated[Value, Field(description="SHA-256 of the policy's spec.")]


class EpisodeRef(StatusPart):
    """The stretch of violation that this record is about."""

    number: Annotated[int, Field(ge=1, description="Counts the episodes of this intent.")]
    since: Annotated[Timestamp, Field(description="Onset of the violation.")]
    digest: Annotated[
        Value, Field(description="SHA-256 over intent uid, policy uid and number; the record's name is cut from it.")
    ]


class TriggerRef(StatusPart):
    """What started it."""

    name: Annotated[Word, Field(description="Trigger of the policy.")]
    expectation: Annotated[Word, Field(description="Expectation that was Violated.")]


class Says(StrEnum):
    """What a piece of evidence says about a cause."""

    SUPPORTS = "Supports"
    AGAINST = "Against"
    UNKNOWN = "Unknown"


class Evidence(StatusPart):
    """One observation as it was made."""

    name: Annotated[Word, Field(description="Name of the observation.")]
    cause: Annotated[Word, Field(description="Cause that it speaks about.")]
    says: Says
    message: Annotated[Text, Field(description="The observation in a sentence.")]
    query: Annotated[str, Field(default="", max_length=4096, description="The PromQL asked, if it was a query.")]
    value: Annotated[Value, Field(default="", description="The value seen.")]
    as_of: Annotated[Timestamp | None, Field(default=None, description="The source's own time of the value.")]
    source: Annotated[ObjectNameText, Field(default="", description="Where it was seen.")]


class RankedCause(StatusPart):
    """A cause with how well the evidence supports it."""

    name: Annotated[Word, Field(description="Name of the cause.")]
    score: Annotated[
        str,
        Field(
            max_length=8,
            description="0.00 to 1.00: share of the evidence that supports it; unknown evidence counts half against.",
        ),
    ]
    supported: Annotated[bool, Field(description="Whether all evidence that is needed was seen.")]
    message: Annotated[Text, Field(default="", description="For and against in a sentence.")]
    targets: Annotated[
        list[Word],
        Field(
            default_factory=list,
            max_length=16,
            description="Targets it was found at; a step on another target is not for it. Empty: not tied to one.",
        ),
    ]


class Diagnosis(StatusPart):
    """Why the promise is broken, most likely cause first."""

    summary: Annotated[Text, Field(default="", description="The most likely cause in a sentence.")]
    causes: Annotated[
        list[RankedCause], Field(default_factory=list, max_length=16, description="Causes, the most likely first.")
    ]


class CandidateVerdict(StrEnum):
    """What became of an action that was considered."""

    CHOSEN = "Chosen"
    NOT_APPLICABLE = "NotApplicable"
    BLOCKED = "Blocked"
    NOT_NEEDED = "NotNeeded"


class Candidate(StatusPart):
    """One action that was considered, and why it was or was not chosen."""

    step: Annotated[Word, Field(description="Step of the policy.")]
    action: ActionType
    verdict: CandidateVerdict
    reason: Annotated[Word, Field(default="", description="First blocker, as one word.")]
    message: Annotated[Text, Field(default="", description="Why, as a sentence.")]


class GuardVerdictName(StrEnum):
    """What a guard said."""

    PERMIT = "Permit"
    DENY = "Deny"
    INDETERMINATE = "Indeterminate"


class GuardVerdict(StatusPart):
    """One guard's verdict on the plan."""

    name: Annotated[Word, Field(description="Name of the guard.")]
    verdict: GuardVerdictName
    reason: Annotated[Word, Field(default="", description="Why not, as one word.")]
    message: Annotated[Text, Field(default="", description="Why, as a sentence.")]


class Times(StatusPart):
    """When each stage was reached."""

    detected: Annotated[Timestamp | None, Field(default=None, description="The violation was seen.")]
    decided: Annotated[Timestamp | None, Field(default=None, description="It was decided what to do.")]
    approved: Annotated[Timestamp | None, Field(default=None, description="A person approved.")]
    acted: Annotated[Timestamp | None, Field(default=None, description="The first effect.")]
    in_force: Annotated[Timestamp | None, Field(default=None, description="The change was seen in force.")]
    recovered: Annotated[Timestamp | None, Field(default=None, description="The promise was kept again.")]
    verified: Annotated[Timestamp | None, Field(default=None, description="The outcome was known.")]
    closed: Annotated[Timestamp | None, Field(default=None, description="Nothing more is decided.")]


class AutonomyFound(StatusPart):
    """How far the operator might go by itself when it decided."""

    level: Annotated[int, Field(ge=0, le=5, description="Lowest of ceiling, intent, policy and what was earned.")]
    message: Annotated[Text, Field(description="Which of them was the lowest, and why.")]


class Terms(Resource):
    """The policy's terms as copied when the record was made; the record runs by these."""

    causes: Annotated[
        list[CauseRule], Field(default_factory=list, max_length=8, description="Hypotheses of the policy.")
    ]
    steps: Annotated[list[Step], Field(min_length=1, max_length=16, description="What is tried, in this order.")]
    boundaries: Boundaries
    guardrails: Guardrails
    approval: Approval
    verification: Verification
    autonomy_level: Annotated[AutonomyLevel, Field(default=3, description="Level of autonomy of the policy.")]


class Promise(Resource):
    """What was promised when the record was made: enough to judge without the intent."""

    telemetry_source: Annotated[ObjectNameText, Field(default="", description="Empty: the operator's default.")]
    observation_period: Annotated[str, Field(max_length=40, description="Time from look to look.")]
    targets: Annotated[list[Target], Field(min_length=1, max_length=16, description="Workloads of the service.")]
    expectations: Annotated[list[Expectation], Field(min_length=1, max_length=16, description="Measurable promises.")]


class RemediationSpec(Resource):
    """What was known and decided; immutable but for the decisions of people."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "!has(oldSelf.decisions) || size(oldSelf.decisions) == 0 || (has(self.decisions)"
                    " && oldSelf.decisions.all(old, self.decisions.exists(new, new.id == old.id)))",
                    "a decision cannot be taken out of the record",
                )
            ]
        }
    )

    mode: Mode
    autonomy: Annotated[
        AutonomyFound | None, Field(default=None, description="How far the operator might go by itself.")
    ]
    intent: IntentRef
    policy: PolicyRef
    episode: EpisodeRef
    trigger: TriggerRef
    owner: Annotated[Owner | None, Field(default=None, description="Who answers for the service.")]
    why: Annotated[Text, Field(default="", description="The breach in a sentence.")]
    evidence: Annotated[
        list[Evidence], Field(default_factory=list, max_length=64, description="Observations as they were made.")
    ]
    diagnosis: Annotated[Diagnosis, Field(default_factory=Diagnosis)]
    candidates: Annotated[
        list[Candidate],
        Field(
            default_factory=list,
            max_length=16,
            description="Every action considered, and why it was or was not chosen.",
        ),
    ]
    plan: Annotated[Plan | None, Field(default=None, description="The first plan; none if nothing could be done.")]
    promise: Promise
    terms: Terms
    decisions: Annotated[
        list[PersonDecision],
        Field(
            default_factory=list, max_length=MOST_DECISIONS, json_schema_extra=map_list("id"), description="By people."
        ),
    ]


class AnsweredDecision(StatusPart):
    """A decision of a person that the operator has taken up."""

    id: Annotated[Word, Field(description="Id of the decision.")]
    at: Annotated[Timestamp, Field(description="When it was taken up.")]


class RemediationStatus(StatusPart):
    """How far it has come; written by the operator alone."""

    phase: Phase = Phase.PLANNED
    reason: Annotated[Word, Field(default="", description="Why it is in this phase, as one word.")]
    message: Annotated[Text, Field(default="", description="Why it is in this phase, and what to do.")]
    summary: Annotated[str, Field(default="", max_length=240, description="The state in one line.")]
    outcome: Annotated[OutcomeName | None, Field(default=None, description="Verdict on the last act.")]
    plan: Annotated[Plan | None, Field(default=None, description="The current plan.")]
    times: Annotated[Times, Field(default_factory=Times)]
    candidates: Annotated[
        list[Candidate], Field(default_factory=list, max_length=16, description="As last considered.")
    ]
    guards: Annotated[
        list[GuardVerdict], Field(default_factory=list, max_length=32, description="Verdicts on the current plan.")
    ]
    operations: Annotated[
        list[Operation],
        Field(
            default_factory=list,
            max_length=MOST_OPERATIONS,
            json_schema_extra=map_list("id"),
            description="Every effect, written as Intended before it happens.",
        ),
    ]
    verifications: Annotated[
        list[VerificationResult], Field(default_factory=list, max_length=16, description="How each attempt was judged.")
    ]
    guards_until: Annotated[
        Timestamp | None,
        Field(
            default=None,
            description="Until when a guard of the past may count the acts of this record; it is not deleted "
            "while this is set.",
        ),
    ]
    release: Annotated[
        ReleaseStatus | None, Field(default=None, description="What is owed of taking added capacity back.")
    ]
    undo: Annotated[UndoResult | None, Field(default=None, description="The last undo, if there was one.")]
    answered: Annotated[
        list[AnsweredDecision],
        Field(
            default_factory=list,
            max_length=MOST_DECISIONS,
            json_schema_extra=map_list("id"),
            description="Decisions of people that were taken up, and when.",
        ),
    ]
    acknowledged_by: Annotated[
        list[Annotated[str, Field(max_length=253)]],
        Field(default_factory=list, max_length=MOST_DECISIONS, description="Who has seen it, the first one first."),
    ]
    report: Annotated[
        list[Annotated[str, Field(max_length=240)]],
        Field(default_factory=list, max_length=60, description="The whole story for a person."),
    ]
    conditions: Conditions


class Remediation(Resource):
    """The record of one episode: what was seen, decided, done, verified and undone, and why."""

    model_config = ConfigDict(extra="ignore")

    spec: Annotated[RemediationSpec, Field(description="What was known and decided; immutable but for decisions.")]
    status: Annotated[RemediationStatus, Field(default_factory=RemediationStatus, description="How far it has come.")]
