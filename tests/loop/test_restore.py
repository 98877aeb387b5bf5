"""A configuration that a person broke: its last good value is put back, byte for byte, and taken up by a restart."""

from tests.loop import manifests
from tests.loop.api import path
from tests.loop.stage import Stage, eventually

GOOD_MARK = "homeostat.dev/good"
RESTORE = manifests.reconfigure("restore-limit", "Misconfigured", {"restore": "/limits/invitesPerSecond"})


def is_known_good(stage: Stage) -> bool:
    """Whether the operator has noted a content under which the promise was kept."""
    revisions = stage.api.items("controllerrevisions", stage.namespace)
    return any(GOOD_MARK in r["metadata"].get("annotations", {}) for r in revisions)


def test_the_last_good_value_is_restored_and_nothing_else_is_touched(stage: Stage):
    # Capacity comes first in the policy: only the diagnosis keeps it from being tried.
    stage.govern(manifests.policy(manifests.add_capacity(), RESTORE))
    eventually(lambda: is_known_good(stage), bool)
    first = set(stage.pods())

    stage.configure_by_hand(manifests.TUNING.replace("400", "10"))
    record = stage.reach("Succeeded", seconds=60)

    assert record["status"]["outcome"] == "Effective"
    assert record["spec"]["diagnosis"]["causes"][0]["name"] == "Misconfigured"
    assert stage.tuning() == manifests.TUNING
    config_map = stage.api.get(path("configmaps", stage.namespace, manifests.CONFIG_MAP))
    assert config_map["data"] == manifests.tuning()["data"]
    assert [w.verb for w in stage.writes("configmaps")] == ["patch"]
    (restart,) = stage.writes("deployments")
    assert set(restart.sent["spec"]) == {"template"}
    assert set(restart.sent["spec"]["template"]) == {"metadata"}
    assert not stage.writes("deployments/scale")
    assert not first & set(stage.pods()), "every pod was replaced by one that read the restored value"
    assert len(stage.acts()) == 2
