"""The operator's own metrics, for Prometheus."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from homeostat.contracts.remediation import Phase
from homeostat.contracts.verification import OutcomeName
from homeostat.flow.facts import Ruling
from homeostat.flow.ports import KubernetesError

_STAGE_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LATENESS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)


class Metrics:
    """Counts and times of one operator, in a registry of its own; labels are few and never name a pod."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._stages = Histogram(
            "homeostat_stage_duration_seconds",
            "Time that a stage took: observe, evaluate, diagnose, decide, act.",
            ["stage"],
            buckets=_STAGE_SECONDS,
            registry=self.registry,
        )
        self._lateness = Histogram(
            "homeostat_loop_lateness_seconds",
            "How late a look began.",
            buckets=_LATENESS_SECONDS,
            registry=self.registry,
        )
        self._decisions = Counter("homeostat_decisions", "Decisions by ruling.", ["ruling"], registry=self.registry)
        self._outcomes = Counter(
            "homeostat_verification_outcomes", "Verified acts by outcome.", ["outcome"], registry=self.registry
        )
        self._phases = Counter(
            "homeostat_remediation_phases", "Phases that remediations entered.", ["phase"], registry=self.registry
        )
        self._open = Gauge("homeostat_remediations_open", "Remediations that are not closed.", registry=self.registry)
        self._sources = Gauge(
            "homeostat_telemetry_source_up",
            "1 where a telemetry source answers, 0 where it does not.",
            ["namespace", "source"],
            registry=self.registry,
        )
        self._faults = Counter(
            "homeostat_faults",
            "Faults inside the operator, caught and logged, by the part they were caught in.",
            ["part"],
            registry=self.registry,
        )
        self._api_errors = Counter(
            "homeostat_api_errors",
            "Requests that the API server refused or did not answer, by HTTP status (0: no answer).",
            ["status"],
            registry=self.registry,
        )

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage, and count the API server's refusals that end it."""
        with self._stages.labels(name).time():
            try:
                yield
            except KubernetesError as error:
                self.api_error(error)
                raise

    def lateness(self, seconds: float) -> None:
        """Note how late a look began."""
        self._lateness.observe(max(0.0, seconds))

    def decision(self, ruling: Ruling) -> None:
        """Count a decision."""
        self._decisions.labels(ruling).inc()

    def outcome(self, outcome: OutcomeName) -> None:
        """Count a verified act."""
        self._outcomes.labels(outcome).inc()

    def phase(self, phase: Phase) -> None:
        """Count a phase that was entered."""
        self._phases.labels(phase).inc()

    def open_remediations(self, count: int) -> None:
        """Set how many remediations are open."""
        self._open.set(count)

    def source_answers(self, namespace: str, source: str, answers: bool) -> None:
        """Set whether a telemetry source answers."""
        self._sources.labels(namespace, source).set(1 if answers else 0)

    def source_gone(self, namespace: str, source: str) -> None:
        """Forget a telemetry source that was deleted, so that no alert stays on it for ever."""
        self._sources.remove(namespace, source)

    def fault(self, part: str) -> None:
        """Count a fault that was caught and logged."""
        self._faults.labels(part).inc()

    def api_error(self, error: KubernetesError) -> None:
        """Count a refusal of the API server, or its silence."""
        self._api_errors.labels(str(error.status)).inc()

    def exposition(self) -> bytes:
        """All metrics in the Prometheus text format."""
        return generate_latest(self.registry)
