"""MaintenanceWindow: planned work by people, during which the operator watches and does nothing."""

from typing import Annotated

from pydantic import ConfigDict, Field

from .common import Duration, Name, ObjectRef, Resource, Sentence, Timestamp, cel


class WorkOnIntents(Resource):
    """Intents whose service is worked on; with names and labels, both must match."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "(has(self.matchNames) && size(self.matchNames) > 0)"
                    " || (has(self.matchLabels) && size(self.matchLabels) > 0)",
                    "select intents by matchNames or matchLabels: an empty selection holds nothing back; for a whole "
                    "namespace annotate it with homeostat.dev/maintenance-until",
                )
            ]
        }
    )

    match_names: Annotated[
        list[Name], Field(default_factory=list, max_length=64, description="Names of ServiceIntents.")
    ]
    match_labels: Annotated[
        dict[Annotated[str, Field(max_length=317)], Annotated[str, Field(max_length=63)]],
        Field(default_factory=dict, max_length=16, description="Labels that a ServiceIntent must have, all of them."),
    ]


class MaintenanceWindowSpec(Resource):
    """What is worked on, from when until when, and under which change."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("self.to > self.from", "to must be later than from", fieldPath=".to"),
                cel(
                    "self.to - self.from <= duration('720h')",
                    "a window may last 30 days at most: for longer work declare several, or deactivate the intent",
                    fieldPath=".to",
                ),
                cel(
                    "has(self.intents) || (has(self.workloads) && size(self.workloads) > 0)",
                    "say what is worked on: intents, workloads or both",
                ),
            ]
        }
    )

    intents: Annotated[WorkOnIntents | None, Field(default=None, description="Services that are worked on.")]
    workloads: Annotated[
        list[ObjectRef],
        Field(
            default_factory=list,
            max_length=64,
            description="Workloads that are worked on; every intent with one of them as a target is held back.",
        ),
    ]
    from_: Annotated[
        Timestamp, Field(alias="from", description="Begin of the work, RFC 3339 such as 2026-11-22T22:00:00Z.")
    ]
    to: Annotated[Timestamp, Field(description="End of the work; at this very moment it is over.")]
    change_id: Annotated[
        str, Field(min_length=1, max_length=64, description="Id of the change; stands in every record it holds back.")
    ]
    reason: Annotated[Sentence, Field(default="", description="What is done, in a sentence for people.")]
    settle: Annotated[
        Duration | None,
        Field(
            default=None,
            description="How long after the end nothing is done yet; without it, the operator's own setting (2m).",
        ),
    ]


class MaintenanceWindow(Resource):
    """Planned work on services or workloads: the operator evaluates and records, and does not act."""

    model_config = ConfigDict(extra="ignore")

    spec: Annotated[MaintenanceWindowSpec, Field(description="What is worked on, and when.")]
