"""What a runbook's Job is made of, whatever the template says."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from homeostat.act.job_manifest import LARGEST_INPUT, bare_job, job_name, record_input, template_digest
from homeostat.contracts.actions.action import Action
from homeostat.contracts.actions.job import JobTemplate
from homeostat.contracts.actions.kinds import Reversal, Risk
from homeostat.contracts.operations import OperationAction, OperationKind
from homeostat.contracts.remediation import Evidence, Says
from homeostat.contracts.remediation_policy import RemediationPolicySpec
from tests.unit.record.samples import AT, PCSCF, POLICY, operation, record, spec, stored

TEMPLATE = {"image": "registry.example/runbook:1"}


def _container(**template):
    return bare_job(JobTemplate.model_validate({**TEMPLATE, **template}), "ims", "{}")["spec"]["template"]["spec"][
        "containers"
    ][0]


def test_the_container_is_restricted():
    security = _container()["securityContext"]
    assert security == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert not _container(rootFilesystem="Writable")["securityContext"]["readOnlyRootFilesystem"]


def test_a_token_is_mounted_only_for_a_named_account():
    bare = bare_job(JobTemplate.model_validate(TEMPLATE), "ims", "{}")["spec"]["template"]["spec"]
    named = bare_job(JobTemplate.model_validate({**TEMPLATE, "serviceAccountName": "runner"}), "ims", "{}")
    assert bare["automountServiceAccountToken"] is False
    assert "serviceAccountName" not in bare
    pod = named["spec"]["template"]["spec"]
    assert (pod["automountServiceAccountToken"], pod["serviceAccountName"]) == (True, "runner")


def test_values_stand_beside_references_and_after_the_record():
    reference = {"name": "api", "key": "token"}
    environment = _container(
        env=[
            {"name": "LEVEL", "value": ""},
            {"name": "TOKEN", "secretKeyRef": reference},
            {"name": "CONFIG", "configMapKeyRef": reference},
        ]
    )["env"]
    assert environment == [
        {"name": "HOMEOSTAT_RECORD", "value": "{}"},
        {"name": "LEVEL", "value": ""},
        {"name": "TOKEN", "valueFrom": {"secretKeyRef": reference}},
        {"name": "CONFIG", "valueFrom": {"configMapKeyRef": reference}},
    ]


@given(st.from_regex(r"\A[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?\Z"), st.sampled_from(OperationKind), st.integers(1, 99))
def test_a_name_is_a_dns_label_of_its_own_operation(step, kind, number):
    name = job_name(PCSCF, step, 1, kind, number, AT)
    assert len(name) <= 63
    assert name.strip("-") == name
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert name == job_name(PCSCF, step, 1, kind, number, AT)
    assert name != job_name(PCSCF, step, 2, kind, number, AT)


@given(st.text())
def test_the_input_is_json_that_no_kubelet_expands(text):
    told = record_input(stored(record(record_spec=spec(why=text[:1024]))), operation())
    assert "$" not in told
    assert json.loads(told)["why"] == text[:1024]


def test_evidence_that_does_not_fit_is_counted():
    evidence = [Evidence(name=f"e{i}", cause="C", says=Says.SUPPORTS, message="ä" * 1024) for i in range(64)]
    told = record_input(stored(record(record_spec=spec(evidence=evidence))), operation())
    assert len(told.encode()) <= LARGEST_INPUT
    shown = json.loads(told)
    assert 0 < len(shown["evidence"]) == 64 - shown["evidenceLeftOut"]


def test_an_undo_is_told_what_it_takes_back():
    undo = operation(action=OperationAction.RUN_JOB, kind=OperationKind.UNDO, before="Job/run-1", intended="Job/run-2")
    assert json.loads(record_input(stored(record()), undo))["operation"]["takesBack"] == "run-1"


def test_another_template_is_another_digest():
    digests = {template_digest(JobTemplate.model_validate({**TEMPLATE, "args": args})) for args in ([], ["a"], ["b"])}
    assert len(digests) == 3


def test_a_job_is_of_high_risk_and_taken_back_only_by_a_runbook():
    alone = Action.model_validate({"job": {"target": "pcscf", "template": TEMPLATE}})
    undone = Action.model_validate({"job": {"target": "pcscf", "template": TEMPLATE, "undo": TEMPLATE}})
    assert alone.spec.default_risk is Risk.HIGH
    assert (alone.spec.reversal, undone.spec.reversal) == (Reversal.IMPOSSIBLE, Reversal.POSSIBLE)


@pytest.mark.parametrize("part", ["template", "undo"])
def test_a_job_must_have_ended_before_its_step_is_judged(part):
    templates = {"template": TEMPLATE, part: {**TEMPLATE, "activeDeadline": "61s"}}
    step = {"name": "run", "action": {"job": {"target": "pcscf", **templates}}}
    with pytest.raises(ValidationError, match="the activeDeadline of step run is longer than"):
        RemediationPolicySpec.model_validate({**POLICY, "steps": [step]})
    RemediationPolicySpec.model_validate({**POLICY, "steps": [step], "verification": {"propagation": "61s"}})
