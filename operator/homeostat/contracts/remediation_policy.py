"""RemediationPolicy: what may be done about a broken promise, in which order, and within which boundaries."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from homeostat.contracts.boundaries import Boundaries
from homeostat.contracts.causes import CauseRule
from homeostat.contracts.guardrails import Guardrails
from homeostat.contracts.levels import AutonomyLevel
from homeostat.contracts.steps import Step

from .common import (
    Conditions,
    Duration,
    Name,
    Resource,
    StatusPart,
    Timestamp,
    cel,
    map_list,
    parse_duration,
)


class Mode(StrEnum):
    """Whether the policy acts, or only records what it would have done."""

    SHADOW = "Shadow"
    LIVE = "Live"


class IntentSelector(Resource):
    """Which intents of the namespace the policy is for; every given part must agree."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "(has(self.matchNames) && size(self.matchNames) > 0)"
                    " || (has(self.matchLabels) && size(self.matchLabels) > 0)",
                    "an empty selector selects nothing: give matchNames or matchLabels",
                )
            ]
        }
    )

    match_names: Annotated[
        list[Name],
        Field(
            default_factory=list,
            max_length=64,
            description="Names of intents.",
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ]
    match_labels: Annotated[
        dict[Annotated[str, Field(min_length=1, max_length=317)], Annotated[str, Field(max_length=63)]],
        Field(default_factory=dict, max_length=16, description="Labels that an intent must carry."),
    ]

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not self.match_names and not self.match_labels:
            raise ValueError("an empty selector selects nothing: give matchNames or matchLabels")
        return self


class Trigger(Resource):
    """What starts a remediation."""

    name: Annotated[Name, Field(description="Name of the trigger.")]
    expectation: Annotated[Name, Field(description="Expectation of the intent that must be Violated.")]


class OnTimeout(StrEnum):
    """What happens when nobody answers."""

    STOP = "Stop"


class Approval(Resource):
    """Whose word it takes, how long a request waits, and what then."""

    timeout: Annotated[Duration, Field(default="15m", description="How long a request for approval stands.")]
    on_timeout: Annotated[OnTimeout, Field(default=OnTimeout.STOP, description="What happens when nobody answers.")]
    approvers: Annotated[
        int, Field(default=1, ge=1, le=5, description="How many different people must approve; one can reject.")
    ]


class Verification(Resource):
    """How an act is judged."""

    propagation: Annotated[
        Duration,
        Field(
            default="60s",
            description="Longest wait until a change is in force, and until its undo is; for a change, a step's "
            "own timeout comes first. A pod without a node is waited for as long: give a cluster autoscaler the time.",
        ),
    ]
    stabilization: Annotated[
        Duration, Field(default="60s", description="How long the promise must be kept without a break afterwards.")
    ]
    deadline: Annotated[
        Duration, Field(default="5m", description="When, counted from the change in force, it counts as ineffective.")
    ]
    guard: Annotated[
        list[Name],
        Field(
            default_factory=list,
            max_length=8,
            description="Expectations of the intent that must not get worse.",
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ]

    @model_validator(mode="after")
    def _deadline_after_stabilization(self) -> Self:
        if parse_duration(self.deadline) < parse_duration(self.stabilization):
            raise ValueError("verification.deadline is shorter than verification.stabilization")
        return self


class Escalation(Resource):
    """The loop breaker: when the policy is given less autonomy because what it does brings nothing."""

    after_ineffective: Annotated[
        int,
        Field(
            default=3,
            ge=1,
            le=100,
            description="So many Ineffective outcomes with no Effective one between them lower the level; one Worse "
            "outcome does at once.",
        ),
    ]
    demote_to: Annotated[
        int,
        Field(
            default=2,
            ge=0,
            le=4,
            description="The level until a person has reviewed the record that status.conditions names.",
        ),
    ]


class RemediationPolicySpec(Resource):
    """What may be done."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "self.mode != 'Live' || has(self.guardrails.frequency)",
                    "mode Live needs guardrails.frequency, such as {limit: 4, per: 1h}",
                )
            ]
        }
    )

    mode: Annotated[
        Mode, Field(default=Mode.SHADOW, description="Shadow records what would have been done; Live does it.")
    ]
    autonomy_level: Annotated[
        AutonomyLevel,
        Field(
            default=3,
            description="Level of autonomy, 0 to 5. 0 evaluates; 1 records what it would have done; 2 acts after "
            "approval; 3 acts by itself where boundaries.autonomous says so and the risk is Low, 4 also Medium, 5 also "
            "High. The AutonomyCeiling, the intent and the loop breaker may lower it: see docs/autonomy.md.",
        ),
    ]
    intent_selector: Annotated[IntentSelector, Field(description="Which intents it is for.")]
    triggers: Annotated[
        list[Trigger], Field(min_length=1, max_length=16, description="What starts it.", json_schema_extra=map_list())
    ]
    causes: Annotated[
        list[CauseRule],
        Field(
            default_factory=list, max_length=8, description="Hypotheses of the author.", json_schema_extra=map_list()
        ),
    ]
    steps: Annotated[
        list[Step],
        Field(min_length=1, max_length=16, description="What is tried, in this order.", json_schema_extra=map_list()),
    ]
    boundaries: Annotated[Boundaries, Field(default_factory=Boundaries, description="Who decides.")]
    guardrails: Annotated[Guardrails, Field(default_factory=Guardrails, description="What holds every step back.")]
    approval: Annotated[Approval, Field(default_factory=Approval, description="How approval is asked for.")]
    verification: Annotated[Verification, Field(default_factory=Verification, description="How an act is judged.")]
    escalation: Annotated[Escalation, Field(default_factory=Escalation, description="The loop breaker.")]

    @model_validator(mode="after")
    def _live_has_frequency(self) -> Self:
        if self.mode is Mode.LIVE and self.guardrails.frequency is None:
            raise ValueError("mode Live needs guardrails.frequency, such as {limit: 4, per: 1h}")
        return self

    @model_validator(mode="after")
    def _jobs_end_before_they_are_judged(self) -> Self:
        propagation = self.verification.propagation
        for step in self.steps:
            limits = {"verification.propagation": propagation, "the timeout of the step": step.timeout or propagation}
            for name, limit in limits.items():
                if step.action.job is not None and step.action.job.longest_run > parse_duration(limit):
                    raise ValueError(
                        f"the activeDeadline of step {step.name} is longer than {name} ({limit}): the step would be "
                        "judged while its job runs"
                    )
        return self


class NotActed(StatusPart):
    """Why the policy last did nothing about a trigger."""

    reason: Annotated[str, Field(max_length=64, description="As one word.")]
    message: Annotated[str, Field(default="", max_length=1024, description="As a sentence.")]
    at: Annotated[Timestamp, Field(description="When.")]
    record: Annotated[str, Field(default="", max_length=253, description="The Remediation that says more.")]


class Outcomes(StatusPart):
    """How the acts of this policy ended, counted over the records that exist."""

    effective: Annotated[int, Field(default=0, ge=0, description="Acts that helped.")]
    ineffective: Annotated[int, Field(default=0, ge=0, description="Acts that changed nothing.")]
    worse: Annotated[int, Field(default=0, ge=0, description="Acts that did harm.")]
    inconclusive: Annotated[int, Field(default=0, ge=0, description="Acts that could not be judged.")]
    no_capacity: Annotated[int, Field(default=0, ge=0, description="Acts that the cluster had no capacity for.")]
    failed: Annotated[int, Field(default=0, ge=0, description="Acts that could not be made.")]
    right: Annotated[int, Field(default=0, ge=0, description="Remediations that a person called right afterwards.")]
    wrong: Annotated[int, Field(default=0, ge=0, description="Remediations that a person called wrong.")]
    unneeded: Annotated[
        int, Field(default=0, ge=0, description="Remediations that a person called unneeded: it would have been well.")
    ]


class RemediationPolicyStatus(StatusPart):
    """What the policy matched and did; written on transitions only."""

    observed_generation: Annotated[int, Field(default=0, ge=0, description="Generation that this status is about.")]
    conditions: Conditions
    matched_intents: Annotated[int, Field(default=0, ge=0, description="Intents that it is for at present.")]
    unmatched_triggers: Annotated[
        list[Annotated[str, Field(max_length=52)]],
        Field(default_factory=list, max_length=16, description="Triggers whose expectation no matched intent has."),
    ]
    last_not_acted: Annotated[NotActed | None, Field(default=None, description="Why it last did nothing.")]
    outcomes: Annotated[Outcomes, Field(default_factory=Outcomes, description="How its acts ended.")]
    effective_autonomy_level: Annotated[
        int | None,
        Field(
            default=None,
            description="Lowest of the ceiling, the policy and the loop breaker; an intent may lower it for itself. "
            "Condition Autonomous says which it was.",
        ),
    ]
    summary: Annotated[str, Field(default="", max_length=240, description="The state in one line.")]


class RemediationPolicy(Resource):
    """What may be done about a broken promise: steps in order, boundaries, guardrails and verification."""

    model_config = ConfigDict(extra="ignore")

    spec: Annotated[RemediationPolicySpec, Field(description="What may be done.")]
    status: Annotated[
        RemediationPolicyStatus, Field(default_factory=RemediationPolicyStatus, description="What it matched and did.")
    ]
