"""The mini renderer gives what Helm would, or refuses."""

import re

import pytest
import yaml

from hack.chart import ChartError, Release, manifests, render
from homeostat.contracts.decisions import DecisionType
from homeostat.contracts.remediation import CLOSED_PHASES


def test_values_and_the_release_are_filled_in():
    template = "{{ .Release.Name }} {{.Release.Namespace}} {{ .Values.operator.user }}"
    assert render(template, {"operator": {"user": "me"}}, Release("r", "n")) == "r n me"


def test_a_structure_is_filled_in_as_json():
    rules = [{"apiGroups": ["keda.sh"], "resources": ["scaledobjects"], "verbs": ["get", "patch"]}]
    rendered = render("rules: {{ .Values.patch.rules | toJson }}", {"patch": {"rules": rules}})
    assert yaml.safe_load(rendered) == {"rules": rules}


@pytest.mark.parametrize(
    "template",
    ["{{ if .Values.a }}", "{{ .Values.a | quote }}", "{{- .Values.a }}", "{{ .Values.b }}", "{{ .Values.m }}", "{{ x"],
)
def test_what_needs_helm_or_is_not_given_is_refused(template):
    with pytest.raises(ChartError):
        render(template, {"a": "1", "m": {}})


def test_the_chart_gives_no_wildcard_no_secret_and_no_right_to_decide_to_the_operator():
    documents = [d for d in yaml.safe_load_all(manifests({"operator": {"user": "op"}})) if d]
    names = {"homeostat-operator", "homeostat-operator-patch"}
    roles = [d for d in documents if d["kind"] == "ClusterRole" and d["metadata"]["name"] in names]
    assert len(roles) == len(names)
    for rule in (rule for role in roles for rule in role["rules"]):
        assert "*" not in (*rule["apiGroups"], *rule["resources"], *rule["verbs"])
        assert "secrets" not in rule["resources"]
        assert not {kind.lower() for kind in DecisionType} & set(rule["verbs"])


def test_the_approver_may_decide_all_and_the_responder_only_what_has_nothing_done():
    documents = [d for d in yaml.safe_load_all(manifests({"operator": {"user": "op"}})) if d]
    roles = {d["metadata"]["name"]: d for d in documents if d["kind"] == "ClusterRole"}
    decisions = {kind.lower() for kind in DecisionType}
    rights = {
        name: set(roles[name]["rules"][0]["verbs"]) & decisions
        for name in ("homeostat-approver", "homeostat-responder")
    }
    assert rights["homeostat-approver"] == decisions
    assert rights["homeostat-responder"] == decisions - {"approve", "undo"}
    assert not any("aggregate" in label for name in rights for label in roles[name]["metadata"].get("labels", {}))


def test_the_admission_policy_knows_every_closed_phase():
    documents = [d for d in yaml.safe_load_all(manifests({"operator": {"user": "op"}})) if d]
    (policy,) = [
        d
        for d in documents
        if d["kind"] == "ValidatingAdmissionPolicy" and d["metadata"]["name"].endswith("-remediations")
    ]
    (ended,) = [v["expression"] for v in policy["spec"]["variables"] if v["name"] == "hasEnded"]
    assert set(re.findall(r"'(\w+)'", ended)) == set(CLOSED_PHASES)
