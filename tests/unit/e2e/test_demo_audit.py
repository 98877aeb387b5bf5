"""The audit log as the demo reads it, on lines that a real API server wrote (shortened)."""

import json

import pytest

from e2e.audit import OPERATOR, AuditLog, managed, parse

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
    "requestReceivedTimestamp": "2026-11-22T14:15:11.068261Z",
    "stageTimestamp": "2026-11-22T14:15:11.074447Z",
}


def line(**changes: object) -> str:
    return json.dumps({**SCALE, **changes})


def test_a_scale_is_read_as_one_write():
    (write,) = parse([line()])
    assert str(write) == "14:15:11.068261 homeostat-operator patch deployments/scale/pcscf 200"
    assert write.succeeded


@pytest.mark.parametrize(
    "text",
    [
        line(verb="get"),
        line(stage="ResponseStarted"),
        line(requestURI=URI + "&dryRun=All"),
        line(objectRef={**REFERENCE, "namespace": "default"}),
        line(objectRef=None),
        line()[:-20],
    ],
    ids=["read", "not finished", "dry run", "elsewhere", "no object", "cut short"],
)
def test_what_wrote_nothing_is_left_out(text):
    assert not list(parse([text]))


def test_only_what_the_operator_did_since_the_mark_counts(tmp_path):
    file = tmp_path / "audit.jsonl"
    file.write_text(line() + "\n")
    log = AuditLog(file)
    mark = log.mark()
    with file.open("a") as more:
        print(line(), file=more)
        print(line(responseStatus={"code": 409}), file=more)
        print(line(user={"username": "admin"}), file=more)
        print(line(objectRef={**REFERENCE, "resource": "configmaps", "subresource": ""}), file=more)
    assert len(log.operator_writes(mark, "deployments/scale")) == 1
    assert len(log.operator_writes(mark, "deployments", "deployments/scale", "configmaps")) == 2
    assert len(log.operator_writes(0, "deployments/scale")) == 2


def test_an_impersonated_user_counts_as_that_user():
    (write,) = parse([line(user={"username": "admin"}, impersonatedUser={"username": OPERATOR})])
    assert write.user == OPERATOR


def test_managed_fields_tell_the_operators_last_write_of_a_subresource():
    entries = [
        {"manager": "homeostat", "operation": "Update", "subresource": "scale", "time": "2026-11-22T14:15:11Z"},
        {"manager": "homeostat", "operation": "Update", "time": "2026-11-22T14:16:11Z"},
        {"manager": "kubectl-edit", "operation": "Update", "time": "2026-11-22T14:17:11Z"},
    ]
    body = {"metadata": {"name": "pcscf", "managedFields": entries}}
    assert [write.at.minute for write in managed("deployments/scale", body)] == [15]
    assert [write.at.minute for write in managed("deployments", body)] == [16]
