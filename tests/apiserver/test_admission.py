"""Who may write what into a record: the admission policy with real users on a real API server."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from hack.cluster import Cluster
from hack.cluster.processes import wait_until
from homeostat.cli.plugin import app, run
from homeostat.contracts.decisions import DecisionType
from homeostat.contracts.operations import Authority, OperationState
from homeostat.contracts.remediation import CLOSED_PHASES, Phase
from homeostat.contracts.verification import ReleaseState, ReleaseStatus
from tests.apiserver.installation import OPERATOR, create_record, install, manifest, refusal
from tests.unit.record.samples import operation, plan, status

APPROVER, PATCHER, OWNER = "alice", "mallory", "ned"
PLAN = plan(authority=Authority.APPROVAL)
WAITING = status(phase=Phase.AWAITING_APPROVAL, outcome=None, operations=[], verifications=[], plan=PLAN)


@pytest.fixture(scope="module", autouse=True)
def installed(cluster: Cluster) -> None:
    install(cluster)


@pytest.fixture
def people(cluster: Cluster, namespace: str) -> str:
    """A namespace with an approver, someone who may only patch, and a namespace administrator."""
    bind(cluster, namespace, "approver", "homeostat-approver", APPROVER)
    cluster.kubectl("create", "role", "patcher", "-n", namespace, "--verb=get,list,patch", f"--resource={RECORDS}")
    cluster.kubectl("create", "rolebinding", "patcher", "-n", namespace, "--role=patcher", f"--user={PATCHER}")
    # Every right but the ones to decide: those have verbs of their own.
    rights = "--verb=get,list,create,update,patch,delete,deletecollection"
    resources = f"--resource={RECORDS},{RECORDS}/status"
    cluster.kubectl("create", "role", "owner", "-n", namespace, rights, resources)
    cluster.kubectl("create", "rolebinding", "owner", "-n", namespace, "--role=owner", f"--user={OWNER}")
    return namespace


RECORDS = "remediations.homeostat.dev"


def bind(cluster: Cluster, namespace: str, name: str, role: str, user: str) -> None:
    cluster.kubectl("create", "rolebinding", name, "-n", namespace, f"--clusterrole={role}", f"--user={user}")


def decision(by: str, kind: str = "Approve", **changes: Any) -> dict[str, Any]:
    known: dict[str, Any] = {"id": f"{kind.lower()}-{by.rpartition(':')[2]}", "type": kind, "by": by}
    more: dict[str, Any] = {"reason": "planned work"}
    if kind in {"Approve", "Review"}:
        more = {"planDigest": PLAN.digest} if kind == "Approve" else {"verdict": "Right"}
    return {**known, **more, **changes}


def deciding(namespace: str, name: str, entry: dict[str, Any]) -> tuple[str, ...]:
    patch = json.dumps([{"op": "add", "path": "/spec/decisions/-", "value": entry}])
    return ("patch", "remediation", name, "-n", namespace, "--type=json", "-p", patch)


def decisions(cluster: Cluster, namespace: str, name: str) -> list[dict[str, Any]]:
    record = json.loads(cluster.kubectl("get", "rem", name, "-n", namespace, "-o", "json"))
    found: list[dict[str, Any]] = record["spec"]["decisions"]
    return found


def may(cluster: Cluster, namespace: str, verb: str, group: str, resource: str) -> bool:
    """What the API server says of the operator's rights."""
    attributes = {"namespace": namespace, "verb": verb, "group": group, "resource": resource}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": OPERATOR, "resourceAttributes": attributes},
    }
    allowed = cluster.kubectl("create", "-f", "-", "-o", "jsonpath={.status.allowed}", stdin=json.dumps(review))
    return allowed.strip() == "true"


@pytest.mark.parametrize("kind", ["Approve", "Reject"])
def test_a_person_with_the_verb_decides_under_the_own_name(cluster, people, kind):
    name = create_record(cluster, people, WAITING)
    entry = decision(APPROVER, kind)
    cluster.kubectl(*deciding(people, name, entry), user=APPROVER)
    assert decisions(cluster, people, name) == [entry]


def test_the_command_in_the_report_is_the_one_that_works(cluster, people):
    name = create_record(cluster, people, WAITING)
    entry = {"id": f"approve-{PLAN.digest[:8]}", "type": "Approve", "by": APPROVER, "planDigest": PLAN.digest}
    cluster.kubectl(*deciding(people, name, entry), user=APPROVER)
    assert decisions(cluster, people, name) == [entry]


