"""Without data nothing is done, however bad it is out there; and what is not seen is said."""

from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.loop import manifests
from tests.loop.api import path
from tests.loop.cnf import CAPACITY, Face
from tests.loop.conftest import StartPrometheus
from tests.loop.stage import Stage, eventually, throughout

TWO_PODS = pytest.mark.parametrize("stage", [2], indirect=True)
TOO_MUCH_FOR_TWO = 2.5 * CAPACITY


def blinded(stage: Stage, reason: str, blind: Callable[[], object], sight: Callable[[], object]) -> None:
    """Lose sight, then be overloaded: nothing is done. With the sight come back it is, which shows that it was due."""
    blind()
    eventually(stage.fulfilment, lambda seen: seen == "Unknown", seconds=15)
    stage.cnf.offer(TOO_MUCH_FOR_TWO)
    telemetry = stage.condition("TelemetryAvailable")
    assert (telemetry["status"], telemetry["reason"]) == ("False", reason), telemetry
    assert stage.intent_status()["expectations"][0]["reason"] == reason
    throughout(lambda: (stage.fulfilment(), stage.acts()), lambda seen: seen == ("Unknown", []), seconds=5)
    assert stage.replicas() == 2
    assert not stage.records()

    sight()
    eventually(stage.acts, bool)
    assert [(w.resource, w.sent["spec"]) for w in stage.acts()] == [("deployments/scale", {"replicas": 3})]


FACES = [
    pytest.param(Face.GONE, 1, "Partial", id="one ready pod is not measured"),
    pytest.param(Face.NAN, 2, "NotANumber", id="values are not numbers"),
    pytest.param(Face.EMPTY, 2, "NoData", id="answers are empty"),
]


@TWO_PODS
@pytest.mark.parametrize(("face", "pods", "reason"), FACES)
def test_no_act_on_what_exporters_do_not_tell(stage: Stage, face: Face, pods: int, reason: str):
    stage.govern(manifests.policy(manifests.add_capacity()))
    affected = sorted(stage.pods())[:pods]
    blinded(
        stage,
        reason,
        blind=lambda: stage.cnf.show(face, *affected),
        sight=lambda: stage.cnf.show(Face.TRUE, *affected),
    )


@TWO_PODS
def test_no_act_while_prometheus_is_stopped(stage: Stage, start_prometheus: StartPrometheus):
    with ExitStack() as own:
        address = own.enter_context(start_prometheus())
        stage.wait_until_scraped(2, address)
        stage.govern(manifests.policy(manifests.add_capacity()), prometheus=address)
        source = path("telemetrysources", stage.namespace, manifests.SOURCE)
        blinded(
            stage,
            "SourceDown",
            blind=own.close,
            sight=lambda: stage.api.patch(source, {"spec": {"url": stage.prometheus}}),
        )
