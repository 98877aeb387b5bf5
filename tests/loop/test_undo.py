"""What does not help, does harm, cannot be had or is asked back is taken back, and what follows is as written."""

import json
from typing import Any

import pytest

from hack.cluster import ClusterError
from tests.loop import manifests
from tests.loop.api import Body
from tests.loop.operator_process import OPERATOR
from tests.loop.people import decide, let_decide
from tests.loop.stage import CALM, HOPELESS, OVERLOAD, Stage, eventually, throughout

CAUSE = "CalleesRefuse"
NO_HELP = {"path": "/timers/noReactionMs", "value": "8000"}
HARM = {"path": "/limits/invitesPerSecond", "value": "5"}
GUARDED = {**manifests.VERIFICATION, "guard": [manifests.SHED]}
PERSON = "alice"

NO_HELP_EDIT, HARM_EDIT = ("2000", "8000"), ("  400 ", "  5 ")
CASES = [
    pytest.param(NO_HELP, NO_HELP_EDIT, {"undo": "OnIneffective"}, "Ineffective", id="no help"),
    pytest.param(HARM, HARM_EDIT, {"undo": "OnWorse"}, "Worse", id="harm"),
]


def refused_calls(stage: Stage) -> list[dict[str, Any]]:
    """The cause that the callees turn calls away, which nothing at the edge can change."""
    calls = f'cnf_calls_total{{namespace="{stage.namespace}",outcome="failed"}}'
    return [{"name": CAUSE, "evidence": [{"name": "calls-refused", "query": f"sum(rate({calls}[$window])) > 1"}]}]


@pytest.mark.parametrize(("change", "edit", "terms", "outcome"), CASES)
def test_a_change_that_does_not_help_is_undone_and_escalated(
    stage: Stage, change: dict[str, str], edit: tuple[str, str], terms: dict[str, Any], outcome: str
):
    step = manifests.reconfigure("try-it", CAUSE, {"set": change}, then={"ineffective": "Escalate"}, **terms)
    stage.govern(manifests.policy(step, causes=refused_calls(stage), verification=GUARDED))
    stage.cnf.offer(CALM, refused=0.4)

    record = stage.reach("Escalated", seconds=90)
    assert record["status"]["outcome"] == outcome
    assert stage.tuning() == manifests.TUNING
    sent = [w.sent["data"][manifests.KEY] for w in stage.writes("configmaps")]
    assert sent == [manifests.TUNING.replace(*edit), manifests.TUNING]
    assert len(stage.writes("deployments")) == 2, "one restart for the change, one for its undo"
    assert len(stage.acts()) == 4
    undo = record["status"]["undo"]
    assert undo["state"] == "Undone"
    assert "requestedBy" not in undo or not undo["requestedBy"]
    assert undo["endedAt"] > undo["inForceAt"] > undo["beganAt"]
    assert f"{manifests.ANSWERED} 0.6" in undo["message"], "what was seen after the undo is told"
    (event, *_) = eventually(lambda: stage.events("Escalated"), bool)
    assert event["type"] == "Warning"


def test_harm_is_undone_then_the_next_step_is_tried_undone_and_escalated(stage: Stage):
    harm = manifests.reconfigure("shed-load", CAUSE, {"set": HARM}, then={"worse": "Next"})
    no_help = manifests.reconfigure("more-patience", CAUSE, {"set": NO_HELP}, undo="OnIneffective")
    stage.govern(manifests.policy(harm, no_help, causes=refused_calls(stage), verification=GUARDED))
    stage.cnf.offer(CALM, refused=0.4)

    record = stage.reach("Escalated", seconds=120)
    judged = [(v["step"], v["outcome"]) for v in record["status"]["verifications"]]
    assert judged == [("shed-load", "Worse"), ("more-patience", "Ineffective")]
    sent = [w.sent["data"][manifests.KEY] for w in stage.writes("configmaps")]
    first, second = (manifests.TUNING.replace(*edit) for edit in (HARM_EDIT, NO_HELP_EDIT))
    assert sent == [first, manifests.TUNING, second, manifests.TUNING]


def succeeded(stage: Stage, **step: Any) -> Body:
    """Have capacity added with success, and the load gone again."""
    stage.govern(manifests.policy(manifests.add_capacity(**step)))
    let_decide(stage, PERSON)
    stage.cnf.offer(OVERLOAD)
    record = stage.reach("Succeeded", seconds=60)
    assert stage.replicas() == 2
    stage.cnf.offer(CALM)
    return record


