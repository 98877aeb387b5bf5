"""The action ``job``: a runbook, run as a Kubernetes Job in the target's namespace.

What may be stated is what a runbook needs; what an administrator would refuse (privileges, host access, volumes, other
people's labels) cannot be stated at all. The operator itself sets the restricted profile of the Pod Security Standards.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from homeostat.contracts.actions.kinds import ActionSpec, Reversal, Risk
from homeostat.contracts.common import Duration, ObjectName, Resource, cel, map_list, parse_duration

_ONE_SOURCE = "give exactly one of value, secretKeyRef and configMapKeyRef"
_RESERVED = "names that begin with HOMEOSTAT_ are the operator's: the runbook finds the record in HOMEOSTAT_RECORD"

Quantity = Annotated[str, Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,3})?(m|k|Ki|M|Mi|G|Gi)?$", max_length=16)]
"""An amount of a resource as Kubernetes writes it."""

Argument = Annotated[str, Field(max_length=2048)]


class KeyRef(Resource):
    """One key of a ConfigMap or Secret in the same namespace."""

    name: Annotated[ObjectName, Field(description="Name of the object.")]
    key: Annotated[str, Field(pattern=r"^[-._a-zA-Z0-9]+$", max_length=253, description="Its key.")]


class EnvVar(Resource):
    """One environment variable of the runbook."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "[has(self.value), has(self.secretKeyRef), has(self.configMapKeyRef)].exists_one(given, given)",
                    _ONE_SOURCE,
                ),
                cel("!self.name.startsWith('HOMEOSTAT_')", _RESERVED),
            ]
        }
    )

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128, description="Its name.")]
    value: Annotated[str | None, Field(default=None, max_length=1024, description="A value that is no secret.")]
    secret_key_ref: Annotated[KeyRef | None, Field(default=None, description="From a Secret; never in the record.")]
    config_map_key_ref: Annotated[KeyRef | None, Field(default=None, description="From a ConfigMap.")]

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if [self.value, self.secret_key_ref, self.config_map_key_ref].count(None) != 2:  # noqa: PLR2004 - all but one
            raise ValueError(_ONE_SOURCE)
        if self.name.startswith("HOMEOSTAT_"):
            raise ValueError(_RESERVED)
        return self


class RootFilesystem(StrEnum):
    """Whether the runbook may write to its own image's files."""

    READ_ONLY = "ReadOnly"
    WRITABLE = "Writable"


class JobTemplate(Resource):
    """One run of a container: restricted by the operator, with /tmp to write to and the record in HOMEOSTAT_RECORD."""

    image: Annotated[
        str,
        Field(
            pattern=r"^[a-zA-Z0-9][-a-zA-Z0-9._/:@]*$",
            max_length=512,
            description="Container image; one named by digest is the one that was approved.",
        ),
    ]
    command: Annotated[
        list[Argument], Field(default_factory=list, max_length=16, description="Replaces the image's entry point.")
    ]
    args: Annotated[list[Argument], Field(default_factory=list, max_length=16, description="Arguments.")]
    env: Annotated[
        list[EnvVar],
        Field(default_factory=list, max_length=32, description="Environment variables.", json_schema_extra=map_list()),
    ]
    service_account_name: Annotated[
        ObjectName | None,
        Field(default=None, description="Account that the runbook acts as; without one it gets no token."),
    ]
    run_as_user: Annotated[
        int | None,
        Field(
            default=None,
            ge=1,
            le=2**31 - 1,
            description="User id; needed where the image names none or names root, which is never allowed.",
        ),
    ]
    root_filesystem: Annotated[
        RootFilesystem,
        Field(
            default=RootFilesystem.READ_ONLY, description="A directory for temporary files can be written in any case."
        ),
    ]
    cpu: Annotated[Quantity, Field(default="100m", description="CPU that is requested, and the most it may use.")]
    memory: Annotated[Quantity, Field(default="128Mi", description="Memory that is requested, and the most.")]
    backoff_limit: Annotated[
        int, Field(default=0, ge=0, le=6, description="How often a failed pod is replaced; 0: a failure is final.")
    ]
    active_deadline: Annotated[
        Duration,
        Field(
            default="60s",
            description="When it is ended and counts as failed; at most verification.propagation, so that no step is "
            "judged while its runbook runs.",
        ),
    ]

    @model_validator(mode="after")
    def _takes_time(self) -> Self:
        if parse_duration(self.active_deadline) < timedelta(seconds=1):
            raise ValueError("activeDeadline is shorter than a second: no runbook could end in it")
        return self


class JobAction(ActionSpec):
    """Run a runbook as a Kubernetes Job on behalf of the target."""

    template: Annotated[JobTemplate, Field(description="The runbook.")]
    undo: Annotated[
        JobTemplate | None,
        Field(default=None, description="The runbook that takes it back; without one it cannot be taken back."),
    ]

    @property
    def longest_run(self) -> timedelta:
        """When the slower of the two runbooks has ended for sure."""
        return max(parse_duration(t.active_deadline) for t in (self.template, self.undo or self.template))

    @property
    def default_risk(self) -> Risk:
        """High: what a runbook does cannot be foreseen."""
        return Risk.HIGH

    @property
    def reversal(self) -> Reversal:
        """Only by a runbook of its own."""
        return Reversal.POSSIBLE if self.undo is not None else Reversal.IMPOSSIBLE
