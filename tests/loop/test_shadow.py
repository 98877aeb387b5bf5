"""Shadow: the record says what would have been done, and nothing is."""

from tests.loop import manifests
from tests.loop.stage import OVERLOAD, Stage, throughout


def test_shadow_records_and_changes_nothing(stage: Stage):
    stage.govern(manifests.policy(manifests.add_capacity(), mode="Shadow"))
    before = stage.deployment()
    stage.cnf.offer(OVERLOAD)
    record = stage.reach("Recorded")
    assert record["spec"]["plan"]["intended"] == "2"
    assert "would have done" in record["status"]["message"]
    throughout(stage.acts, lambda acts: not acts, seconds=4)
    assert stage.deployment()["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    assert stage.tuning() == manifests.TUNING
    assert [phase["status"]["phase"] for phase in stage.records()] == ["Recorded"]
