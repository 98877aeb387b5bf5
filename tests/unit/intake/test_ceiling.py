"""The ceiling as taken in, and why there is none."""

import pytest

from homeostat.flow.resources import CompiledCeiling, Refusal
from homeostat.intake.catalog import CEILING, Catalog
from homeostat.intake.ceiling import ceiling_of
from tests.unit.intake.bodies import Json, body, changed


def ceiling(**spec: object) -> Json:
    made = body(CEILING, dict(spec), name="cluster")
    del made["metadata"]["namespace"]
    return made


def test_a_good_one_is_in_force():
    compiled = ceiling_of(ceiling(mode="Live", never=[{"if": "time.getHours() >= 18"}]))
    assert isinstance(compiled, CompiledCeiling)
    assert compiled.spec.autonomy_level == 3
    assert (compiled.spec.rate.limit, compiled.spec.rate.per) == (20, "1m")


@pytest.mark.parametrize(
    ("given", "reason", "told"),
    [
        (None, "CeilingMissing", "there is no AutonomyCeiling named cluster"),
        (ceiling(autonomyLevel=9), "CeilingUnreadable", "spec.autonomyLevel"),
        (ceiling(never=[{"if": "target.replica > 1"}]), "CeilingUnreadable", "spec.never[0].if"),
        (ceiling(surprise=True), "CeilingUnreadable", "spec.surprise"),
    ],
)
def test_why_there_is_none(given: Json | None, reason: str, told: str):
    found = ceiling_of(given)
    assert isinstance(found, Refusal)
    assert found.reason == reason
    assert told in found.message


def test_the_catalog_keeps_it_without_a_namespace():
    catalog, known = Catalog(), ceiling(mode="Live")
    catalog.put(CEILING, known)
    assert catalog.keys(CEILING) == {("", "cluster")}
    assert catalog.stored(CEILING, "", "cluster") == known
    catalog.put(CEILING, changed(known, {"autonomyLevel": 9}))
    assert catalog.refusal(CEILING, "", "cluster") is not None
    catalog.remove(CEILING, "", "cluster", "u1")
    assert not catalog.keys(CEILING)
