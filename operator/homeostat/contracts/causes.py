"""The hypotheses of a policy about why a promise is broken."""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from .common import (
    CamelName,
    Duration,
    Name,
    ObjectName,
    PromQL,
    Resource,
    cel,
    map_list,
)


class ConfigChange(Resource):
    """A recent change of a ConfigMap's content."""

    config_map: Annotated[ObjectName, Field(description="ConfigMap in the same namespace.")]
    key: Annotated[str | None, Field(default=None, min_length=1, max_length=253, description="Key; default: any.")]
    within: Annotated[Duration, Field(default="30m", description="How recent.")]


class EvidenceRule(Resource):
    """One observation that speaks for a cause when it holds and against it when it does not."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("has(self.query) != has(self.change)", "give exactly one kind of evidence: query or change")
            ]
        }
    )

    name: Annotated[Name, Field(description="Name as shown in the record.")]
    query: Annotated[
        PromQL | None,
        Field(default=None, description="PromQL comparison: any series in the answer speaks for the cause."),
    ]
    change: Annotated[ConfigChange | None, Field(default=None, description="A recent change of configuration.")]

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.query is None) == (self.change is None):
            raise ValueError("give exactly one kind of evidence: query or change")
        return self


class CauseRule(Resource):
    """A named hypothesis: it is supported when all its evidence holds."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "self.name != 'TelemetryFault'",
                    "TelemetryFault is the operator's own: nothing may be done about it",
                )
            ]
        }
    )

    name: Annotated[CamelName, Field(description="Name of the cause, such as Throttled; steps refer to it.")]
    evidence: Annotated[
        list[EvidenceRule],
        Field(min_length=1, max_length=8, description="All of it must hold.", json_schema_extra=map_list()),
    ]