def ask(stage: Stage, record: Body, reason: str = "planned work") -> None:
    asked = decide(stage, PERSON, "undo", record["metadata"]["name"], f"--reason={reason}")
    assert asked.returncode == 0, asked.stderr


def scales(stage: Stage) -> list[int]:
    return [w.sent["spec"]["replicas"] for w in stage.writes("deployments/scale")]


def test_a_person_has_a_success_undone_and_it_is_verified(stage: Stage):
    record = succeeded(stage, release=manifests.release(afterMet="10m"))
    ask(stage, record)
    record = stage.reach("RolledBack")
    assert (stage.replicas(), scales(stage)) == (1, [2, 1])
    undo = record["status"]["undo"]
    assert (undo["state"], undo["requestedBy"], undo["reason"]) == ("Undone", PERSON, "planned work")
    assert "spec.replicas of Deployment/edge is 1 again" in record["status"]["message"]
    assert f"at the request of {PERSON}" in record["status"]["message"]
    assert record["status"]["release"]["state"] == "Superseded"
    assert any(f"asked by {PERSON} (planned work)" in line for line in record["status"]["report"])
    again = decide(stage, PERSON, "undo", record["metadata"]["name"], "--reason=twice")
    assert again.returncode == 0, again.stderr
    refused = eventually(lambda: stage.record()["status"], lambda seen: seen["undo"]["state"] == "Refused")
    assert "nothing of it stands any more" in refused["undo"]["message"]
    assert (refused["phase"], scales(stage)) == ("RolledBack", [2, 1])


def test_an_undo_spares_sessions_like_any_act(stage: Stage):
    stage.spare_sessions('sum(cnf_calls_in_progress{namespace="$namespace",pod=~"$pods"})')
    record = succeeded(stage, release=manifests.release(afterMet="10m"))
    first = set(stage.pods())
    stage.cnf.hold_calls(2)
    ask(stage, record)
    stage.reach("RollingBack")
    throughout(lambda: set(stage.pods()), lambda pods: pods == first, seconds=3)
    assert scales(stage) == [2]
    stage.cnf.hold_calls(0)
    record = stage.reach("RolledBack")
    assert scales(stage) == [2, 1]
    (ended,) = [o for o in record["status"]["operations"] if o.get("ends")]
    assert (ended["kind"], ended["sessions"]["before"], ended["sessions"]["left"]) == ("Undo", "2", "0")


def test_what_someone_else_changed_since_is_left_alone(stage: Stage):
    record = succeeded(stage)
    stage.cluster.kubectl("scale", "deployment/edge", "--replicas=3", f"--namespace={stage.namespace}")
    ask(stage, record)
    status = eventually(lambda: stage.record()["status"], lambda seen: "undo" in seen)
    assert status["phase"] == "Succeeded"
    assert status["undo"]["state"] == "Refused"
    assert status["undo"]["message"].startswith("Undo no longer possible: Deployment/edge has 3 replicas")
    assert any("Undo no longer possible" in line for line in status["report"])
    (event, *_) = eventually(lambda: stage.events("UndoRefused"), bool)
    assert event["type"] == "Warning"
    throughout(lambda: (stage.replicas(), scales(stage)), lambda seen: seen == (3, [2]), seconds=3)


def test_a_request_made_while_the_operator_is_away_is_answered(stage: Stage):
    record = succeeded(stage)
    stage.operator.kill()
    ask(stage, record)
    stage.operator.start_again()
    stage.reach("RolledBack")
    assert scales(stage) == [2, 1]


def test_a_request_ends_a_verification(stage: Stage):
    stage.govern(manifests.policy(manifests.add_capacity(), verification={**GUARDED, "deadline": "5m"}))
    let_decide(stage, PERSON)
    stage.cnf.offer(HOPELESS)
    record = stage.reach("Verifying")
    ask(stage, record, "hands off")
    record = eventually(stage.record, lambda r: r["status"]["phase"] in {"RolledBack", "Escalated"}, 60)
    assert scales(stage) == [2, 1]
    (judged,) = record["status"]["verifications"]
    assert "outcome" not in judged
    assert judged["message"] == f"Not judged: {PERSON} had it taken back."


def give_quota(stage: Stage, pods: int) -> None:
    quota = ("create", "quota", "pods", f"--hard=count/pods={pods}", f"--namespace={stage.namespace}")
    stage.cluster.kubectl(*quota)
    hard = ("get", "quota", "pods", f"--namespace={stage.namespace}", "--output=jsonpath={.status.hard}")
    eventually(lambda: stage.cluster.kubectl(*hard), bool)


