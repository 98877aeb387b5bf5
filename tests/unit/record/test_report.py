from datetime import timedelta
from typing import Any

import pytest

from homeostat.contracts.decisions import DecisionType, PersonDecision, ReviewVerdict
from homeostat.contracts.operations import (
    Authority,
    OperationAction,
    OperationKind,
    OperationState,
    TargetIdentity,
)
from homeostat.contracts.remediation import AnsweredDecision, Evidence, Phase, Says
from homeostat.contracts.remediation_policy import Mode
from homeostat.contracts.verification import OutcomeName, ReleaseState, ReleaseStatus, UndoResult, UndoState
from homeostat.record.kubectl import by_hand
from homeostat.record.report import LONGEST_LINE, MOST_LINES, report, summary
from tests.unit.record.samples import AT, PCSCF, TUNING, operation, plan, record, spec, verification

POD = PCSCF.model_copy(update={"api_version": "v1", "kind": "Pod", "name": "pcscf-1"})
AUTOSCALER = TargetIdentity(
    api_version="autoscaling/v2", kind="HorizontalPodAutoscaler", name="pcscf", uid="autoscaler-uid"
)
WAITING: dict[str, Any] = {
    "phase": Phase.AWAITING_APPROVAL,
    "outcome": None,
    "operations": [],
    "verifications": [],
    "plan": plan(authority=Authority.APPROVAL, valid_until=AT + timedelta(minutes=15)),
}


def text(remediation) -> str:
    return "\n".join(report("ims", "call-setup-9f2c1ab07d", remediation))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "scale Deployment/pcscf 2 -> 3: Effective"),
        (WAITING, "waits for approval until 12:16:03: scale Deployment/pcscf 2 -> 3"),
        ({"phase": Phase.VERIFYING, "outcome": None}, "scale Deployment/pcscf 2 -> 3, verifying"),
        ({"phase": Phase.RECORDED, "outcome": None}, "would have done: scale Deployment/pcscf 2 -> 3"),
        ({"phase": Phase.BLOCKED, "message": "In cooldown until 12:05:00."}, "In cooldown until 12:05:00"),
        (
            {"release": ReleaseStatus(state=ReleaseState.RELEASED)},
            "scale Deployment/pcscf 2 -> 3: Effective, released",
        ),
    ],
)
def test_the_summary_is_one_line_for_a_column(changes, line):
    assert summary(record(**changes)) == line


@pytest.mark.parametrize("phase", list(Phase))
def test_every_phase_has_a_summary_and_a_report(phase):
    assert 0 < len(summary(record(phase=phase))) <= 240
    assert f"Phase:   {phase}" in text(record(phase=phase))


def test_the_report_tells_the_story():
    told = text(record())
    assert "setup-success was 0.91, promised >= 0.98, in 3 of 5 looks." in told
    assert "Most likely Saturated (0.86). For it: CPU 0.97 of its limit." in told
    assert "12:01:03.492  Apply Scale Deployment/pcscf 2 -> 3 (was resourceVersion 88121)" in told
    assert "kubectl scale deployment/pcscf -n ims --replicas=3" in told
    assert "Undo\n  kubectl homeostat undo call-setup-9f2c1ab07d -n ims --reason WHY" in told
    assert "verifies it\n  kubectl scale deployment/pcscf -n ims --replicas=2" in told
    assert "12:04:10  add-capacity 1: Effective. setup-success 0.996 throughout" in told
    assert "ims-core (NOC-IMS)" in told


def test_a_request_says_all_that_an_answer_needs():
    told = text(record(**WAITING))
    for part in (
        "Broken: setup-success was 0.91",
        "Act:    scale Deployment/pcscf 2 -> 3",
        "Risk:   Low",
        "Undo:   by itself if it makes things worse: back to 2",
        "Covers: spec.replicas of Deployment/pcscf to 3, and to no other value; until 12:16:03 UTC",
        "If nobody answers by 12:16:03 UTC, nothing is done and the record says so (Expired).",
        "kubectl homeostat approve call-setup-9f2c1ab07d -n ims --plan d1d1d1d1",
        "kubectl patch remediation call-setup-9f2c1ab07d -n ims --type=json -p",
        f'"planDigest":"{"d1" * 32}"',
        "kubectl homeostat reject call-setup-9f2c1ab07d -n ims --reason WHY",
    ):
        assert part in told


