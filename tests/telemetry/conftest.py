import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hack.cluster.prometheus import Prometheus, running_prometheus
from homeostat.cluster.clock import SystemClock
from homeostat.contracts.service_intent import ServiceIntentSpec
from homeostat.contracts.target import Target
from homeostat.contracts.telemetry_source import TelemetrySourceSpec
from homeostat.flow.facts import Pod, Reading, Workload
from homeostat.flow.resources import CompiledIntent, CompiledSource, Stamp
from homeostat.observe.prometheus import PrometheusTelemetry
from homeostat.observe.sampling import Observer
from tests.telemetry.exporters import NAMESPACE, Exporter, configure, serving


@dataclass
class Site:
    """Two pods, their kubelet, and the Prometheus that scrapes all three."""

    prometheus: Prometheus
    first: Exporter
    second: Exporter
    kubelet: Exporter
    folder: Path

    @property
    def pods(self) -> tuple[str, ...]:
        return self.first.pod, self.second.pod

    def source(self, **more: object) -> CompiledSource:
        values = {"url": str(self.prometheus), "scrapeInterval": "1s", "discovery": "1s", "timeout": "3s", **more}
        return CompiledSource(Stamp(NAMESPACE, "site", "u", 1), TelemetrySourceSpec.model_validate(values))


class GivenWorkloads:
    """Workloads as a test states them."""

    def __init__(self, *workloads: Workload) -> None:
        self.workloads = {workload.target: workload for workload in workloads}

    async def look(self, namespace: str, target: Target) -> Workload:
        assert namespace == NAMESPACE
        return self.workloads[target.name]


def workload_of(*pods: str, cpu_limit: float | None = 0.5, ready_for: float = 3600) -> Workload:
    since = datetime.now(UTC) - timedelta(seconds=ready_for)
    return Workload(
        target="sip",
        exists=True,
        replicas=len(pods),
        ready_replicas=len(pods),
        settled=True,
        pods=tuple(
            Pod(name=p, uid=p, ready=True, ready_since=since, terminating=False, cpu_limit=cpu_limit) for p in pods
        ),
    )


def intent_of(*expectations: dict[str, object], period: str = "2s") -> CompiledIntent:
    spec = {
        "targets": [{"name": "sip", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "sip"}}],
        "observationPeriod": period,
        "expectations": [{"condition": "IsLessThan", "value": "1", **e} for e in expectations],
    }
    return CompiledIntent(Stamp(NAMESPACE, "calls", "u", 1), {}, ServiceIntentSpec.model_validate(spec))


async def eventually(ask: Callable[[], Awaitable[Reading]], holds: Callable[[Reading], bool]) -> Reading:
    """Ask until it holds, for at most 90 s on a busy machine; the last reading says what was wrong."""
    deadline = time.monotonic() + 90
    while True:
        reading = await ask()
        if holds(reading):
            return reading
        assert time.monotonic() < deadline, reading
        await asyncio.sleep(0.2)


@pytest.fixture(scope="session")
def running_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with ExitStack() as stack:
        first, second = (stack.enter_context(serving(Exporter(pod))) for pod in ("sip-1", "sip-2"))
        kubelet = stack.enter_context(serving(Exporter("none", exposition=cpu_seconds)))
        folder = tmp_path_factory.mktemp("site")
        address = stack.enter_context(running_prometheus(folder, {}))
        configure(folder, [first, second], kubelet)
        address.reload()
        yield Site(address, first, second, kubelet, folder)


def cpu_seconds() -> bytes:
    """What a kubelet tells of two pods that use 0.2 and 0.4 cores."""
    line = 'container_cpu_usage_seconds_total{{namespace="{}",pod="{}",container="c"}} {}\n'
    uses = {"sip-1": 0.2, "sip-2": 0.4}
    return "".join(line.format(NAMESPACE, pod, time.monotonic() * use) for pod, use in uses.items()).encode()


@pytest.fixture
def site(running_site: Site) -> Site:
    """The one site of the run, all well again."""
    for exporter in (running_site.first, running_site.second):
        exporter.exposition, exporter.status = None, 200
        exporter.load.set(0.5)
    return running_site


@pytest.fixture
async def telemetry() -> AsyncIterator[PrometheusTelemetry]:
    telemetry = PrometheusTelemetry()
    yield telemetry
    await telemetry.close()


@pytest.fixture
def read(site: Site, telemetry: PrometheusTelemetry) -> Callable[..., Awaitable[Reading]]:
    """Read one expectation of the site, as an intent would."""

    async def reading(expectation: dict[str, object], *, workload: Workload | None = None, **source: object) -> Reading:
        observer = Observer(telemetry, GivenWorkloads(workload or workload_of(*site.pods)), SystemClock())
        observation = await observer.look(intent_of({"name": "e", **expectation}), site.source(**source))
        return observation.readings["e"]

    return reading