GROW = {"scale": {"target": manifests.EDGE, "by": "+2", "max": 4}}
ROOM = {"cooldown": "1s", "frequency": {"limit": 10, "per": "10m"}, "largestStep": 200}


def test_without_capacity_the_pending_replicas_go_and_a_person_is_called(stage: Stage):
    step = manifests.add_capacity(action=GROW, then={"noCapacity": "Escalate"})
    stage.govern(manifests.policy(step, guardrails=ROOM))
    give_quota(stage, 2)
    stage.cnf.offer(HOPELESS)

    record = stage.reach("Escalated")
    assert record["status"]["outcome"] == "NoCapacity"
    (judged,) = record["status"]["verifications"]
    assert "exceeded quota" in judged["message"]
    assert scales(stage) == [3, 2], "what the quota allows stays, although the load is as high as ever"


def test_what_capacity_there_was_is_kept_and_released_later(stage: Stage):
    step = manifests.add_capacity(action=GROW, release=manifests.release())
    other = manifests.reconfigure("other", "Misconfigured", {"restore": "/limits/invitesPerSecond"})
    stage.govern(manifests.policy(step, other, guardrails=ROOM))
    give_quota(stage, 2)
    stage.cnf.offer(OVERLOAD)

    record = stage.reach("Succeeded", seconds=60)
    assert record["status"]["outcome"] == "NoCapacity"
    assert "with what the cluster could give: edge has 2" in record["status"]["message"]
    stage.cnf.offer(CALM)
    eventually(stage.record, lambda r: r["status"]["release"]["state"] == "Released")
    assert scales(stage) == [3, 2, 1]


def forbid_scaling(stage: Stage) -> None:
    """Admission refuses every change of a scale in this namespace."""
    name = f"no-scaling-{stage.namespace}"
    rules = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["deployments/scale"]}
    policy: Body = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {
                "resourceRules": [rules],
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": stage.namespace}},
            },
            "validations": [{"expression": f"request.userInfo.username != '{OPERATOR}'", "message": "hands off"}],
        },
    }
    binding: Body = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }
    for body in (policy, binding):
        stage.cluster.kubectl("create", "-f", "-", stdin=json.dumps(body))
    eventually(lambda: _told_when_scaling(stage), lambda said: "hands off" in said)


def _told_when_scaling(stage: Stage) -> str:
    """What the API server says to the operator's own user; nothing is changed."""
    scale = ("deployment/edge", "--replicas=1", "--dry-run=server", f"--namespace={stage.namespace}")
    try:
        return stage.cluster.kubectl("scale", *scale, user=OPERATOR)
    except ClusterError as refused:
        return str(refused)


def test_an_act_that_is_refused_is_tried_again_and_then_the_next_step_is_taken(stage: Stage):
    grow = manifests.add_capacity(retries={"limit": 1, "backoff": "2s"}, then={"failed": "Next"})
    other = manifests.reconfigure("other", "Saturated", {"set": NO_HELP}, then={"ineffective": "Stop"})
    stage.govern(manifests.policy(grow, other))
    forbid_scaling(stage)
    stage.cnf.offer(HOPELESS)

    record = stage.reach("Failed", seconds=60)
    judged = [(v["step"], v["outcome"]) for v in record["status"]["verifications"]]
    assert judged == [("add-capacity", "Failed"), ("other", "Ineffective")]
    tries = [o for o in record["status"]["operations"] if o["step"] == "add-capacity"]
    assert [(o["attempt"], o["state"]) for o in tries] == [(1, "Void"), (2, "Void")]
    assert tries[1]["recordedAt"] > tries[0]["finishedAt"]
    assert scales(stage) == []


def test_a_policy_may_go_on_although_a_step_helped(stage: Stage):
    grow = manifests.add_capacity(then={"effective": "Next"})
    prepare = manifests.reconfigure("prepare", "Saturated", {"set": NO_HELP})
    stage.govern(manifests.policy(grow, prepare))
    stage.cnf.offer(OVERLOAD)

    record = stage.reach("Succeeded", seconds=90)
    judged = [(v["step"], v["outcome"]) for v in record["status"]["verifications"]]
    assert judged == [("add-capacity", "Effective"), ("prepare", "Effective")]
    assert stage.replicas() == 2
    assert stage.tuning() == manifests.TUNING.replace(*NO_HELP_EDIT)
