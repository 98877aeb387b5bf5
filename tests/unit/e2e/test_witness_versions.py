"""What a manager wrote, read from versions of objects; their entries look as a real API server makes them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hack.witness.managed_fields import changed_by
from hack.witness.versions import Versions
from hack.witness.write import WitnessError

ME, ANOTHER = "homeostat", "kubectl-edit"
NOW = datetime(2026, 11, 22, 14, 15, 11, tzinfo=UTC)
REPLICAS: dict[str, Any] = {"f:spec": {"f:replicas": {}}}


def entry(manager: str, fields: dict[str, Any], subresource: str = "", operation: str = "Update") -> dict[str, Any]:
    """One of /scale has no time; nobody asks for that of the others."""
    about = {"manager": manager, "operation": operation, "apiVersion": "apps/v1", "fieldsV1": fields}
    return about | ({"subresource": subresource} if subresource else {})


def body(content: dict[str, Any], *entries: dict[str, Any], version: int = 1, **metadata: Any) -> dict[str, Any]:
    known = {"name": "edge", "uid": "u-1", "resourceVersion": str(version), "managedFields": list(entries)}
    return {"metadata": {**known, **metadata}, **content}


def scaled(replicas: int, *entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    return body({"spec": {"replicas": replicas, "paused": False}}, *entries, **more)


BY_ME = entry(ME, REPLICAS, "scale")


def test_a_scale_is_seen_also_when_its_entry_stays_the_same():
    for before in (scaled(1, entry(ANOTHER, REPLICAS)), scaled(1, BY_ME)):
        change = changed_by(ME, before, scaled(2, BY_ME))
        assert change is not None
        assert (change.subresource, change.by_apply, change.sent) == ("scale", False, {"spec": {"replicas": 2}})


def test_what_another_wrote_is_not_mine():
    mine = scaled(2, BY_ME)
    assert changed_by(ME, mine, scaled(3, entry(ANOTHER, REPLICAS))) is None
    paused = body({"spec": {"replicas": 2, "paused": True}}, BY_ME, entry(ANOTHER, {"f:spec": {"f:paused": {}}}))
    assert changed_by(ME, mine, paused) is None
    status = body({**mine, "status": {"replicas": 2}}, BY_ME, entry("kcm", {"f:status": {"f:replicas": {}}}, "status"))
    assert changed_by(ME, mine, status) is None


def test_a_created_object_is_its_creators():
    assert changed_by(ME, None, scaled(1, entry(ANOTHER, REPLICAS))) is None
    change = changed_by(ME, None, scaled(1, entry(ME, REPLICAS)))
    assert change is not None
    assert change.sent == {"spec": {"replicas": 1}}


def test_applying_a_value_that_stands_already_makes_it_mine_too():
    change = changed_by(ME, scaled(1), scaled(1, entry(ME, REPLICAS, operation="Apply")))
    assert change is not None
    assert change.by_apply


ANNOTATION: dict[str, Any] = {"f:metadata": {"f:annotations": {".": {}, "f:mark": {}}}}


def test_what_i_put_there_and_is_gone_counts_as_mine_unless_another_wrote_this_version():
    before = body({"data": {"k": "1"}}, entry(ME, ANNOTATION), annotations={"mark": "x"})
    change = changed_by(ME, before, body({"data": {"k": "1"}}))
    assert change is not None
    assert change.sent == {"metadata": {"annotations": None}}
    assert changed_by(ME, before, body({"data": {"k": "2"}}, entry(ANOTHER, {"f:data": {"f:k": {}}}))) is None


def test_a_map_of_mine_into_which_another_writes_is_not_mine():
    empty = entry(ME, {"f:metadata": {"f:annotations": {}}})
    theirs = entry(ANOTHER, {"f:metadata": {"f:annotations": {"f:other": {}}}})
    before = body({}, empty, annotations={})
    assert changed_by(ME, before, body({}, empty, theirs, annotations={"other": "1"})) is None


def test_a_list_that_is_one_value_is_mine_when_it_changes():
    whole = entry(ME, {"f:status": {"f:reasons": {}}}, "status")
    change = changed_by(ME, body({"status": {"reasons": ["a"]}}, whole), body({"status": {"reasons": ["b"]}}, whole))
    assert change is not None
    assert change.sent == {"status": {"reasons": ["b"]}}


def test_items_of_a_list_are_told_apart_by_their_keys():
    ready = 'k:{"type":"Ready"}'
    mine = entry(ME, {"f:status": {"f:conditions": {ready: {".": {}, "f:status": {}, "f:type": {}}}}}, "status")

    def conditions(*states: str) -> dict[str, Any]:
        kinds = [{"type": kind, "status": state} for kind, state in zip(("Other", "Ready"), states, strict=True)]
        return body({"status": {"conditions": kinds}}, mine)

    assert changed_by(ME, conditions("True", "True"), conditions("False", "True")) is None
    change = changed_by(ME, conditions("True", "True"), conditions("True", "False"))
    assert change is not None
    assert change.sent == {"status": {"conditions": [{"status": "False"}]}}


def test_members_of_a_set_are_told_apart_by_their_value():
    def finalizers(*members: str) -> dict[str, Any]:
        keys: dict[str, Any] = {f'v:"{member}"': {} for member in members if member.startswith("mine")}
        return body({}, entry(ME, {"f:metadata": {"f:finalizers": keys}}), finalizers=list(members))

    assert changed_by(ME, finalizers("mine"), finalizers("mine", "other")) is None
    change = changed_by(ME, finalizers("mine"), finalizers("mine", "mine-2"))
    assert change is not None
    assert change.sent == {"metadata": {"finalizers": ["mine-2"]}}


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 9)), max_size=12))
def test_every_effective_write_of_mine_is_told_once_and_none_of_anothers(writes: list[tuple[bool, int]]):
    """As the API server does it: who changes the value owns it, and a write without a change makes no version."""
    versions = Versions("deployments", ME, [scaled(1, entry(ANOTHER, REPLICAS))])
    present, expected, told = 1, [], []
    for number, (by_me, value) in enumerate(writes, start=2):
        if value == present:
            continue
        present = value
        owner = BY_ME if by_me else entry(ANOTHER, REPLICAS, "scale")
        write = versions.take({"type": "MODIFIED", "object": scaled(value, owner, version=number)}, NOW)
        told += [write.sent["spec"]["replicas"]] if write else []
        expected += [value] if by_me else []
    assert told == expected


def event(kind: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "object": content}


def test_a_write_is_told_as_an_audit_log_tells_it():
    versions = Versions("deployments", ME, [])
    created = versions.take(event("ADDED", scaled(1, entry(ME, REPLICAS))), NOW)
    assert created is not None
    assert (created.verb, created.resource, created.name) == ("create", "deployments", "edge")
    patched = versions.take(event("MODIFIED", scaled(2, BY_ME, version=2)), NOW)
    assert patched is not None
    assert str(patched) == "14:15:11.000000 patch deployments/scale/edge"
    bookmark = {"metadata": {"resourceVersion": "9"}}
    assert versions.take(event("BOOKMARK", bookmark), NOW) is None
    assert versions.take(event("DELETED", scaled(2, BY_ME, version=3)), NOW) is None
    assert not versions.present()


@pytest.mark.parametrize(
    "lost",
    [
        event("ERROR", {"code": 410, "message": "too old resource version: 1 (9)"}),
        event("MODIFIED", {**scaled(2, version=2), "metadata": {**scaled(2)["metadata"], "uid": "u-2"}}),
        event("MODIFIED", scaled(2, version=2, generation=6)),
    ],
    ids=["cut", "unknown object", "versions between"],
)
def test_a_witness_that_missed_something_is_none(lost: dict[str, Any]):
    versions = Versions("deployments", ME, [scaled(1, generation=4)])
    with pytest.raises(WitnessError):
        versions.take(lost, NOW)


def test_it_has_caught_up_when_it_saw_what_a_list_shows():
    first, second = scaled(1), scaled(2, version=2)
    versions = Versions("deployments", ME, [first])
    present = versions.present()
    assert versions.have_reached([first], present)
    assert not versions.have_reached([second], present)
    assert not versions.have_reached([], present), "it has not been seen to go"
    versions.take(event("MODIFIED", second), NOW)
    assert versions.have_reached([second], present)
    assert versions.have_reached([first], present), "it may be further than the list"
    versions.take(event("DELETED", scaled(2, version=3)), NOW)
    assert versions.have_reached([], present)