@pytest.mark.parametrize(
    ("changes", "do", "undo"),
    [
        (
            {},
            "kubectl scale deployment/pcscf -n ims --replicas=3",
            "kubectl scale deployment/pcscf -n ims --replicas=2",
        ),
        (
            {
                "action": OperationAction.EDIT_CONFIG,
                "target": TUNING,
                "field": "data[tuning.yaml]/limits/rate",
                "before": "5",
                "intended": "500",
            },
            "kubectl edit configmap/pcscf-tuning -n ims   # data[tuning.yaml]/limits/rate: 5 -> 500",
            "kubectl edit configmap/pcscf-tuning -n ims   # data[tuning.yaml]/limits/rate: 500 -> 5",
        ),
        (
            {
                "action": OperationAction.EDIT_CONFIG,
                "target": TUNING,
                "field": "data[peers.yaml]/peers/2",
                "before": "",
                "intended": "10.0.0.3",
            },
            "kubectl edit configmap/pcscf-tuning -n ims   # data[peers.yaml]/peers/2: add 10.0.0.3",
            "kubectl edit configmap/pcscf-tuning -n ims   # data[peers.yaml]/peers/2: remove 10.0.0.3",
        ),
        (
            {
                "action": OperationAction.ANNOTATE,
                "field": "metadata.annotations[example.com/config]",
                "digest_before": "0d",
                "digest_intended": "1d",
            },
            "kubectl annotate deployment/pcscf -n ims example.com/config=1d --overwrite",
            "kubectl annotate deployment/pcscf -n ims example.com/config=0d --overwrite",
        ),
        (
            {"action": OperationAction.RESTART},
            "kubectl rollout restart deployment/pcscf -n ims",
            "nothing to take back",
        ),
        (
            {"action": OperationAction.EVICT, "target": POD, "before": "", "intended": ""},
            'echo \'{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"pcscf-1"}}\' | '
            "kubectl create --raw /api/v1/namespaces/ims/pods/pcscf-1/eviction -f -",
            "nothing to take back",
        ),
        (
            {
                "action": OperationAction.PATCH,
                "target": AUTOSCALER,
                "field": "/spec/minReplicas /spec/maxReplicas",
                "before": '{"/spec/minReplicas":null,"/spec/maxReplicas":4}',
                "intended": '{"/spec/minReplicas":3,"/spec/maxReplicas":6}',
            },
            "kubectl patch horizontalpodautoscaler.autoscaling/pcscf -n ims --type=merge "
            """-p '{"spec":{"minReplicas":3,"maxReplicas":6}}'""",
            "kubectl patch horizontalpodautoscaler.autoscaling/pcscf -n ims --type=merge "
            """-p '{"spec":{"minReplicas":null,"maxReplicas":4}}'""",
        ),
        (
            {
                "action": OperationAction.PATCH,
                "target": AUTOSCALER.model_copy(update={"kind": "HTTPRoute", "api_version": "g.example/v1"}),
                "field": "/spec/rules/[name=calls]/weight",
                "before": '{"/spec/rules/[name=calls]/weight":90}',
                "intended": '{"/spec/rules/[name=calls]/weight":50}',
            },
            "kubectl edit httproute.g.example/pcscf -n ims   # /spec/rules/[name=calls]/weight 90 -> 50",
            "kubectl edit httproute.g.example/pcscf -n ims   # /spec/rules/[name=calls]/weight 50 -> 90",
        ),
        (
            {"target": PCSCF.model_copy(update={"api_version": "x.example/v1", "kind": "Edge"})},
            "kubectl scale edge.x.example/pcscf -n ims --replicas=3",
            "kubectl scale edge.x.example/pcscf -n ims --replicas=2",
        ),
    ],
)
def test_each_operation_is_also_a_command_and_the_one_that_takes_it_back(changes, do, undo):
    told = text(record(operations=[operation(**changes)]))
    assert do in told
    assert undo in told


def test_what_was_taken_back_needs_no_undo():
    undone = operation(id="u", kind=OperationKind.UNDO, before="3", intended="2")
    assert "nothing of it stands any more" in text(record(operations=[operation(), undone]))


def test_what_was_taken_back_in_part_can_still_be_taken_back_from_there():
    grown = operation(before="1", intended="4")
    undone = operation(id="u", kind=OperationKind.UNDO, before="4", intended="3")
    told = text(record(operations=[grown, undone]))
    assert "kubectl homeostat undo call-setup-9f2c1ab07d -n ims --reason WHY" in told
    assert "Undo\n  kubectl homeostat undo" in told
    assert "--replicas=1" in told


UNDO = UndoResult(state=UndoState.RUNNING, requested_by="alice", reason="planned work", began_at=AT)