REFUSED = [
    ("for somebody else", APPROVER, decision("bob"), "under your own name: write by: alice"),
    ("without the verb", PATCHER, decision(PATCHER), "mallory may not approve"),
    ("reject without the verb", PATCHER, decision(PATCHER, "Reject"), "mallory may not reject"),
    ("owner without the verb", OWNER, decision(OWNER), "ned may not approve"),
    ("wrong digest", APPROVER, decision(APPROVER, planDigest="0" * 64), f"approve planDigest {PLAN.digest}"),
]


@pytest.mark.parametrize(("user", "entry", "said"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_a_decision_is_refused_with_a_reason(cluster, people, user, entry, said):
    name = create_record(cluster, people, WAITING)
    assert said in refusal(cluster, *deciding(people, name, entry), user=user)
    assert decisions(cluster, people, name) == []


@pytest.mark.parametrize("phase", [Phase.VERIFYING, Phase.SUCCEEDED, Phase.ESCALATED, Phase.FAILED, Phase.BLOCKED])
def test_a_person_may_have_undone_what_was_done(cluster, people, phase):
    name = create_record(cluster, people, status(phase=phase, plan=PLAN))
    entry = decision(APPROVER, "Undo")
    cluster.kubectl(*deciding(people, name, entry), user=APPROVER)
    assert decisions(cluster, people, name) == [entry]


UNDO_REFUSED = [
    ("without the verb", status(), PATCHER, decision(PATCHER, "Undo"), "mallory may not undo"),
    ("owner without the verb", status(), OWNER, decision(OWNER, "Undo"), "ned may not undo"),
    ("for somebody else", status(), APPROVER, decision("bob", "Undo"), "under your own name: write by: alice"),
    ("nothing was done", WAITING, APPROVER, decision(APPROVER, "Undo"), "Nothing was done here that could be taken"),
    (
        "the act was not made",
        status(phase=Phase.FAILED, operations=[operation(state=OperationState.VOID)]),
        APPROVER,
        decision(APPROVER, "Undo"),
        "Nothing was done here that could be taken back: the remediation is Failed",
    ),
    (
        "it runs already",
        status(phase=Phase.ROLLING_BACK),
        APPROVER,
        decision(APPROVER, "Undo"),
        "It is being taken back already: the remediation is RollingBack",
    ),
]


@pytest.mark.parametrize(
    ("record_status", "user", "entry", "said"), [case[1:] for case in UNDO_REFUSED], ids=[c[0] for c in UNDO_REFUSED]
)
def test_an_undo_is_refused_with_a_reason(cluster, people, record_status, user, entry, said):
    name = create_record(cluster, people, record_status)
    assert said in refusal(cluster, *deciding(people, name, entry), user=user)
    assert decisions(cluster, people, name) == []


@pytest.mark.parametrize("kind", list(DecisionType))
def test_each_decision_has_a_verb_of_its_own(cluster, people, kind):
    rights = f"--verb=get,patch,{kind.lower()}"
    cluster.kubectl("create", "role", "half", "-n", people, rights, f"--resource={RECORDS}")
    cluster.kubectl("create", "rolebinding", "half", "-n", people, "--role=half", "--user=half")
    acted = WAITING.model_copy(update={"operations": [operation()]})
    name = create_record(cluster, people, status() if kind is DecisionType.REVIEW else acted)
    kinds = list(DecisionType)
    other = kinds[kinds.index(kind) - 1]
    told = refusal(cluster, *deciding(people, name, decision("half", other)), user="half")
    assert f"half may not {other.lower()}" in told
    cluster.kubectl(*deciding(people, name, decision("half", kind)), user="half")


OPEN = sorted(set(Phase) - CLOSED_PHASES)
ADMITTED: dict[DecisionType, list[Phase]] = {
    DecisionType.APPROVE: [Phase.AWAITING_APPROVAL],
    DecisionType.REJECT: [Phase.AWAITING_APPROVAL],
    DecisionType.CANCEL: OPEN,
    DecisionType.TAKE_OVER: OPEN,
    DecisionType.UNDO: [phase for phase in Phase if phase is not Phase.ROLLING_BACK],
    DecisionType.ACKNOWLEDGE: list(Phase),
    DecisionType.REVIEW: sorted(CLOSED_PHASES),
}


@pytest.mark.parametrize(
    "phase", [Phase.BLOCKED, Phase.AWAITING_APPROVAL, Phase.ROLLING_BACK, Phase.SUCCEEDED, Phase.TAKEN_OVER]
)
def test_each_decision_is_admitted_in_its_phases_and_in_no_other(cluster, people, phase):
    name = create_record(cluster, people, status(phase=phase, plan=PLAN))
    for kind, phases in ADMITTED.items():
        args = (*deciding(people, name, decision(APPROVER, kind)), "--dry-run=server")
        if phase in phases:
            cluster.kubectl(*args, user=APPROVER)
        else:
            assert phase in refusal(cluster, *args, user=APPROVER), f"{kind} says in which phase it came"


def test_a_success_is_cancelled_or_taken_over_as_long_as_a_release_is_owed(cluster, people):
    name = create_record(cluster, people, status(release=ReleaseStatus(state=ReleaseState.WAITING)))
    for kind in ("Cancel", "TakeOver", "Review"):
        cluster.kubectl(*deciding(people, name, decision(APPROVER, kind)), "--dry-run=server", user=APPROVER)


@pytest.mark.parametrize(
    "kind", [DecisionType.CANCEL, DecisionType.TAKE_OVER, DecisionType.ACKNOWLEDGE, DecisionType.REVIEW]
)
def test_nobody_decides_for_somebody_else_and_no_account_for_people(cluster, people, kind):
    acted = WAITING.model_copy(update={"operations": [operation()]})
    name = create_record(cluster, people, status() if kind is DecisionType.REVIEW else acted)
    told = refusal(cluster, *deciding(people, name, decision("bob", kind)), user=APPROVER)
    assert "under your own name: write by: alice" in told
    cluster.kubectl("create", "serviceaccount", "robot", "-n", people)
    account = f"system:serviceaccount:{people}:robot"
    bind(cluster, people, "robot", "homeostat-approver", account)
    bind(cluster, people, "wrong", "homeostat-approver", OPERATOR)
    for machine in (account, OPERATOR):
        told = refusal(cluster, "--as", machine, *deciding(people, name, decision(machine, kind)))
        assert "Decisions are for people" in told
    assert decisions(cluster, people, name) == []


def test_who_is_on_call_may_stop_it_and_have_nothing_done(cluster, people):
    bind(cluster, people, "responder", "homeostat-responder", "rita")
    name = create_record(cluster, people, WAITING.model_copy(update={"operations": [operation()]}))
    for kind in ("Reject", "Cancel", "TakeOver", "Acknowledge"):
        cluster.kubectl(*deciding(people, name, decision("rita", kind)), "--dry-run=server", user="rita")
    for kind in ("Approve", "Undo"):
        told = refusal(cluster, *deciding(people, name, decision("rita", kind)), user="rita")
        assert f"rita may not {kind.lower()}" in told


@pytest.mark.parametrize(("kind", "said"), [("Approve", "approved this plan already"), ("Acknowledge", "already")])
def test_the_same_person_says_the_same_once(cluster, people, kind, said):
    bind(cluster, people, "second", "homeostat-approver", "bob")
    name = create_record(cluster, people, WAITING)
    cluster.kubectl(*deciding(people, name, decision(APPROVER, kind)), user=APPROVER)
    again = decision(APPROVER, kind, id="again")
    assert said in refusal(cluster, *deciding(people, name, again), user=APPROVER)
    cluster.kubectl(*deciding(people, name, decision("bob", kind)), user="bob")
    assert [d["by"] for d in decisions(cluster, people, name)] == [APPROVER, "bob"]


def test_two_decisions_in_one_request_are_refused(cluster, people):
    name = create_record(cluster, people, WAITING)
    both = [decision(APPROVER), decision(APPROVER, "Acknowledge")]
    patch = json.dumps({"spec": {"decisions": both}})
    told = refusal(cluster, "patch", "rem", name, "-n", people, "--type=merge", "-p", patch, user=APPROVER)
    assert "One decision at a time" in told


def test_after_a_person_has_taken_over_only_remarks_are_admitted(cluster, people):
    acted = WAITING.model_copy(update={"operations": [operation()]})
    name = create_record(cluster, people, acted)
    cluster.kubectl(*deciding(people, name, decision(APPROVER, "TakeOver")), user=APPROVER)
    for kind in ("Approve", "Reject", "Cancel", "Undo", "TakeOver"):
        again = decision(APPROVER, kind, id="again")
        assert "taken this over" in refusal(cluster, *deciding(people, name, again), user=APPROVER)
    cluster.kubectl(*deciding(people, name, decision(APPROVER, "Acknowledge")), user=APPROVER)


def test_the_last_places_are_kept_for_those_who_hold_back(cluster, people):
    name = create_record(cluster, people, status())
    for number in range(12):
        review = decision(APPROVER, "Review", id=f"review-{number}")
        cluster.kubectl(*deciding(people, name, review), user=APPROVER)
    one_more = decision(APPROVER, "Review", id="review-12")
    assert "the last four are kept" in refusal(cluster, *deciding(people, name, one_more), user=APPROVER)
    for number in range(4):
        undo = decision(APPROVER, "Undo", id=f"undo-{number}")
        cluster.kubectl(*deciding(people, name, undo), user=APPROVER)
    told = refusal(cluster, *deciding(people, name, decision(APPROVER, "Undo")), user=APPROVER)
    assert "spec.decisions" in told


@pytest.mark.parametrize("phase", [Phase.EXECUTING, Phase.EXPIRED, Phase.SUCCEEDED, Phase.PLANNED])
def test_what_does_not_wait_is_not_decided(cluster, people, phase):
    name = create_record(cluster, people, status(phase=phase, plan=PLAN))
    told = refusal(cluster, *deciding(people, name, decision(APPROVER)), user=APPROVER)
    assert f"the remediation is {phase}" in told


def test_the_operator_decides_nothing(cluster, people):
    bind(cluster, people, "wrong", "homeostat-approver", OPERATOR)
    name = create_record(cluster, people, WAITING)
    told = refusal(cluster, *deciding(people, name, decision(OPERATOR)), user=OPERATOR)
    assert "Decisions are for people" in told
    born = manifest(people, decisions=[decision(OPERATOR)])
    assert "Decisions are for people" in refusal(cluster, "create", "-f", "-", stdin=born, user=OPERATOR)


def test_the_operator_has_no_right_to_decide_at_all(cluster, people):
    name = create_record(cluster, people, WAITING)
    assert "cannot patch resource" in refusal(cluster, *deciding(people, name, decision(OPERATOR)), user=OPERATOR)
    assert may(cluster, people, "create", "homeostat.dev", "remediations")
    for verb in (*(kind.lower() for kind in DecisionType), "delete", "update", "patch"):
        assert not may(cluster, people, verb, "homeostat.dev", "remediations")
    for group, resource in (("", "secrets"), ("rbac.authorization.k8s.io", "roles")):
        assert not may(cluster, people, "get", group, resource)


def test_a_service_account_is_no_approver(cluster, people):
    cluster.kubectl("create", "serviceaccount", "robot", "-n", people)
    account = f"system:serviceaccount:{people}:robot"
    bind(cluster, people, "robot", "homeostat-approver", account)
    name = create_record(cluster, people, WAITING)
    told = refusal(cluster, "--as", account, *deciding(people, name, decision(account)))
    assert "Decisions are for people" in told


@pytest.fixture
def decided(cluster: Cluster, people: str) -> str:
    """A record that the approver has decided upon."""
    name = create_record(cluster, people, WAITING)
    cluster.kubectl(*deciding(people, name, decision(APPROVER)), user=APPROVER)
    return name


def test_a_decision_is_neither_taken_out_nor_changed(cluster, people, decided):
    path = ("patch", "rem", decided, "-n", people)
    removal = json.dumps([{"op": "remove", "path": "/spec/decisions/0"}])
    assert "cannot be taken out" in refusal(cluster, *path, "--type=json", "-p", removal, user=APPROVER)
    whole = json.dumps([{"op": "remove", "path": "/spec/decisions"}])
    assert "cannot be taken out" in refusal(cluster, *path, "--type=json", "-p", whole, user=APPROVER)
    change = json.dumps([{"op": "replace", "path": "/spec/decisions/0/planDigest", "value": "1" * 64}])
    assert "written once" in refusal(cluster, *path, "--type=json", "-p", change, user=APPROVER)
    assert len(decisions(cluster, people, decided)) == 1


def test_a_second_person_can_still_reject_what_another_approved(cluster, people, decided):
    bind(cluster, people, "second", "homeostat-approver", "bob")
    cluster.kubectl(*deciding(people, decided, decision("bob", "Reject")), user="bob")
    assert [d["by"] for d in decisions(cluster, people, decided)] == [APPROVER, "bob"]


@pytest.mark.parametrize("user", [OWNER, None], ids=["namespace administrator", "cluster administrator"])
def test_nobody_but_the_operator_writes_a_record(cluster, people, user):
    name = create_record(cluster, people, WAITING)
    path = ("patch", "rem", name, "-n", people)
    phase = json.dumps({"status": {"phase": "Executing"}})
    told = refusal(cluster, *path, "--subresource=status", "--type=merge", "-p", phase, user=user)
    assert "Only the operator writes the status" in told
    # An owner that does not exist would have the garbage collector delete an open record.
    orphaning = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "gone"}
    for metadata in (
        {"labels": {"a": "b"}},
        {"annotations": {"a": "b"}},
        {"finalizers": ["example.com/stuck"]},
        {"ownerReferences": [orphaning]},
    ):
        change = json.dumps({"metadata": metadata})
        assert "Only the operator changes" in refusal(cluster, *path, "--type=merge", "-p", change, user=user)
    born = manifest(people, None)
    assert "Only the operator creates" in refusal(cluster, "create", "-f", "-", stdin=born, user=user)


@pytest.mark.parametrize(
    ("record_status", "said"),
    [
        (WAITING, "open (phase AwaitingApproval)"),
        (status(phase=Phase.EXECUTING), "open (phase Executing)"),
        (status(release=ReleaseStatus(state=ReleaseState.WAITING)), "open (phase Succeeded, release owed)"),
        (
            status(guards_until=datetime(2026, 6, 1, 13, tzinfo=UTC)),
            "count the act of this remediation, until 2026",
        ),
    ],
    ids=["waiting", "executing", "release owed", "counted by guards"],
)
def test_a_record_that_is_open_or_counted_is_not_deleted(cluster, people, record_status, said):
    name = create_record(cluster, people, record_status)
    for args in ((name,), ("--all",)):
        assert said in refusal(cluster, "delete", "rem", *args, "-n", people, "--wait=false", user=OWNER)


def test_a_closed_record_may_be_deleted(cluster, people):
    name = create_record(cluster, people, status())
    cluster.kubectl("delete", "rem", name, "-n", people, user=OWNER)


def test_a_namespace_with_an_open_record_still_ends(cluster):
    name = "test-ends"
    cluster.kubectl("create", "namespace", name)
    create_record(cluster, name, WAITING)
    cluster.kubectl("delete", "namespace", name, "--wait=false")
    wait_until(lambda: name not in cluster.kubectl("get", "namespaces", "-o", "name"), "the namespace is gone", 30)


def test_the_plugin_explains_approves_and_is_refused(cluster, people, capsys):
    name = create_record(cluster, people, WAITING.model_copy(update={"report": ["Name:    x", "Why", "  it broke"]}))

    def plugin(user: str, *args: str) -> tuple[int, str, str]:
        config = ["--kubeconfig", str(cluster.kubeconfig_for(user)), "-n", people]
        code = run(lambda: app([*args, *config], standalone_mode=False))
        out, err = capsys.readouterr()
        return code, out, err

    assert plugin(APPROVER, "explain", name)[1] == "Name:    x\nWhy\n  it broke\n"
    assert json.loads(plugin(APPROVER, "explain", name, "-o", "json")[1])["metadata"]["name"] == name
    code, _, err = plugin(PATCHER, "approve", name)
    assert code == 1
    assert "mallory may not approve" in err
    code, out, err = plugin(APPROVER, "approve", name, "--plan", PLAN.digest[:8], "--reason", "fine")
    assert (code, err) == (0, "")
    assert f"Approved by {APPROVER}" in out
    (entry,) = decisions(cluster, people, name)
    assert (entry["by"], entry["planDigest"], entry["reason"]) == (APPROVER, PLAN.digest, "fine")
    assert plugin(APPROVER, "ack", name)[0] == 0
    code, _, err = plugin(APPROVER, "review", name, "--verdict", "right")
    assert code == 1
    assert "not over yet" in err
    code, out, _ = plugin(APPROVER, "takeover", name, "--reason", "mine")
    assert (code, f"Taken over by {APPROVER}" in out) == (0, True)
    code, _, err = plugin(APPROVER, "cancel", name, "--reason", "enough")
    assert code == 1
    assert "taken this over" in err
    assert [d["type"] for d in decisions(cluster, people, name)] == ["Approve", "Acknowledge", "TakeOver"]
    code, _, err = plugin(APPROVER, "explain", "nothing-here")
    assert code == 1
    assert "not found" in err
