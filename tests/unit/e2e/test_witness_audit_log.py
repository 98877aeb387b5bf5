"""The audit log as a witness, on lines that a real API server wrote (shortened)."""

import json

import pytest

from hack.witness import AuditLog, Write
from hack.witness.audit_log import written

OPERATOR = "homeostat-operator"

REFERENCE = {
    "resource": "deployments",
    "namespace": "ims",
    "name": "pcscf",
    "apiGroup": "apps",
    "apiVersion": "v1",
    "subresource": "scale",
}
URI = "/apis/apps/v1/namespaces/ims/deployments/pcscf/scale?fieldManager=homeostat"
SCALE = {
    "kind": "Event",
    "level": "RequestResponse",
    "auditID": "0e1e8d53-092f-409c-acbe-7e9889b8ff85",
    "stage": "ResponseComplete",
    "requestURI": URI,
    "verb": "patch",
    "user": {"username": OPERATOR, "groups": ["system:authenticated"]},
    "objectRef": REFERENCE,
    "responseStatus": {"metadata": {}, "code": 200},
    "requestObject": {"spec": {"replicas": 2}},
    "requestReceivedTimestamp": "2026-11-22T14:15:11.068261Z",
    "stageTimestamp": "2026-11-22T14:15:11.074447Z",
}


def read(**changes: object) -> Write | None:
    return written({**SCALE, **changes}, OPERATOR, "ims")


def test_a_scale_is_read_as_one_write():
    write = read()
    assert write is not None
    assert str(write) == "14:15:11.068261 patch deployments/scale/pcscf"
    assert write.sent == {"spec": {"replicas": 2}}


@pytest.mark.parametrize(
    "changes",
    [
        {"verb": "get"},
        {"stage": "ResponseStarted"},
        {"requestURI": URI + "&dryRun=All"},
        {"objectRef": {**REFERENCE, "namespace": "default"}},
        {"objectRef": None},
        {"responseStatus": {"code": 409}},
        {"user": {"username": "admin"}},
        {"impersonatedUser": {"username": "admin"}},
    ],
    ids=["read", "not finished", "dry run", "elsewhere", "no object", "refused", "another user", "as another user"],
)
def test_what_the_operator_did_not_write_is_left_out(changes):
    assert read(**changes) is None


def test_an_impersonated_user_counts_as_that_user():
    assert read(user={"username": "admin"}, impersonatedUser={"username": OPERATOR})


def test_only_what_was_written_since_the_mark_counts(tmp_path):
    file = tmp_path / "audit.jsonl"
    scaled, configured = (
        json.dumps({**SCALE, "objectRef": {**REFERENCE, **changes}}) + "\n"
        for changes in ({}, {"resource": "configmaps", "subresource": ""})
    )
    file.write_text(scaled)
    log = AuditLog(file, OPERATOR, "ims")
    assert not log.writes(), "what was written before it was asked to look is none of its business"
    with file.open("a") as more:
        more.write(scaled)
        more.flush()
        mark = log.mark()
        more.write(configured + scaled[:-20])
        more.flush()
        assert [w.resource for w in log.writes(since=mark)] == ["configmaps"], "a line cut short is not read yet"
        more.write(scaled[-20:])
    assert [w.resource for w in log.writes()] == ["deployments/scale", "configmaps", "deployments/scale"]
    assert len(log.writes("deployments/scale", since=mark)) == 1
    assert not log.writes("deployments")
