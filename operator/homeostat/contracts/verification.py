"""How an act was judged, and what is owed of taking it back."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from homeostat.contracts.operations import (
    Text,
    Uid,
    Word,
)

from .common import StatusPart, Timestamp


class OutcomeName(StrEnum):
    """Verdict of a verification."""

    EFFECTIVE = "Effective"
    INEFFECTIVE = "Ineffective"
    WORSE = "Worse"
    INCONCLUSIVE = "Inconclusive"


class Baseline(StatusPart):
    """An expectation over the minute before the act."""

    expectation: Annotated[Word, Field(description="Name of the expectation.")]
    samples: Annotated[int, Field(description="Values that it was computed from.")]
    median: Annotated[str, Field(default="", max_length=40, description="Median value.")]
    noise: Annotated[str, Field(default="", max_length=40, description="Interquartile range.")]
    load: Annotated[str, Field(default="", max_length=40, description="Median events per second.")]


class VerificationResult(StatusPart):
    """How one attempt is being, or was, judged."""

    step: Annotated[Word, Field(description="Step of the policy.")]
    attempt: Annotated[int, Field(description="Which run of this step.")]
    started_at: Annotated[Timestamp, Field(description="When the act was done and the judgement began.")]
    workload_uid: Annotated[Uid, Field(default="", description="Uid of the workload that was acted on, or for.")]
    in_force_at: Annotated[Timestamp | None, Field(default=None, description="When the change was seen in force.")]
    baselines: Annotated[
        list[Baseline],
        Field(default_factory=list, max_length=9, description="Expectations as they were before the act."),
    ]
    ready_before: Annotated[int, Field(default=0, ge=0, description="Ready replicas before the act.")]
    outcome: Annotated[
        OutcomeName | None, Field(default=None, description="What the act brought; absent while it is being judged.")
    ]
    judged_at: Annotated[Timestamp | None, Field(default=None, description="When the outcome was known.")]
    message: Annotated[Text, Field(default="", description="Why this outcome, as a sentence.")]


class ReleaseState(StrEnum):
    """Whether added capacity was taken back."""

    WAITING = "Waiting"
    RELEASED = "Released"
    SUPERSEDED = "Superseded"


class ReleaseStatus(StatusPart):
    """What is owed of taking the remedy back."""

    state: ReleaseState
    message: Annotated[Text, Field(default="", description="What is awaited, or what was done, as a sentence.")]
    at: Annotated[Timestamp | None, Field(default=None, description="When it came to this.")]
