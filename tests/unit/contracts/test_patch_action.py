"""The action patch as it is read: the same input is refused as by the CRD's rules, and values have their type."""

from typing import Any

import pytest
from pydantic import ValidationError

from homeostat.contracts.actions.kinds import Risk
from homeostat.contracts.actions.patch import PatchAction, PatchedField, read_scalar

AUTOSCALER = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "pcscf"}


def patching(path: str = "/spec/minReplicas", value: str = "3", **ref: str) -> PatchAction:
    fields = [{"path": path, "value": value}]
    return PatchAction.model_validate({"target": "pcscf", "ref": {**AUTOSCALER, **ref}, "fields": fields})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"path": "/status/replicas"}, "nothing else is patched"),
        ({"path": "/metadata/labels/app"}, "nothing else is patched"),
        ({"path": "/spec/template/spec/hostNetwork"}, "a pod template decides"),
        ({"path": "/metadata/annotations/argocd.argoproj.io~1tracking-id"}, "left to that tool"),
        ({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role"}, "never patched"),
        ({"apiVersion": "v1", "kind": "Secret"}, "of this kind nothing is patched"),
        ({"path": "/spec/replicas", "apiVersion": "apps/v1", "kind": "Deployment"}, "set by the action scale"),
        ({"value": "null"}, "one scalar"),
        ({"value": "a: 1"}, "one scalar"),
        ({"value": "[1]"}, "one scalar"),
        ({"value": ".nan"}, "one scalar"),
        ({"value": "!!python/name:os.system"}, "one scalar"),
    ],
)
def test_what_the_schema_refuses_is_refused(changes, said):
    with pytest.raises(ValidationError, match=said):
        patching(**changes)


def test_a_field_is_named_once():
    field = {"path": "/spec/minReplicas", "value": "3"}
    with pytest.raises(ValidationError, match="named twice"):
        PatchAction.model_validate({"target": "pcscf", "ref": AUTOSCALER, "fields": [field, field]})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500", 500),
        ("0.5", 0.5),
        ("true", True),
        ("'500'", "500"),
        ('"a b"', "a b"),
        ("yes", "yes"),
        ("500m", "500m"),
        ("1:30", "1:30"),
        ("2026-01-01", "2026-01-01"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        (" 7 ", 7),
    ],
)
def test_a_value_has_the_type_that_yaml_gives_it(text: str, value: Any):
    found = read_scalar(text)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(("text", "value"), [("5", "5"), ("true", "true"), ("'5'", "5")])
def test_an_annotation_is_text(text, value):
    assert PatchedField(path="/metadata/annotations/example.org~1pace", value=text).scalar == value


@pytest.mark.parametrize(
    ("action", "risk"),
    [
        (patching(), Risk.MEDIUM),
        (patching("/spec/maxReplicas"), Risk.MEDIUM),
        (patching("/spec/behavior/scaleDown/selectPolicy", "Disabled"), Risk.HIGH),
        (patching("/spec/minReplicaCount", apiVersion="keda.sh/v1alpha1", kind="ScaledObject"), Risk.MEDIUM),
        (
            patching("/spec/capacity/maxSessions", apiVersion="workload.nephio.org/v1alpha1", kind="NFDeployment"),
            Risk.HIGH,
        ),
    ],
)
def test_what_reaches_beyond_the_target_is_risky(action, risk):
    assert action.default_risk is risk
