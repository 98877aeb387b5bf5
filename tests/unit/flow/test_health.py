"""What the storm guard counts, from the looks."""

from datetime import UTC, datetime, timedelta

import pytest

from homeostat.contracts.guardrails import StormIn, StormOf
from homeostat.contracts.operations import TargetIdentity
from homeostat.contracts.service_intent import Fulfilment, ServiceIntentSpec
from homeostat.flow.facts import Assessment, Workload
from homeostat.flow.health import HealthBoard
from homeostat.flow.past_acts import Population
from homeostat.flow.resources import CompiledIntent, Stamp

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
KEPT, BROKEN, UNKNOWN = Fulfilment.FULFILLED, Fulfilment.NOT_FULFILLED, Fulfilment.UNKNOWN


def intent(name: str, namespace: str = "ims", target: str = "", uid: str = "", **spec: str) -> CompiledIntent:
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target or name}
    expectation = {"name": "e", "query": "up", "condition": "IsEqualTo", "value": "1"}
    body = {"targets": [{"name": "t", "ref": ref}], "expectations": [expectation], **spec}
    return CompiledIntent(Stamp(namespace, name, uid or f"uid-{name}", 1), {}, ServiceIntentSpec.model_validate(body))


def carrier(replicas: int | None = 2, ready: int = 2, exists: bool = True) -> Workload:
    identity = TargetIdentity(api_version="apps/v1", kind="Deployment", name="x", uid="u")
    return Workload("t", exists=exists, identity=identity, replicas=replicas, ready_replicas=ready)


class Bench:
    def __init__(self) -> None:
        self.board, self.intents = HealthBoard(), dict[tuple[str, str], CompiledIntent]()

    def add(self, known: CompiledIntent, state: Fulfilment | None, *carriers: Workload, age: float = 1) -> None:
        self.intents[known.stamp.namespace, known.stamp.name] = known
        if state is not None:
            self.board.note(known, Assessment(NOW - timedelta(seconds=age), state, {}), carriers)

    def count(self, of: StormOf = StormOf.INTENTS, where: StormIn = StormIn.NAMESPACE) -> Population:
        return self.board.count(self.intents, "ims", NOW)[of, where]


def test_intents_are_counted_by_their_state():
    bench = Bench()
    for number, state in enumerate([KEPT, BROKEN, BROKEN, UNKNOWN, None]):
        bench.add(intent(f"i{number}"), state)
    assert bench.count() == Population(total=5, unhealthy=2, unknown=2)


def test_another_namespace_counts_in_the_cluster_alone():
    bench = Bench()
    bench.add(intent("a"), KEPT)
    bench.add(intent("b", "core"), BROKEN)
    assert bench.count() == Population(1, 0, 0)
    assert bench.count(where=StormIn.CLUSTER) == Population(2, 1, 0)


def test_deactivated_and_gone_intents_do_not_count():
    bench = Bench()
    bench.add(intent("a", adminState="Deactivated"), BROKEN)
    bench.add(intent("b"), BROKEN)
    del bench.intents["ims", "b"]
    assert bench.count() == Population(0, 0, 0)


@pytest.mark.parametrize(
    ("age", "period", "known"),
    [(60, "15s", True), (60.001, "15s", False), (90, "30s", True), (90.001, "30s", False), (0, "15s", True)],
)
def test_an_old_look_is_none(age, period, known):
    bench = Bench()
    bench.add(intent("a", observationPeriod=period), BROKEN, age=age)
    assert bench.count() == (Population(1, 1, 0) if known else Population(1, 0, 1))


def test_a_look_at_a_namesake_is_none():
    bench = Bench()
    bench.add(intent("a"), BROKEN)
    bench.add(intent("a", uid="uid-made-anew"), None)
    assert bench.count() == Population(1, 0, 1)


def test_replicas_are_counted_once_for_each_target():
    bench = Bench()
    bench.add(intent("a", target="pcscf"), KEPT, carrier(4, 3))
    bench.add(intent("b", target="pcscf"), KEPT, carrier(4, 3))
    bench.add(intent("c"), KEPT, carrier(2, 2))
    assert bench.count(StormOf.REPLICAS) == Population(6, 1, 0)


@pytest.mark.parametrize(
    ("carriers", "expected"),
    [
        ((), Population(1, 0, 1)),
        ((carrier(exists=False),), Population(1, 1, 0)),
        ((carrier(0, 0),), Population(0, 0, 0)),
        ((carrier(1, 2),), Population(1, 0, 0)),
        ((carrier(None, 0),), Population(0, 0, 0)),
    ],
)
def test_targets_that_are_not_as_they_should_be(carriers, expected):
    bench = Bench()
    bench.add(intent("a"), KEPT, *carriers)
    assert bench.count(StormOf.REPLICAS) == expected
