"""The composition root: builds the stages, runs kopf as their intake, and ends them in order."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import kopf

from homeostat.act.extensions import installed_extensions
from homeostat.act.http_calls import HttpCalls
from homeostat.act.registry import registry as effects
from homeostat.app.health import Health
from homeostat.app.kopf_setup import kopf_settings, register_login
from homeostat.app.logging_setup import set_up_logging
from homeostat.app.preflight import wait_for_kinds
from homeostat.app.settings import Settings
from homeostat.cluster.client import ApiCluster
from homeostat.cluster.clock import SystemClock
from homeostat.cluster.config_history import ControllerRevisionHistory
from homeostat.flow.engine import Engine
from homeostat.flow.health import HealthBoard
from homeostat.flow.stages import EngineSettings, Stages
from homeostat.flow.turnstile import Turnstile
from homeostat.intake.catalog import Catalog
from homeostat.intake.ceiling import Ceilings
from homeostat.intake.handlers import register
from homeostat.intake.resync import Resync
from homeostat.observe.holds import KubernetesHolds
from homeostat.observe.owners import KubernetesOwners
from homeostat.observe.prometheus import PrometheusTelemetry
from homeostat.observe.sampling import Observer
from homeostat.observe.workloads import KubernetesWorkloads
from homeostat.record.approval_guard import ApprovalGuard
from homeostat.record.events import KubernetesEvents
from homeostat.record.metrics import Metrics
from homeostat.record.remediations import Remediations
from homeostat.record.status import Statuses

log = logging.getLogger(__name__)


def operate(settings: Settings, kubeconfig: Path | None) -> int:
    """Run until SIGTERM or SIGINT; gives the exit status, 1 where a part of the operator broke down."""
    set_up_logging(settings.log_format, settings.log_level)
    return asyncio.run(_operate(settings, kubeconfig))


async def _operate(settings: Settings, kubeconfig: Path | None) -> int:
    cluster = await ApiCluster.connect(
        kubeconfig, timeout=settings.api_timeout.total_seconds(), concurrency=settings.api_concurrency
    )
    operator = _Operator(settings, cluster)
    registry = kopf.OperatorRegistry()
    register_login(registry, kubeconfig, settings.login_expiration)
    register(registry, operator.catalog, operator.engine.on_record)
    operator.follow(registry)
    await operator.prepare()
    await kopf.operator(
        registry=registry,
        settings=kopf_settings(settings.shutdown_grace),
        clusterwide=True,
        standalone=True,
        stop_flag=operator.ending,
    )
    return 1 if operator.is_broken else 0


class _Operator:
    """The parts of one operator process, and their life."""

    def __init__(self, settings: Settings, cluster: ApiCluster) -> None:
        self._settings, self._cluster, clock = settings, cluster, SystemClock()
        self.catalog = Catalog()
        self.ending, self.is_broken = asyncio.Event(), False
        self._resync = Resync(cluster, self.catalog, settings.resync_period)
        self._telemetry = PrometheusTelemetry(
            threads=settings.telemetry_threads, largest_queue=settings.telemetry_queue
        )
        self._events = KubernetesEvents(cluster, clock)
        history, metrics = ControllerRevisionHistory(cluster, clock), Metrics()
        workloads = KubernetesWorkloads(cluster)
        observer = Observer(self._telemetry, workloads, clock, settings.evidence_window)
        self.engine = Engine(
            Stages(
                catalog=self.catalog,
                ceilings=Ceilings(cluster),
                observer=observer,
                workloads=workloads,
                owners=KubernetesOwners(cluster),
                holds=KubernetesHolds(cluster, clock, settings.maintenance_settle),
                effects=effects(
                    cluster,
                    history,
                    observer,
                    HttpCalls(settings.allowed_calls(), settings.http_timeout.total_seconds()),
                    installed_extensions(),
                ),
                history=history,
                records=Remediations(cluster, clock),
                statuses=Statuses(cluster, self.catalog.stored),
                events=self._events,
                metrics=metrics,
                approvals=ApprovalGuard(cluster),
                health=HealthBoard(),
                turnstile=Turnstile(),
                cluster=cluster,
                clock=clock,
                settings=_engine_settings(settings),
                default_source=settings.default_source(),
            )
        )
        self._health = Health(self.engine, self._resync.is_synced, metrics.registry, settings.liveness_limit)
        self._tasks: list[asyncio.Task[None]] = []

    async def prepare(self) -> None:
        """Answer probes, and wait for the cluster to serve our kinds."""
        await self._health.start(self._settings.health_host, self._settings.health_port)
        await wait_for_kinds(self._cluster)

    def follow(self, registry: kopf.OperatorRegistry) -> None:
        """Start and stop with kopf, which cancels on its own what was started after it."""

        @kopf.on.startup(registry=registry, id="start")
        async def start(**_: Any) -> None:  # noqa: ANN401 - kopf's arguments
            for name, work in self._work():
                task = asyncio.create_task(work, name=name)
                task.add_done_callback(self._ended(name))
                self._tasks.append(task)

        @kopf.on.cleanup(registry=registry, id="stop")
        async def stop(**_: Any) -> None:  # noqa: ANN401 - kopf's arguments
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks, timeout=self._settings.shutdown_grace.total_seconds())
            await self._telemetry.close()
            await self._health.stop()
            await self._cluster.close()
            # kopf waits for it to the end, and five seconds longer.
            self.ending.set()

    def _work(self) -> list[tuple[str, Coroutine[Any, Any, None]]]:
        return [("resync", self._resync.run()), ("events", self._events.run()), ("engine", self._run_engine())]

    async def _run_engine(self) -> None:
        """An engine with half a catalog would take what it does not see for deleted."""
        await self._resync.wait_synced()
        await self.engine.run()

    def _ended(self, name: str) -> Callable[[asyncio.Task[None]], None]:
        """None of the parts may end by itself: the process is started anew rather than run without it."""

        def ended(task: asyncio.Task[None]) -> None:
            if not task.cancelled():
                log.critical(
                    "the %s broke down; the operator ends, to be started anew", name, exc_info=task.exception()
                )
                self.is_broken = True
                self.ending.set()

        return ended


def _engine_settings(settings: Settings) -> EngineSettings:
    return EngineSettings(
        diagnosis_patience=settings.diagnosis_patience,
        redecide_every=settings.redecide_every,
        known_good_after=settings.known_good_after,
        config_look_every=settings.config_look_every,
        readiness_every=settings.readiness_every,
        reread_every=settings.reread_every,
        maintenance_settle=settings.maintenance_settle,
        concurrent_looks=settings.concurrent_looks,
    )
