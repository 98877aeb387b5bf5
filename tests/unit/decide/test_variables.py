"""What expressions may speak of is what was seen; what was not seen is unknown, with the reason."""

from typing import Any

import pytest

from homeostat.contracts.remediation import Diagnosis, RankedCause
from homeostat.contracts.service_intent import ExpectationStateName, ServiceIntentSpec
from homeostat.decide.variables import variables_for
from homeostat.flow.facts import Look, Reading, Track, Unknown, Variables, Workload
from homeostat.flow.resources import CompiledIntent, Stamp
from tests.unit.decide.building import NOW, scale, workload

EXPECTATION = {"query": "q", "condition": "IsLessThan", "value": "1"}
SPEC = ServiceIntentSpec.model_validate(
    {
        "targets": [{"name": "pcscf", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pcscf"}}],
        "expectations": [{"name": "setup", **EXPECTATION}, {"name": "cpu", **EXPECTATION}],
    }
)


def track(state: ExpectationStateName, *readings: Reading, message: str = "") -> Track:
    return Track(state=state, message=message, looks=tuple(Look(NOW, r, None, None) for r in readings))


TRACKS = {
    "setup": track(ExpectationStateName.VIOLATED, Reading(0.9, load=100.0)),
    "cpu": track(ExpectationStateName.MET, Reading(0.5)),
}


def made(**changed: Any) -> Variables:
    given: dict[str, Any] = {
        "intent": CompiledIntent(Stamp("ims", "call-setup", "u", 1), {"tier": "gold"}, SPEC),
        "trigger": "setup",
        "tracks": TRACKS,
        "diagnosis": Diagnosis(
            causes=[
                RankedCause(name="Misconfigured", score="0.90", supported=True),
                RankedCause(name="Saturated", score="0.86", supported=True),
            ]
        ),
        "workload": workload(2),
        "now": NOW,
    }
    return variables_for(scale(), **{**given, **changed})


def test_all_that_was_seen_is_there():
    assert made().values == {
        "cause": {"name": "Saturated", "score": 0.86},
        "intent": {"name": "call-setup", "namespace": "ims", "labels": {"tier": "gold"}},
        "observed": {
            "setup": {"state": "Violated", "value": 0.9, "load": 100.0},
            "cpu": {"state": "Met", "value": 0.5},
        },
        "trigger": {"name": "setup", "state": "Violated", "value": 0.9, "load": 100.0},
        "target": {"name": "pcscf", "kind": "Deployment", "replicas": 2.0, "readyReplicas": 2.0},
        "time": NOW,
    }
    assert made().unknown.keys() == {("observed", "cpu", "load")}


UNKNOWN = Reading(None, Unknown.STALE, "its data is 90 s old")


@pytest.mark.parametrize(
    ("changed", "paths", "words"),
    [
        ({"tracks": {}}, {("observed", "setup"), ("observed", "cpu"), ("trigger",)}, "no look at it was made yet"),
        (
            {"tracks": TRACKS | {"setup": Track(state=ExpectationStateName.VIOLATED)}},
            {("observed", "setup"), ("observed", "cpu", "load"), ("trigger",)},
            "no look",
        ),
        (
            {"tracks": TRACKS | {"cpu": track(ExpectationStateName.UNKNOWN, UNKNOWN, message="Stale: 90 s old")}},
            {("observed", "cpu")},
            "cpu is Unknown: Stale: 90 s old",
        ),
        (
            {"tracks": TRACKS | {"setup": track(ExpectationStateName.VIOLATED, Reading(0.9), UNKNOWN)}},
            {("observed", "setup", p) for p in ("value", "load")}
            | {("trigger", p) for p in ("value", "load")}
            | {("observed", "cpu", "load")},
            "Stale: its data is 90 s old",
        ),
        ({"trigger": "other"}, {("trigger",), ("observed", "cpu", "load")}, "no expectation other"),
        ({"diagnosis": Diagnosis()}, {("cause",), ("observed", "cpu", "load")}, "no cause that the step is for"),
        ({"workload": None}, {("target",), ("observed", "cpu", "load")}, "was not seen"),
        ({"workload": Workload("pcscf", exists=False)}, {("target",), ("observed", "cpu", "load")}, "was not seen"),
        ({"workload": workload(None)}, {("target", "replicas"), ("observed", "cpu", "load")}, "states no replicas"),
        (
            {"intent": CompiledIntent(Stamp("ims", "i", "u", 1), {f"k{n}": "v" for n in range(65)}, SPEC)},
            {("intent", "labels"), ("observed", "cpu", "load")},
            "has 65 labels, and 64 can be read",
        ),
    ],
)
def test_what_was_not_seen_is_unknown_and_has_no_value(changed, paths, words):
    found = made(**changed)

    assert found.unknown.keys() == paths
    assert any(words in why for why in found.unknown.values())
    for path in paths:
        value: Any = found.values
        for part in path[:-1]:
            value = value.get(part, {})
        assert not value.get(path[-1]) or path == ("trigger",)
