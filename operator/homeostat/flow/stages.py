"""The outer parts of the stages as the composition root fills them in, and the engine's time constants."""

from dataclasses import dataclass
from datetime import timedelta

from homeostat.flow.health import HealthBoard
from homeostat.flow.ports import Clock, Cluster, ConfigHistory, Effects, Events, HoldReader, Owners, Workloads
from homeostat.flow.resources import CompiledSource
from homeostat.flow.turnstile import Turnstile
from homeostat.intake.catalog import Catalog
from homeostat.intake.ceiling import Ceilings
from homeostat.observe.sampling import Observer
from homeostat.record.approval_guard import ApprovalGuard
from homeostat.record.metrics import Metrics
from homeostat.record.remediations import Remediations
from homeostat.record.status import Statuses


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Time constants and limits of the engine; all can be set, so that a campaign of faults can run fast."""

    diagnosis_patience: timedelta = timedelta(seconds=60)
    """How long the evidence may take to support a cause before a person is told that none is."""
    redecide_every: timedelta = timedelta(seconds=5)
    """How often a blocked remediation is decided again."""
    known_good_after: timedelta = timedelta(minutes=10)
    """How long the promise must be kept under a configuration before that counts as one that works."""
    config_look_every: timedelta = timedelta(seconds=5)
    """How often the configuration that policies name is looked at for changes."""
    readiness_every: timedelta = timedelta(seconds=30)
    """How often references of intents and policies are checked again."""
    reread_every: timedelta = timedelta(seconds=10)
    """Longest time for which a record that waits for a person is not read again."""
    maintenance_settle: timedelta = timedelta(minutes=2)
    """How long after planned work nothing is done yet."""
    concurrent_looks: int = 16
    """Looks that run at once."""


@dataclass(frozen=True, slots=True)
class Stages:
    """Everything outside that a pass needs."""

    catalog: Catalog
    ceilings: Ceilings
    observer: Observer
    workloads: Workloads
    owners: Owners
    holds: HoldReader
    effects: Effects
    history: ConfigHistory
    records: Remediations
    statuses: Statuses
    events: Events
    metrics: Metrics
    approvals: ApprovalGuard
    health: HealthBoard
    turnstile: Turnstile
    cluster: Cluster
    clock: Clock
    settings: EngineSettings
    default_source: CompiledSource | None
