from collections.abc import Mapping
from typing import Any

import pytest

from homeostat.cli.decide import acknowledge, approve, cancel, reject, review, take_over, undo
from homeostat.cli.explain import explained
from homeostat.cli.records import ClusterRefusalError, Connection, JsonPatch, KubernetesRecords, impersonation
from homeostat.contracts.decisions import ReviewVerdict

DIGEST = "d1" * 32


class Remembered:
    """Records of a test: what is read, and what was sent."""

    namespace = "ims"

    def __init__(self, phase: str = "AwaitingApproval", decisions: list[Any] | None = None) -> None:
        plan = {"digest": DIGEST, "description": "scale pcscf 2 -> 3"}
        spec = {} if decisions is None else {"decisions": decisions}
        self.record: Mapping[str, Any] = {"spec": spec, "status": {"phase": phase, "plan": plan}}
        self.sent: list[JsonPatch] = []
        self.reads: list[str] = []

    def read(self, name: str) -> Mapping[str, Any]:
        self.reads.append(name)
        return self.record

    def patch(self, name: str, patch: JsonPatch) -> None:
        assert name in self.reads
        self.sent.append(patch)

    def user_name(self) -> str:
        return "alice"


def test_an_approval_is_under_the_own_name_and_names_the_plan():
    records = Remembered(decisions=[])
    told = approve(records, "call-setup-1", "d1d1", "looks right")
    (((change,)),) = records.sent
    assert (change["op"], change["path"]) == ("add", "/spec/decisions/-")
    entry = dict(change["value"])
    assert entry.pop("id").startswith("approve-")
    assert entry == {"type": "Approve", "by": "alice", "planDigest": DIGEST, "reason": "looks right"}
    assert "Approved by alice: scale pcscf 2 -> 3" in told


def test_a_rejection_gives_its_reason():
    records = Remembered()
    assert "nothing is done" in reject(records, "call-setup-1", "planned work")
    (((change,)),) = records.sent
    assert change["path"] == "/spec/decisions"
    assert change["value"][0]["reason"] == "planned work"
    assert "planDigest" not in change["value"][0]


def test_two_decisions_have_two_ids():
    records = Remembered(decisions=[])
    approve(records, "x", "", "")
    approve(records, "x", "", "")
    first, second = (next(iter(patch))["value"]["id"] for patch in records.sent)
    assert first != second


def test_another_plan_than_the_one_that_was_read_is_not_approved():
    records = Remembered()
    with pytest.raises(ClusterRefusalError, match="not abcd any more: it is now d1d1d1d1"):
        approve(records, "call-setup-1", "abcd", "")
    assert not records.sent


@pytest.mark.parametrize("phase", ["Executing", "Expired", "Succeeded"])
def test_nothing_is_decided_where_nothing_waits(phase):
    records = Remembered(phase)
    with pytest.raises(ClusterRefusalError, match=f"it is {phase}"):
        approve(records, "x", "", "")
    with pytest.raises(ClusterRefusalError, match=f"it is {phase}"):
        reject(records, "x", "no")
    assert not records.sent


def acted(phase: str) -> Remembered:
    records = Remembered(phase)
    status = {**records.record["status"], "operations": [{"kind": "Apply", "state": "Applied"}]}
    records.record = {**records.record, "status": status}
    return records


@pytest.mark.parametrize("phase", ["Verifying", "Succeeded", "Escalated", "Blocked"])
def test_an_undo_is_asked_for_with_its_reason(phase):
    records = acted(phase)
    told = undo(records, "call-setup-1", "planned work")
    (((change,)),) = records.sent
    entry = dict(change["value"][0])
    assert entry.pop("id").startswith("undo-")
    assert entry == {"type": "Undo", "by": "alice", "reason": "planned work"}
    assert told.startswith("alice asked for it to be taken back: scale pcscf 2 -> 3.")


@pytest.mark.parametrize(
    ("records", "said"),
    [
        (Remembered("Rejected"), "has done nothing that could be taken back .it is Rejected."),
        (acted("RollingBack"), "is being taken back already"),
    ],
)
def test_what_cannot_be_undone_is_not_asked_for(records, said):
    with pytest.raises(ClusterRefusalError, match=said):
        undo(records, "call-setup-1", "planned work")
    assert not records.sent


OPEN = ["Planned", "Blocked", "AwaitingApproval", "Executing", "Verifying", "RollingBack"]


def sent(records: Remembered) -> dict[str, Any]:
    """The one decision that was sent, without its id."""
    (((change,)),) = records.sent
    entry = dict(change["value"][0])
    assert entry.pop("id").startswith(entry["type"].lower())
    return entry


