"""What a person or a pipeline declared stays as declared: the operator writes statuses, and nothing else of it."""

from tests.loop import manifests
from tests.loop.stage import DECLARED, OVERLOAD, Stage


def test_declarations_stay_untouched_through_a_remediation(stage: Stage):
    stage.govern(manifests.policy(manifests.add_capacity()))
    before = stage.declarations()
    stage.cnf.offer(OVERLOAD)
    stage.reach("Verifying")
    stage.reach("Succeeded")
    assert stage.declarations() == before
    intent, policy, source = (body["metadata"] for body in before)
    assert all("finalizers" not in metadata for metadata in (intent, policy, source))
    assert intent["annotations"] == policy["annotations"] == {"gitops.example/revision": "1"}
    assert {intent["generation"], policy["generation"], source["generation"]} == {1}
    of_them = [w for w in stage.writes() if w.resource.partition("/")[0] in DECLARED]
    assert {w.resource for w in of_them} == {f"{kind}/status" for kind in DECLARED}
    assert all(set(w.sent) <= {"metadata", "status"} for w in of_them)
    assert all(set(w.sent.get("metadata", {})) <= {"resourceVersion", "uid"} for w in of_them)