@pytest.mark.parametrize(
    ("undo", "line"),
    [
        (UNDO, "12:01:03  being taken back, asked by alice (planned work)"),
        (
            UNDO.model_copy(update={"in_force_at": AT + timedelta(seconds=4)}),
            "12:01:07  in force, being watched, asked by alice (planned work)",
        ),
        (
            UndoResult(
                state=UndoState.UNDONE,
                began_at=AT,
                ended_at=AT + timedelta(minutes=1),
                message="spec.replicas is 2 again; setup-success 0.97 as before.",
            ),
            "12:02:03  Undone: spec.replicas is 2 again; setup-success 0.97 as before.",
        ),
        (
            UNDO.model_copy(update={"state": UndoState.REFUSED, "message": "Undo no longer possible: it is gone."}),
            "12:01:03  Refused, asked by alice (planned work): Undo no longer possible: it is gone.",
        ),
    ],
)
def test_an_undo_is_told_with_who_asked_and_what_was_seen(undo, line):
    assert f"Undo\n  {line}" in text(record(undo=undo))


def test_a_verification_that_a_person_ended_says_so():
    ended = verification(outcome=None, message="Not judged: alice had it taken back.")
    assert "12:04:10  add-capacity 1: Not judged: alice had it taken back." in text(record(verifications=[ended]))


def test_an_undo_under_way_says_why_in_the_summary():
    rolling: dict[str, Any] = {"phase": Phase.ROLLING_BACK, "outcome": OutcomeName.WORSE}
    assert summary(record(**rolling)) == "scale Deployment/pcscf 2 -> 3: Worse, taking it back"
    assert summary(record(**rolling, undo=UNDO)) == "scale Deployment/pcscf 2 -> 3: asked by alice, taking it back"


def test_an_uncertain_effect_is_said_aloud():
    uncertain = operation(state=OperationState.UNKNOWN, message="no answer came")
    assert "[Unknown: no answer came]" in text(record(operations=[uncertain]))


def test_shadow_says_that_nothing_was_done():
    shadow = record(record_spec=spec(mode=Mode.SHADOW), phase=Phase.RECORDED, operations=[])
    assert "Nothing: the policy is in Shadow." in text(shadow)


def test_people_are_named_with_their_reasons():
    decision = PersonDecision(id="1", type=DecisionType.REJECT, by="alice", reason="planned work")
    assert "Reject by alice: planned work" in text(record(record_spec=spec(decisions=[decision])))


def test_who_has_seen_it_is_told_with_the_time():
    seen = PersonDecision(id="1", type=DecisionType.ACKNOWLEDGE, by="alice")
    told = text(record(record_spec=spec(decisions=[seen]), answered=[AnsweredDecision(id="1", at=AT)]))
    assert "Decided by people\n  12:01:03  Acknowledge by alice" in told


def test_a_closed_record_asks_for_a_review_until_there_is_one():
    assert "--verdict right|wrong|unneeded" in text(record())
    assert "--verdict" not in text(record(phase=Phase.VERIFYING))
    verdict = PersonDecision(id="1", type=DecisionType.REVIEW, by="bob", verdict=ReviewVerdict.WRONG, note="a drill")
    told = text(record(record_spec=spec(decisions=[verdict])))
    assert "Review\n  Wrong, by bob: a drill" in told
    assert "--verdict" not in told


def test_what_a_person_has_taken_over_is_taken_back_by_hand():
    taken = PersonDecision(id="1", type=DecisionType.TAKE_OVER, by="alice", reason="mine")
    told = text(record(record_spec=spec(decisions=[taken]), phase=Phase.TAKEN_OVER))
    assert "kubectl homeostat undo" in text(record())
    assert "kubectl homeostat undo" not in told
    assert "kubectl scale deployment/pcscf -n ims --replicas=2" in told


def test_a_report_of_a_long_story_stays_within_its_bounds():
    evidence = [Evidence(name=f"e{i}", cause="c", says=Says.UNKNOWN, message="long " * 200) for i in range(64)]
    long = record(
        record_spec=spec(evidence=evidence, why="w " * 500),
        operations=[operation(id=str(i), attempt=i, message="m " * 400) for i in range(1, 40)],
        verifications=[verification(attempt=i, message="v " * 500) for i in range(1, 16)],
    )
    lines = report("ims", "x" * 63, long)
    assert len(lines) <= MOST_LINES
    assert max(map(len, lines)) <= LONGEST_LINE


def test_what_was_done_is_told_in_one_sentence_as_commands():
    did = by_hand("ims", [operation()], record().spec)
    assert did == (
        "By hand: kubectl scale deployment/pcscf -n ims --replicas=3. "
        "Back: kubectl scale deployment/pcscf -n ims --replicas=2."
    )
    assert by_hand("ims", [], record().spec) == ""


def test_many_operations_are_told_in_part_and_taken_back_in_reverse():
    row = [operation(id=str(n), before=str(n), intended=str(n + 1)) for n in range(5)]
    did = by_hand("ims", row, record().spec)
    assert "and 2 more in the record" in did
    assert did.endswith("--replicas=0.")
