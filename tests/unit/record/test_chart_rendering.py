"""The mini renderer gives what Helm would, or refuses."""

import pytest
import yaml

from hack.chart import ChartError, Release, manifests, render


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
        assert not {"approve", "reject"} & set(rule["verbs"])