@pytest.mark.parametrize("phase", OPEN)
@pytest.mark.parametrize(("stop", "kind"), [(cancel, "Cancel"), (take_over, "TakeOver")])
def test_what_is_open_is_ended_with_a_reason(phase, stop, kind):
    records = Remembered(phase)
    assert "by alice; nothing" in stop(records, "call-setup-1", "planned work")
    assert sent(records) == {"type": kind, "by": "alice", "reason": "planned work"}


@pytest.mark.parametrize("stop", [cancel, take_over])
def test_what_has_ended_is_not_ended_again_unless_a_release_is_owed(stop):
    records = Remembered("Succeeded")
    with pytest.raises(ClusterRefusalError, match=r"has ended already \(it is Succeeded\)"):
        stop(records, "x", "planned work")
    assert not records.sent
    records.record = {**records.record, "status": {"phase": "Succeeded", "release": {"state": "Waiting"}}}
    stop(records, "x", "planned work")
    assert len(records.sent) == 1


def test_an_acknowledgement_needs_no_reason():
    records = Remembered("Escalated")
    assert acknowledge(records, "call-setup-1", "") == "Acknowledged by alice; call-setup-1 is Escalated."
    assert sent(records) == {"type": "Acknowledge", "by": "alice"}


def test_a_review_carries_a_verdict_and_a_note():
    records = Remembered("Succeeded")
    review(records, "call-setup-1", ReviewVerdict.UNNEEDED, "it was a drill")
    assert sent(records) == {"type": "Review", "by": "alice", "verdict": "Unneeded", "note": "it was a drill"}


def test_what_is_not_over_is_not_reviewed():
    records = Remembered("Verifying")
    with pytest.raises(ClusterRefusalError, match=r"not over yet \(it is Verifying\)"):
        review(records, "x", ReviewVerdict.RIGHT, "")
    assert not records.sent


REPORT = {"metadata": {"name": "r"}, "status": {"report": ["Name:    r", "Why", "  it broke \x1b[2J"]}}


def test_an_explanation_is_plain_without_a_terminal():
    assert explained(REPORT, colour=False) == "Name:    r\nWhy\n  it broke ?[2J"


def test_titles_are_bold_on_a_terminal_and_what_is_quoted_cannot_rewrite_it():
    told = explained(REPORT, colour=True)
    assert told.startswith("\033[1mName:\033[0m    r\n\033[1mWhy\033[0m\n")
    assert "\x1b[2J" not in told


def test_a_record_without_a_report_says_so():
    assert "only just recorded" in explained({"metadata": {"name": "r"}}, colour=False)


@pytest.mark.parametrize(
    ("kubeconfig", "context", "said"),
    [
        ("/does/not/exist", "", "there is no kubeconfig /does/not/exist"),
        ("a:b", "", "names several files"),
        ("FILE", "nowhere", "there is no context nowhere in .*; there are: here"),
    ],
)
def test_a_wrong_kubeconfig_is_told_in_a_sentence(tmp_path, kubeconfig, context, said):
    path = tmp_path / "config"
    path.write_text(
        "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\nusers: [{name: u, user: {}}]\n"
        "contexts: [{name: here, context: {cluster: c, user: u, namespace: ims}}]\ncurrent-context: here\n"
    )
    with pytest.raises(ClusterRefusalError, match=said):
        KubernetesRecords(Connection(str(path) if kubeconfig == "FILE" else kubeconfig, context))


def test_a_cluster_that_does_not_answer_is_told_in_a_sentence(tmp_path):
    path = tmp_path / "config"
    path.write_text(
        "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\nusers: [{name: u, user: {}}]\n"
        "contexts: [{name: here, context: {cluster: c, user: u, namespace: ims}}]\ncurrent-context: here\n"
    )
    records = KubernetesRecords(Connection(str(path)))
    assert records.namespace == "ims"
    with pytest.raises(ClusterRefusalError, match="cannot be reached"):
        records.read("x")


@pytest.mark.parametrize(
    ("user", "headers"),
    [
        ({"token": "x"}, {}),
        ({"as": "alice"}, {"Impersonate-User": "alice"}),
        ({"as": "alice", "as-groups": ["noc"]}, {"Impersonate-User": "alice", "Impersonate-Group": "noc"}),
    ],
)
def test_who_impersonates_decides_as_that_person(user, headers):
    assert impersonation(user) == headers


@pytest.mark.parametrize(
    "user", [{"as": "a", "as-groups": ["b", "c"]}, {"as": "a", "as-uid": "1"}, {"as-groups": ["b"]}]
)
def test_an_impersonation_that_cannot_be_sent_is_refused(user):
    with pytest.raises(ClusterRefusalError, match="only a user"):
        impersonation(user)
