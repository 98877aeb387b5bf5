"""What is done to which object: a plan, and the operations that carry it out."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from homeostat.contracts.actions.kinds import ActionType, Reversal, Risk

from .common import StatusPart, Timestamp

Text = Annotated[str, Field(max_length=1024)]
Word = Annotated[str, Field(max_length=64)]
Value = Annotated[str, Field(max_length=1024)]
ObjectNameText = Annotated[str, Field(max_length=253)]
Count = Annotated[str, Field(max_length=40)]
Manager = Annotated[str, Field(max_length=128)]
MOST_OPERATIONS = 64
"""Most operations that one record holds."""

MOST_ENDED = 16
"""Most pods that one operation ends."""

Uid = Annotated[str, Field(max_length=64)]


class TargetIdentity(StatusPart):
    """The very object that is acted on."""

    api_version: Annotated[str, Field(max_length=120, description="Group and version.")]
    kind: Annotated[Word, Field(description="Kind of the object.")]
    name: Annotated[ObjectNameText, Field(description="Name of the object.")]
    uid: Annotated[Uid, Field(description="Its uid: an object of the same name made later is another one.")]


class Authority(StrEnum):
    """On whose authority a plan runs."""

    AUTONOMOUS = "Autonomous"
    APPROVAL = "Approval"


class Plan(StatusPart):
    """What is about to be done: absolute values, one target, a digest that an approval names."""

    step: Annotated[Word, Field(description="Step of the policy.")]
    attempt: Annotated[int, Field(ge=1, description="Which run of this step in the episode.")]
    action: ActionType
    target: Annotated[TargetIdentity, Field(description="Object that is changed: the workload, or the ConfigMap.")]
    field: Annotated[
        str, Field(max_length=1024, description="Field that is changed: spec.replicas, or data[KEY] and JSON Pointer.")
    ]
    before: Annotated[Value, Field(description="Value before.")]
    intended: Annotated[Value, Field(description="Value that is written, never relative.")]
    risk: Risk
    reversal: Annotated[Reversal, Field(default=Reversal.POSSIBLE, description="Whether it can be taken back.")]
    authority: Authority
    before_by: Annotated[
        Manager, Field(default="", description="Field manager that wrote the value before; empty where none is known.")
    ]
    description: Annotated[Text, Field(description="The act in a sentence.")]
    digest: Annotated[
        str,
        Field(
            max_length=64,
            description="Over step, target uid, field and intended value. A plan that was computed again within what "
            "was approved keeps the digest that was approved.",
        ),
    ]
    largest_step: Annotated[
        Count,
        Field(
            default="",
            description="What an approval covers if the target moves before the act: a change of this field by at most "
            "so much, such as +1 or -2; empty: the intended value and no other.",
        ),
    ]
    valid_until: Annotated[
        Timestamp | None,
        Field(default=None, description="When a request for approval expires, and an approval that was not used."),
    ]


class OperationKind(StrEnum):
    """Whether an operation acts, takes back, or releases."""

    APPLY = "Apply"
    UNDO = "Undo"
    RELEASE = "Release"


class OperationAction(StrEnum):
    """What one operation does to one object."""

    SCALE = "Scale"
    EDIT_CONFIG = "EditConfig"
    RESTART = "Restart"
    HOT_RELOAD = "HotReload"
    ANNOTATE = "Annotate"
    MARK_FOR_REMOVAL = "MarkForRemoval"
    RESIZE = "Resize"
    ROLLBACK = "Rollback"
    EVICT = "Evict"
    PATCH = "Patch"
    RUN_JOB = "RunJob"
    CALL_HTTP = "CallHttp"
    EXTENSION = "Extension"


TAKE_UP = frozenset({OperationAction.RESTART, OperationAction.HOT_RELOAD, OperationAction.ANNOTATE})
"""Operations that make a workload take up what another operation wrote; their undo comes after that one's."""


class OperationState(StrEnum):
    """Whether the effect happened."""

    INTENDED = "Intended"
    APPLIED = "Applied"
    VOID = "Void"
    UNKNOWN = "Unknown"


class SessionCount(StatusPart):
    """The work in progress on the pods that an operation ends, as the sessions query of the target told it."""

    before: Annotated[Count, Field(description="When they were chosen.")]
    left: Annotated[Count, Field(default="", description="Right before they were ended: at most so much was lost.")]
    held: Annotated[Count, Field(default="", description="Registrations of all ready pods when they were chosen.")]


class Operation(StatusPart):
    """One effect, written as Intended before it happens."""

    id: Annotated[Word, Field(description="Unique in the record: step, attempt, kind and number.")]
    step: Annotated[Word, Field(description="Step of the policy.")]
    attempt: Annotated[int, Field(ge=1, description="Which run of this step.")]
    kind: OperationKind
    action: OperationAction
    extension: Annotated[Word, Field(default="", description="Extension whose operation it is; else empty.")]
    target: Annotated[TargetIdentity, Field(description="Object that is changed.")]
    resource_version: Annotated[Word, Field(default="", description="Precondition: the version that was read.")]
    field: Annotated[str, Field(default="", max_length=1024, description="Field that is changed.")]
    before: Annotated[Value, Field(default="", description="Value before.")]
    before_by: Annotated[Manager, Field(default="", description="Field manager that wrote the value before.")]
    intended: Annotated[Value, Field(default="", description="Value that is written, never relative.")]
    digest_before: Annotated[str, Field(default="", max_length=64, description="SHA-256 of the whole text before.")]
    digest_intended: Annotated[str, Field(default="", max_length=64, description="SHA-256 of the whole text after.")]
    ends: Annotated[
        list[ObjectNameText],
        Field(
            default_factory=list,
            max_length=MOST_ENDED,
            description="Pods that it ends; they are drained first, and what was ended before has settled.",
        ),
    ]
    sessions: Annotated[SessionCount | None, Field(default=None, description="What was in progress on these pods.")]
    state: OperationState
    recorded_at: Annotated[Timestamp, Field(description="When it was written down, before its effect.")]
    finished_at: Annotated[Timestamp | None, Field(default=None, description="When its effect was known.")]
    audit_id: Annotated[Word, Field(default="", description="The API server's audit id of the write.")]
    command: Annotated[Value, Field(default="", description="What a person would type for it; of an extension only.")]
    undo_command: Annotated[Value, Field(default="", description="And to take it back; of an extension only.")]
    message: Annotated[Text, Field(default="", description="What became of it, as a sentence.")]
