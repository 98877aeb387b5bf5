"""What the observer says of a real Prometheus that scrapes real exporters."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from homeostat.cluster.clock import SystemClock
from homeostat.contracts.causes import CauseRule
from homeostat.flow.facts import Reading, Unknown
from homeostat.observe.prometheus import PrometheusTelemetry
from homeostat.observe.sampling import Observer
from tests.telemetry.conftest import GivenWorkloads, Site, eventually, intent_of, workload_of
from tests.telemetry.exporters import NAMESPACE, configure

Read = Callable[..., Awaitable[Reading]]

LOAD = {"query": "sum(sip_load) / 2"}
SHARE = {
    "ratio": {
        "good": 'sum(rate(sip_calls_total{namespace="$namespace",outcome="effective"}[$window]))',
        "total": "sum(rate(sip_calls_total[$window]))",
    },
    "window": "5s",
}


async def call(site: Site, failed: int = 0) -> None:
    """Make calls on both pods until cancelled, fifty a second on each, of which some fail."""
    while True:
        for exporter in (site.first, site.second):
            exporter.calls.labels("effective").inc(5 - failed)
            if failed:
                exporter.calls.labels("failed").inc(failed)
        await asyncio.sleep(0.1)


def is_known(reading: Reading) -> bool:
    return reading.value is not None


def is_well(reading: Reading) -> bool:
    return reading.value == 0.5


def says(reason: Unknown) -> Callable[[Reading], bool]:
    return lambda reading: reading.unknown is reason


async def test_fresh_value_with_its_age(read: Read) -> None:
    reading = await eventually(lambda: read(LOAD), is_well)
    assert reading.value == 0.5
    assert reading.age_seconds is not None
    assert 0 <= reading.age_seconds < 2.5


async def test_ratio_and_its_load(site: Site, read: Read) -> None:
    site.first.calls.labels("failed").inc(0)
    await eventually(lambda: read(LOAD), is_well)
    reading = await eventually(lambda: read(SHARE), says(Unknown.NOT_A_NUMBER))
    assert "no events" in reading.message
    calling = asyncio.create_task(call(site, failed=1))
    reading = await eventually(lambda: read(SHARE), lambda r: r.load is not None and r.load > 60)
    assert reading.value == pytest.approx(0.8, abs=0.05)
    few = await read({**SHARE, "minEvents": 100_000})
    assert few.unknown is Unknown.TOO_FEW_EVENTS
    wrong = {"good": SHARE["ratio"]["total"], "total": SHARE["ratio"]["good"]}  # type: ignore[index] # a test's table
    assert (await read({**SHARE, "ratio": wrong})).unknown is Unknown.OUT_OF_RANGE
    calling.cancel()


@pytest.mark.parametrize(
    ("expectation", "reason"),
    [
        ({"query": "sum(sip_load) * NaN"}, Unknown.NOT_A_NUMBER),
        ({"query": "sum(sip_load) / 0"}, Unknown.INFINITE),
        ({"query": "no_such_metric"}, Unknown.NO_DATA),
        ({"query": "sum(no_such_metric) or vector(0)"}, Unknown.NO_DATA),
        ({"query": "absent(no_such_metric)"}, Unknown.NO_DATA),
        ({"query": "sip_load"}, Unknown.MANY_SERIES),
        ({"query": 'label_replace(sip_load, "pod", "$1", "pod", "(.*") '}, Unknown.QUERY_REFUSED),
    ],
)
async def test_no_value(read: Read, expectation: dict[str, object], reason: Unknown) -> None:
    await eventually(lambda: read(LOAD), is_well)
    reading = await read(expectation)
    assert reading.unknown is reason, reading
    assert reading.message


async def test_reduce_takes_many_series(site: Site, read: Read) -> None:
    site.second.load.set(0.9)
    query = {"query": "sip_load", "reduce": "Avg"}
    reading = await eventually(lambda: read(query), lambda r: r.value is not None and r.value > 0.6)
    assert reading.value == pytest.approx(0.7)


async def test_nan_and_infinity_of_the_exporter_itself(site: Site, read: Read) -> None:
    await eventually(lambda: read(LOAD), is_well)
    site.first.load.set(float("nan"))
    site.second.load.set(float("nan"))
    await eventually(lambda: read(LOAD), says(Unknown.NOT_A_NUMBER))
    site.second.load.set(float("inf"))
    await eventually(lambda: read({"query": 'sip_load{pod="sip-2"}'}), says(Unknown.INFINITE))


async def test_label_that_has_not_happened_yet_is_no_missing_data(read: Read) -> None:
    await eventually(lambda: read(LOAD), is_well)
    never = {"query": 'sum(rate(sip_calls_total{outcome="rejected"}[5s])) or vector(0)'}
    assert (await read(never)).value == 0


async def test_one_pods_metrics_vanish_though_its_scrape_succeeds_and_the_kubelet_still_tells_of_it(
    site: Site, read: Read
) -> None:
    await eventually(lambda: read(LOAD), is_well)
    site.second.exposition = lambda: b""
    reading = await eventually(lambda: read(LOAD), says(Unknown.PARTIAL))
    assert "sip-2" in reading.message
    assert "sip-1" not in reading.message
    site.second.exposition = None
    await eventually(lambda: read(LOAD), is_well)


async def test_one_pods_scrape_fails(site: Site, read: Read) -> None:
    await eventually(lambda: read(LOAD), is_well)
    site.second.status = 500
    assert "sip-2" in (await eventually(lambda: read(LOAD), says(Unknown.PARTIAL))).message


async def test_pod_without_any_scrape(read: Read) -> None:
    await eventually(lambda: read(LOAD), is_well)
    three = workload_of("sip-1", "sip-2", "sip-3")
    assert "sip-3" in (await read(LOAD, workload=three)).message
    assert (await read(LOAD, workload=workload_of("sip-1", "sip-2", "sip-3", ready_for=0.5))).value == 0.5
    assert (await read(LOAD, workload=workload_of())).unknown is Unknown.NO_READY_PODS


async def test_exporters_gone_while_a_rate_still_has_a_value(site: Site, read: Read) -> None:
    rate = {"query": "sum(rate(sip_calls_total[1m]))"}
    await eventually(lambda: read(LOAD), is_well)
    await eventually(lambda: read(rate), is_known)
    site.first.status = site.second.status = 500
    reading = await eventually(lambda: read(rate), says(Unknown.NO_DATA))
    assert "sip_calls_total" in reading.message


async def test_samples_that_stand_still_are_stale(site: Site, read: Read) -> None:
    old = int(time.time() * 1000) - 60_000
    site.first.exposition = site.second.exposition = f"sip_old 1 {old}\nsip_new 1\n".encode
    await eventually(lambda: read({"query": "max(sip_new)"}), is_known)
    reading = await read({"query": "max(sip_old)"})
    assert reading.unknown is Unknown.STALE
    assert (await read({"query": "max(sip_old)", "maxAge": "10m"})).value == 1


async def test_some_series_that_stand_still(site: Site, read: Read) -> None:
    old = int(time.time() * 1000) - 60_000
    site.first.exposition = f"sip_mixed 1 {old}\nsip_new 1\n".encode
    site.second.exposition = lambda: b"sip_mixed 1\n"
    await eventually(lambda: read({"query": "max(sip_new)"}), is_known)
    await eventually(lambda: read({"query": "max(sip_mixed)"}), says(Unknown.PARTIAL))


async def test_fallback_is_used_only_without_data(read: Read) -> None:
    await eventually(lambda: read(LOAD), is_well)
    fallback = {"noData": "Fallback", "fallback": {"query": 'max(sip_load{pod="sip-1"}) + 1'}}
    assert (await read({**LOAD, **fallback})).value == 0.5
    reading = await read({"query": "no_such_metric", **fallback})
    assert reading.value == 1.5
    assert "fallback" in reading.message


async def test_cpu_share_evidence_and_drain(site: Site, read: Read, telemetry: PrometheusTelemetry) -> None:
    await eventually(lambda: read(LOAD), is_well)
    workload = workload_of(*site.pods)
    observer, source = Observer(telemetry, GivenWorkloads(workload), SystemClock()), site.source()
    await eventually(
        lambda: observer.cpu_share(source, NAMESPACE, workload), lambda r: r.value == pytest.approx(0.8, abs=0.1)
    )
    unlimited = await observer.cpu_share(source, NAMESPACE, workload_of(*site.pods, cpu_limit=None))
    assert "no CPU limit" in unlimited.message
    assert (await observer.cpu_share(source, NAMESPACE, workload_of("sip-1", "sip-9"))).unknown is Unknown.PARTIAL

    drain = 'sum(sip_load{pod=~"$pods"})'
    assert (await observer.ask(source, drain, NAMESPACE, ["sip-1"])).value == 0.5
    assert (await observer.ask(source, drain, NAMESPACE, ["sip-9"])).unknown is Unknown.NO_DATA
    assert (await observer.ask(source, drain, NAMESPACE, ["sip-1", "sip-9"])).unknown is Unknown.PARTIAL

    rules = [("High", "max(sip_load) > 0.4"), ("Low", "max(sip_load) < 0.4"), ("Blind", "no_such_metric > 0")]
    causes = [CauseRule.model_validate({"name": n, "evidence": [{"name": "q", "query": q}]}) for n, q in rules]
    intent = intent_of({"name": "e", **LOAD})
    observation = await observer.look(intent, source)
    situation = await observer.situation(intent, source, observation, "e", causes, (), 7.0)
    assert len(situation.answers["High/q"].series) == 1
    assert situation.answers["Low/q"].failure is None
    assert not situation.answers["Low/q"].series
    assert situation.answers["Blind/q"].failure is Unknown.NO_DATA
    assert situation.cpu_share["sip"].value is not None


async def test_source_that_keeps_no_scrapes_by_pod(site: Site, read: Read) -> None:
    """Where ``up`` carries no pod label, any fresh series of the pod is all there is to go by."""
    configure(site.folder, [], site.kubelet)
    site.prometheus.reload()
    cpu = {"query": "count(container_cpu_usage_seconds_total)"}
    await eventually(lambda: read(LOAD), says(Unknown.NO_DATA))
    assert (await read(cpu)).value == 2
    lonely = await read(cpu, workload=workload_of("other-1"))
    assert lonely.unknown is Unknown.PARTIAL
    configure(site.folder, [site.first, site.second], site.kubelet)
    site.prometheus.reload()
