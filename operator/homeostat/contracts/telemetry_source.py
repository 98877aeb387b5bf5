"""TelemetrySource: where measurements come from, and what the operator must know of them to trust them."""

from typing import Annotated

from pydantic import ConfigDict, Field

from .common import Conditions, Duration, PromQL, Resource, StatusPart

DEFAULT_CPU_USAGE = (
    'sum by (pod) (rate(container_cpu_usage_seconds_total{namespace="$namespace",pod=~"$pods",container!=""}[$window]))'
)
"""CPU cores used per pod as cAdvisor reports them through the kubelet."""


class TelemetrySourceSpec(Resource):
    """A Prometheus-compatible query API."""

    url: Annotated[
        str,
        Field(
            pattern=r"^https?://[^\s/@]+(/[^\s]*)?$",
            max_length=512,
            description="Base address of the Prometheus query API, without user or password.",
        ),
    ]
    timeout: Annotated[
        Duration, Field(default="5s", description="Longest wait for one answer; later is Unknown, reason TimedOut.")
    ]
    concurrency: Annotated[
        int, Field(default=4, ge=1, le=32, description="Most queries that run against this source at once.")
    ]
    scrape_interval: Annotated[
        Duration,
        Field(default="15s", description="How often the source scrapes the targets; data older than that is Stale."),
    ]
    discovery: Annotated[
        Duration,
        Field(
            default="30s",
            description="How long a new pod may take to appear in the source. A pod that is ready for less than this "
            "and two scrapes is not yet missed.",
        ),
    ]
    pod_label: Annotated[
        str,
        Field(
            default="pod",
            pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$",
            max_length=128,
            description="Label that names the pod of a series; coverage of all ready pods is checked by it.",
        ),
    ]
    namespace_label: Annotated[
        str,
        Field(
            default="namespace",
            pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$",
            max_length=128,
            description="Label that names the namespace of a series.",
        ),
    ]
    cpu_usage: Annotated[
        PromQL,
        Field(
            default=DEFAULT_CPU_USAGE,
            description="PromQL for the CPU cores used by each pod, with the pod label kept. $namespace, $pods (a "
            "regular expression) and $window are filled in. Compared with the limit that the pod states.",
        ),
    ]


class TelemetrySourceStatus(StatusPart):
    """What the operator saw of the source."""

    observed_generation: Annotated[int, Field(default=0, ge=0, description="Generation that this status is about.")]
    conditions: Conditions
    summary: Annotated[str, Field(default="", max_length=240, description="The state in one line.")]


class TelemetrySource(Resource):
    """Where measurements come from: a Prometheus-compatible API and what is needed to judge its freshness."""

    model_config = ConfigDict(extra="ignore")

    spec: Annotated[TelemetrySourceSpec, Field(description="What the source is.")]
    status: Annotated[
        TelemetrySourceStatus, Field(default_factory=TelemetrySourceStatus, description="What was seen of it.")
    ]
