"""Everything about the operator that can be set, as environment variables with the prefix ``HOMEOSTAT_``.

Every time constant is here, so that a demo or a campaign of faults can run the same program faster.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from homeostat.act.http_calls import Allowed
from homeostat.contracts.common import parse_duration
from homeostat.contracts.telemetry_source import TelemetrySourceSpec
from homeostat.flow.resources import CompiledSource, Stamp

DEFAULT_SOURCE = "default"
"""Name under which the operator's own telemetry source appears in records."""


def _time(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


Time = Annotated[timedelta, BeforeValidator(_time), Field(gt=timedelta(0))]
"""A duration as in the custom resources: ``30s``, ``5m``."""


class LogFormat(StrEnum):
    """How log lines are written."""

    JSON = "json"
    TEXT = "text"


class Settings(BaseSettings):
    """Settings of one operator process."""

    model_config = SettingsConfigDict(env_prefix="HOMEOSTAT_", frozen=True)

    prometheus_url: str | None = Field(default=None, description="Default telemetry source; none: intents name one.")
    prometheus_scrape_interval: str = Field(default="15s", description="How often it scrapes.")
    prometheus_timeout: str = Field(default="5s", description="Longest wait for one answer of it.")
    evidence_window: Time = Field(
        default=timedelta(seconds=30), description="What $window is in queries without a window of their own."
    )
    telemetry_threads: int = Field(default=16, ge=1, le=256, description="Queries that run at once, over all sources.")
    telemetry_queue: int = Field(default=256, ge=1, description="Queries that may wait for a turn.")

    api_timeout: Time = Field(default=timedelta(seconds=10), description="Longest wait for the API server.")
    api_concurrency: int = Field(default=32, ge=1, le=256, description="Requests to the API server at once.")
    resync_period: Time = Field(default=timedelta(minutes=10), description="Between two sweeps of all resources.")
    login_expiration: Time = Field(default=timedelta(minutes=10), description="When a token is read again.")

    http_origins: tuple[str, ...] = Field(
        default=(),
        max_length=64,
        description="What the action http may call: a JSON list of origins such as https://oss.example.com:8443.",
    )
    http_networks: tuple[str, ...] = Field(
        default=(),
        max_length=64,
        description="Inner networks that these may lie in, such as 10.20.0.0/16; others must be at public addresses.",
    )
    http_timeout: Time = Field(default=timedelta(seconds=10), description="Longest call outside the cluster.")

    diagnosis_patience: Time = Field(
        default=timedelta(seconds=60), description="How long evidence may take to support a cause."
    )
    redecide_every: Time = Field(default=timedelta(seconds=5), description="Between decisions while blocked.")
    known_good_after: Time = Field(
        default=timedelta(minutes=10), description="How long the promise is kept before a configuration counts as good."
    )
    config_look_every: Time = Field(default=timedelta(seconds=5), description="Between looks at configuration.")
    readiness_every: Time = Field(default=timedelta(seconds=30), description="Between checks of references.")
    reread_every: Time = Field(default=timedelta(seconds=10), description="Longest time without reading a record.")
    maintenance_settle: Time = Field(
        default=timedelta(minutes=2), description="How long after planned work nothing is done yet."
    )
    concurrent_looks: int = Field(default=16, ge=1, le=256, description="Intents looked at once.")

    health_host: str = Field(default="0.0.0.0", description="Address of probes and metrics.")  # noqa: S104 - the kubelet asks from outside the pod
    health_port: int = Field(default=8080, ge=0, le=65535, description="Port of probes and metrics; 0: any free.")
    liveness_limit: Time = Field(default=timedelta(seconds=30), description="Oldest beat of the engine that is alive.")
    shutdown_grace: Time = Field(default=timedelta(seconds=10), description="Longest orderly end.")
    log_format: LogFormat = Field(default=LogFormat.JSON, description="json or text.")
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level logged.")

    @model_validator(mode="after")
    def _usable_source(self) -> Self:
        self.default_source()
        self.allowed_calls()
        return self

    def allowed_calls(self) -> Allowed:
        """What may be called outside the cluster.

        Raises:
            pydantic.ValidationError: an origin or a network is not one.
        """
        return Allowed.of(self.http_origins, self.http_networks)

    def default_source(self) -> CompiledSource | None:
        """The operator's own telemetry source; None where none is set.

        Raises:
            pydantic.ValidationError: the address or a duration is not valid.
        """
        if self.prometheus_url is None:
            return None
        spec = TelemetrySourceSpec(
            url=self.prometheus_url,
            timeout=self.prometheus_timeout,
            scrape_interval=self.prometheus_scrape_interval,
        )
        return CompiledSource(Stamp(namespace="", name=DEFAULT_SOURCE, uid="", generation=0), spec)
