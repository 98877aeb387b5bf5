"""A configuration that a person broke: its last good value is put back, byte for byte, and taken up by a restart."""

import pytest

from tests.loop import manifests
from tests.loop.api import path
from tests.loop.stage import Stage, eventually, throughout

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


@pytest.mark.parametrize("stage", [2], indirect=True)
def test_instances_with_sessions_take_it_up_one_by_one_once_drained(stage: Stage):
    stage.spare_sessions('sum(cnf_calls_in_progress{namespace="$namespace",pod=~"$pods"})')
    stage.govern(manifests.policy(RESTORE))
    eventually(lambda: is_known_good(stage), bool)
    first = set(stage.pods())
    stage.cnf.hold_calls(2)

    stage.configure_by_hand(manifests.TUNING.replace("400", "10"))
    stage.reach("Executing", seconds=60)
    eventually(stage.tuning, lambda text: text == manifests.TUNING)
    throughout(lambda: set(stage.pods()), lambda pods: pods == first, seconds=3)
    assert "to be drained (2 in progress" in stage.record()["status"]["message"]

    stage.cnf.hold_calls(0)
    record = stage.reach("Succeeded", seconds=60)

    assert not first & set(stage.pods()), "every instance was replaced by one that read the restored value"
    ended = [o["ends"][0] for o in record["status"]["operations"] if o["ends"]]
    assert set(ended) == first
    assert not stage.writes("deployments"), "no rollout ends instances that are not drained"
