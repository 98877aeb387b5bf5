"""Records, statuses and Events as the operator writes them: with the chart's rights, on a real API server."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest

from hack.cluster import Cluster
from homeostat.cluster.client import ApiCluster
from homeostat.cluster.clock import SystemClock
from homeostat.cluster.identity import identity_of
from homeostat.contracts.common import API_VERSION
from homeostat.contracts.operations import TargetIdentity
from homeostat.contracts.remediation import Phase
from homeostat.contracts.service_intent import Episode, Fulfilment, ServiceIntentStatus
from homeostat.flow.ports import ConflictError, NotFoundError
from homeostat.flow.resources import Body
from homeostat.record.events import EVENTS_API, KubernetesEvents
from homeostat.record.guard_facts import guard_facts
from homeostat.record.remediations import RecordMismatchError, Remediations
from homeostat.record.status import Statuses
from tests.apiserver.fixtures import Connect
from tests.apiserver.installation import OPERATOR, PATIENCE_SECONDS, install, manifest
from tests.unit.record.samples import AT, INTENT, operation, plan, spec, status

FIRST = status(phase=Phase.PLANNED, outcome=None, operations=[], verifications=[])


@pytest.fixture(scope="module", autouse=True)
def installed(cluster: Cluster) -> None:
    install(cluster)


@pytest.fixture
async def operator(connect: Connect) -> ApiCluster:
    return await connect(OPERATOR)


@pytest.fixture
def records(operator: ApiCluster) -> Remediations:
    return Remediations(operator, SystemClock())


async def test_a_new_record_has_its_status_and_reads_back_the_same(records, namespace):
    stored = await records.create(namespace, spec(), FIRST)
    assert stored.record.spec == spec()
    assert stored.record.status.phase is Phase.PLANNED
    assert stored.record.status.summary == "scale Deployment/pcscf 2 -> 3"
    assert stored.record.status.report[0].startswith(f"Name:    {stored.name}")
    assert await records.read(namespace, stored.name) == stored


async def test_what_is_shown_is_stored_even_where_it_is_a_default(records, operator, namespace):
    stored = await records.create(namespace, spec(), FIRST)
    body = await operator.get(API_VERSION, "Remediation", namespace, stored.name)
    assert body["status"]["phase"] == "Planned"
    assert body["spec"]["decisions"] == []  # the plain kubectl command of a request adds to it
    assert body["metadata"]["labels"]["homeostat.dev/intent"] == "call-setup"


async def test_creating_it_twice_takes_up_the_one_that_is_there(records, namespace):
    first = await records.create(namespace, spec(), FIRST)
    moved = await records.update(first, first.record.status.model_copy(update={"phase": Phase.EXECUTING}))
    again = await records.create(namespace, spec(), FIRST)
    assert again == moved
    assert len(await records.list(namespace)) == 1


async def test_a_crash_between_the_two_writes_of_a_new_record_is_made_good(records, cluster, namespace):
    cluster.kubectl("create", "-f", "-", stdin=manifest(namespace), user=OPERATOR)
    stored = await records.create(namespace, spec(), FIRST)
    assert stored.record.status.summary == "scale Deployment/pcscf 2 -> 3"


async def test_a_name_that_belongs_to_another_episode_is_not_taken_up(records, namespace):
    await records.create(namespace, spec(), FIRST)
    digest = spec().episode.digest
    other = spec().episode.model_copy(update={"digest": digest[:10] + "0" * (len(digest) - 10)})
    with pytest.raises(RecordMismatchError, match="about another episode"):
        await records.create(namespace, spec(episode=other), FIRST)


async def test_a_write_over_an_older_version_is_a_conflict(records, namespace):
    old = await records.create(namespace, spec(), FIRST)
    await records.update(old, old.record.status.model_copy(update={"phase": Phase.EXECUTING}))
    with pytest.raises(ConflictError):
        await records.update(old, old.record.status.model_copy(update={"phase": Phase.CANCELLED}))


async def test_what_is_taken_out_of_a_status_is_gone_and_lists_are_replaced(records, namespace):
    stored = await records.create(namespace, spec(), FIRST)
    changes: dict[str, Any] = {"operations": [operation(), operation(id="2")], "plan": plan(valid_until=AT)}
    stored = await records.update(stored, stored.record.status.model_copy(update=changes))
    assert [o.id for o in stored.record.status.operations] == ["add-capacity.1.apply.1", "2"]
    fewer = {"operations": [operation(id="2")], "plan": plan(), "guards": []}
    stored = await records.update(stored, stored.record.status.model_copy(update=fewer))
    assert [o.id for o in stored.record.status.operations] == ["2"]
    assert stored.record.status.plan == plan()
    stored = await records.update(stored, stored.record.status.model_copy(update={"plan": None}))
    assert stored.record.status.plan is None
    assert stored == await records.read(namespace, stored.name)


async def test_a_condition_keeps_the_time_of_its_transition(records, namespace):
    stored = await records.create(namespace, spec(), FIRST)
    first = {c.type: c.last_transition_time for c in stored.record.status.conditions}
    stored = await records.update(stored, stored.record.status.model_copy(update={"phase": Phase.EXECUTING}))
    assert {c.type: c.last_transition_time for c in stored.record.status.conditions} == first


async def test_a_record_that_is_not_there_is_none_and_is_not_written(records, cluster, namespace):
    assert await records.read(namespace, "nothing") is None
    closed = FIRST.model_copy(update={"phase": Phase.CANCELLED})
    stored = await records.create(namespace, spec(), closed)
    cluster.kubectl("delete", "rem", stored.name, "-n", namespace)
    with pytest.raises(NotFoundError):
        await records.update(stored, closed)


async def test_an_unreadable_record_is_named_hides_no_other_and_makes_the_guards_deny(
    records, cluster, namespace, caplog
):
    await records.create(namespace, spec(), FIRST)
    terms = json.loads(manifest(namespace))["spec"]["terms"]
    terms["verification"] |= {"deadline": "1s"}  # shorter than its stabilisation: the schema cannot say so
    bad = manifest(namespace, spec(2), terms=terms)
    cluster.kubectl("create", "-f", "-", stdin=bad, user=OPERATOR)
    name = json.loads(bad)["metadata"]["name"]
    listing = await records.list(namespace)
    assert len(listing) == 1
    assert listing.unreadable == (f"{namespace}/{name}",)
    assert not guard_facts(listing).complete
    assert name in caplog.text


Seen = dict[tuple[str, str, str], Body]


@pytest.fixture
def seen() -> Seen:
    """What the watch last saw."""
    return {}


@pytest.fixture
def statuses(operator: ApiCluster, seen: Seen) -> Statuses:
    return Statuses(operator, lambda *key: seen.get(key))


@pytest.fixture
async def intent(cluster: Cluster, operator: ApiCluster, namespace: str) -> Body:
    metadata = {"name": "call-setup", "namespace": namespace}
    body = {"apiVersion": API_VERSION, "kind": "ServiceIntent", "metadata": metadata, "spec": INTENT}
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(body))
    return await operator.get(API_VERSION, "ServiceIntent", namespace, "call-setup")


def kept(**changes: Any) -> ServiceIntentStatus:
    return ServiceIntentStatus(conditions=[], fulfilment=Fulfilment.FULFILLED, **changes)


async def test_a_status_is_written_once_per_transition(statuses, operator, namespace, intent):
    first = await statuses.intent(namespace, "call-setup", intent, kept())
    again = await statuses.intent(namespace, "call-setup", intent, kept())
    body = await operator.get(API_VERSION, "ServiceIntent", namespace, "call-setup")
    assert first == again
    assert body["metadata"]["resourceVersion"] == first.resource_version
    assert body["metadata"]["generation"] == intent["metadata"]["generation"]


async def test_a_status_is_written_over_a_newer_version_of_the_object(statuses, seen, cluster, namespace, intent):
    seen["ServiceIntent", namespace, "call-setup"] = intent
    cluster.kubectl("label", "si", "call-setup", "-n", namespace, "domain=ims")
    await statuses.intent(namespace, "call-setup", intent, kept(episode=Episode(number=1, since=AT)))
    assert statuses.stored_intent(namespace, "call-setup").episode == Episode(number=1, since=AT)


async def test_after_a_restart_the_stored_status_is_the_one_begun_from(operator, statuses, seen, namespace, intent):
    await statuses.intent(namespace, "call-setup", intent, kept(episode=Episode(number=7, since=AT)))
    seen["ServiceIntent", namespace, "call-setup"] = await operator.get(
        API_VERSION, "ServiceIntent", namespace, "call-setup"
    )
    fresh = Statuses(operator, lambda *key: seen.get(key))
    assert fresh.stored_intent(namespace, "call-setup").episode == Episode(number=7, since=AT)


async def test_a_late_watch_does_not_bring_an_old_status_back(statuses, seen, namespace, intent):
    seen["ServiceIntent", namespace, "call-setup"] = intent
    await statuses.intent(namespace, "call-setup", intent, kept(episode=Episode(number=7, since=AT)))
    assert statuses.stored_intent(namespace, "call-setup").episode == Episode(number=7, since=AT)


async def test_a_status_is_not_written_to_another_object_of_the_name(statuses, cluster, namespace, intent):
    cluster.kubectl("delete", "si", "call-setup", "-n", namespace)
    again = {"apiVersion": API_VERSION, "kind": "ServiceIntent", "spec": INTENT}
    metadata = {"name": "call-setup", "namespace": namespace}
    cluster.kubectl("create", "-f", "-", stdin=json.dumps({**again, "metadata": metadata}))
    with pytest.raises(ConflictError, match="another object"):
        await statuses.intent(namespace, "call-setup", intent, kept())


@contextlib.asynccontextmanager
async def running(events: KubernetesEvents) -> AsyncIterator[None]:
    task = asyncio.create_task(events.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def events_of(api: ApiCluster, namespace: str, holds: Callable[[tuple[Body, ...]], bool]) -> tuple[Body, ...]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds(found := await api.list(EVENTS_API, "Event", namespace)):
            await asyncio.sleep(0.1)
    return found


async def test_the_same_event_is_counted_and_another_is_created(operator, api, namespace, intent):
    events = KubernetesEvents(operator, SystemClock(), "operator-0")
    regarding = identity_of(intent)
    workload = TargetIdentity(api_version="apps/v1", kind="Deployment", name="pcscf", uid="pcscf-uid")
    async with running(events):
        for _ in range(3):
            events.emit(namespace, regarding, "Executing", "Remediate", "scaled 2 -> 3", related=workload)
        events.emit(namespace, regarding, "Blocked", "Remediate", "x" * 2000, warning=True)
        found = await events_of(api, namespace, lambda seen: len(seen) == 2 and any("series" in e for e in seen))
        found = await events_of(
            api, namespace, lambda seen: any((e.get("series") or {}).get("count") == 3 for e in seen)
        )
    by_reason = {event["reason"]: event for event in found}
    assert set(by_reason) == {"Executing", "Blocked"}
    counted = by_reason["Executing"]
    assert counted["regarding"]["uid"] == regarding.uid
    assert counted["related"]["name"] == "pcscf"
    assert counted["action"] == "Remediate"
    assert (counted["reportingController"], counted["reportingInstance"]) == ("homeostat.dev/operator", "operator-0")
    assert by_reason["Blocked"]["type"] == "Warning"
    assert len(by_reason["Blocked"]["note"]) == 1024


async def test_an_event_that_was_removed_meanwhile_begins_a_new_one(operator, api, cluster, namespace, intent):
    events = KubernetesEvents(operator, SystemClock(), "operator-0")
    regarding = identity_of(intent)
    async with running(events):
        events.emit(namespace, regarding, "Executing", "Remediate", "scaled")
        (first,) = await events_of(api, namespace, lambda seen: len(seen) == 1)
        cluster.kubectl("delete", "events.events.k8s.io", first["metadata"]["name"], "-n", namespace)
        events.emit(namespace, regarding, "Executing", "Remediate", "scaled")
        (second,) = await events_of(api, namespace, lambda seen: len(seen) == 1)
    assert second["metadata"]["uid"] != first["metadata"]["uid"]


async def test_a_flood_is_bounded_and_the_newest_survive(operator, namespace, intent):
    events = KubernetesEvents(operator, SystemClock(), "operator-0")
    for number in range(1500):
        events.emit(namespace, identity_of(intent), "Flood", "Test", str(number))
    assert [events._queue[0][0].note, events._queue[-1][0].note] == ["500", "1499"]
    assert timedelta(0) <= events._queue[-1][1] - events._queue[0][1]
