"""What a real Prometheus tells of the pods of a target one by one, and which of them is the worst."""

import math
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from homeostat.act.worst_pods import Candidate, choose
from homeostat.cluster.clock import SystemClock
from homeostat.contracts.actions.evict import EvictAction
from homeostat.flow.facts import Reading, Unknown, Workload
from homeostat.observe.prometheus import PrometheusTelemetry
from homeostat.observe.sampling import Observer
from tests.telemetry.conftest import GivenWorkloads, Site, workload_of
from tests.telemetry.exporters import NAMESPACE

Values = Mapping[str, float] | Reading
ByPod = Callable[..., Awaitable[Values]]

LOAD = 'sip_load{namespace="$namespace",pod=~"$pods"}'
PATIENCE_SECONDS = 30


@pytest.fixture
def by_pod(site: Site, telemetry: PrometheusTelemetry) -> ByPod:
    async def ask(query: str = LOAD, workload: Workload | None = None) -> Values:
        observer = Observer(telemetry, GivenWorkloads(), SystemClock())
        return await observer.by_pod(site.source(), query, NAMESPACE, workload or workload_of(*site.pods))

    return ask


async def until(ask: Callable[[], Awaitable[Values]], holds: Callable[[Values], bool]) -> Values:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds(values := await ask()):
        assert time.monotonic() < deadline, values
    return values


def is_unknown(reason: Unknown) -> Callable[[Values], bool]:
    return lambda values: isinstance(values, Reading) and values.unknown is reason


async def test_the_worst_pod_is_the_one_that_telemetry_shows(site: Site, by_pod: ByPod) -> None:
    site.second.load.set(0.9)

    values = await until(by_pod, lambda v: v == {"sip-1": 0.5, "sip-2": 0.9})

    assert isinstance(values, Mapping)
    candidates = [Candidate(name, name, True, value) for name, value in values.items()]
    for order, threshold, worst in (("Highest", "0.6", "sip-2"), ("Lowest", "0.6", "sip-1")):
        chosen = {"query": LOAD, "order": order, "threshold": threshold}
        action = EvictAction.model_validate({"target": "sip", "worst": chosen})
        assert [v.name for v in choose(action, candidates, 2).victims] == [worst]


async def test_one_value_that_is_no_number_makes_all_unknown(site: Site, by_pod: ByPod) -> None:
    site.second.load.set(math.nan)

    await until(by_pod, is_unknown(Unknown.NOT_A_NUMBER))


async def test_a_pod_that_is_not_measured_makes_all_unknown(site: Site, by_pod: ByPod) -> None:
    await until(by_pod, lambda v: isinstance(v, Mapping))
    unseen = await by_pod(workload=workload_of("sip-1", "sip-9"))
    assert isinstance(unseen, Reading)
    assert (unseen.unknown, "sip-9" in unseen.message) == (Unknown.PARTIAL, True)

    site.second.status = 500
    await until(by_pod, is_unknown(Unknown.PARTIAL))

    # Whatever a query makes of the absence: by the lowest value this pod would be the worst.
    made_up = f'{LOAD} or on (pod) 0 * up{{namespace="$namespace",pod=~"$pods"}}'
    assert is_unknown(Unknown.PARTIAL)(await by_pod(made_up))


async def test_a_young_pod_is_left_out_but_counts_where_it_must_be_measured(site: Site, by_pod: ByPod) -> None:
    await until(by_pod, lambda v: isinstance(v, Mapping))
    made = {"sip-1": timedelta(hours=1), "sip-2": timedelta(seconds=20)}
    now, workload = datetime.now(UTC), workload_of(*site.pods)
    pods = tuple(replace(pod, created=now - made[pod.name]) for pod in workload.pods)

    assert await by_pod(workload=replace(workload, pods=pods)) == {"sip-1": 0.5}


@pytest.mark.parametrize(
    ("query", "reason", "says"),
    [
        ("sum by (pod) (sip_load)", Unknown.QUERY_REFUSED, 'add namespace="$namespace"'),
        ('sum(sip_load{namespace="$namespace"})', Unknown.BAD_ANSWER, "no label pod"),
        ('{__name__=~"sip_load|up",namespace="$namespace"}', Unknown.MANY_SERIES, "sum by (pod)"),
        ('none{namespace="$namespace"}', Unknown.NO_DATA, "no series"),
        ("sum(", Unknown.QUERY_REFUSED, "cannot be read"),
    ],
)
async def test_a_query_that_does_not_tell_pods_apart(by_pod: ByPod, query: str, reason: Unknown, says: str) -> None:
    await until(by_pod, lambda v: isinstance(v, Mapping))

    values = await by_pod(query)

    assert isinstance(values, Reading)
    assert values.unknown is reason, values
    assert says in values.message


async def test_without_pods_there_is_nothing_to_ask(by_pod: ByPod) -> None:
    values = await by_pod(workload=Workload("sip", exists=True))

    assert isinstance(values, Reading)
    assert values.unknown is Unknown.NO_READY_PODS
