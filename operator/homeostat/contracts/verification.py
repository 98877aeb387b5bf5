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
    """How a run of a step ended.

    NoCapacity: the cluster could not give what was asked for. Failed: the act could not be made.
    """

    EFFECTIVE = "Effective"
    INEFFECTIVE = "Ineffective"
    WORSE = "Worse"
    INCONCLUSIVE = "Inconclusive"
    NO_CAPACITY = "NoCapacity"
    FAILED = "Failed"


class Baseline(StatusPart):
    """An expectation over the minute before the act."""

    expectation: Annotated[Word, Field(description="Name of the expectation.")]
    samples: Annotated[int, Field(description="Values that it was computed from.")]
    median: Annotated[str, Field(default="", max_length=40, description="Median value.")]
    noise: Annotated[str, Field(default="", max_length=40, description="Interquartile range.")]
    load: Annotated[str, Field(default="", max_length=40, description="Median events per second.")]


MOST_DOMAINS = 16
"""Most failure domains that a workload is known to run in."""


class VerificationResult(StatusPart):
    """How one attempt is being, or was, judged."""

    step: Annotated[Word, Field(description="Step of the policy.")]
    attempt: Annotated[int, Field(description="Which run of this step.")]
    started_at: Annotated[Timestamp, Field(description="When the act was done and the judgement began.")]
    workload_uid: Annotated[Uid, Field(default="", description="Uid of the workload that was acted on, or for.")]
    in_force_at: Annotated[Timestamp | None, Field(default=None, description="When the change was seen in force.")]
    failure_domains: Annotated[
        list[Annotated[str, Field(max_length=63)]],
        Field(
            default_factory=list,
            max_length=MOST_DOMAINS,
            description="Failure domains of the workload; empty: not known.",
        ),
    ]
    baselines: Annotated[
        list[Baseline],
        Field(default_factory=list, max_length=9, description="Expectations as they were before the act."),
    ]
    ready_before: Annotated[int, Field(default=0, ge=0, description="Ready replicas before the act.")]
    outcome: Annotated[
        OutcomeName | None, Field(default=None, description="What the act brought; absent while it is being judged.")
    ]
    judged_at: Annotated[Timestamp | None, Field(default=None, description="When the outcome was known.")]
    planned_work: Annotated[
        Text,
        Field(
            default="",
            description="Planned work by people that went on while it was judged: the outcome is left out of scores.",
        ),
    ]
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


class UndoState(StrEnum):
    """How far an undo is."""

    RUNNING = "Running"
    UNDONE = "Undone"
    WORSE = "Worse"
    REFUSED = "Refused"
    FAILED = "Failed"


class UndoResult(StatusPart):
    """The last undo: by whom, whether it is in force, and whether anything got worse by it."""

    state: Annotated[
        UndoState,
        Field(
            description="Undone: in force, and no guard is worse than before it. Worse: in force, and something is. "
            "Refused: not possible any more, nothing was written. Failed: it could not be made, or is not in force."
        ),
    ]
    requested_by: Annotated[
        str, Field(default="", max_length=253, description="Who asked for it; empty where it came by itself.")
    ]
    reason: Annotated[Text, Field(default="", description="Why it was asked for.")]
    began_at: Annotated[Timestamp, Field(description="When it was planned; its operations are recorded from then on.")]
    in_force_at: Annotated[Timestamp | None, Field(default=None, description="When it was seen in force.")]
    baselines: Annotated[
        list[Baseline],
        Field(default_factory=list, max_length=9, description="Expectations as they were before the undo."),
    ]
    ended_at: Annotated[Timestamp | None, Field(default=None, description="When it came to its state.")]
    message: Annotated[Text, Field(default="", description="What was taken back and what followed, or why not.")]
