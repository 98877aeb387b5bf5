"""Attributes that may not be changed: no act is at one, below one, or around one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.disallowed import DisallowedAttribute
from homeostat.contracts.operations import Plan, TargetIdentity
from homeostat.contracts.remediation import GuardVerdict, GuardVerdictName
from tests.unit.decide.building import CONFIG, WORKLOAD, plan_of, restore, restoring, scale, scaling, terms
from tests.unit.decide.test_guardrails import check

PERMIT, DENY, INDETERMINATE = GuardVerdictName.PERMIT, GuardVerdictName.DENY, GuardVerdictName.INDETERMINATE
SCALED = plan_of(scale(), scaling(), terms())
RESTORED = plan_of(restore(), restoring(), terms())
AUTOSCALER = TargetIdentity(api_version="autoscaling/v2", kind="HorizontalPodAutoscaler", name="pcscf", uid="uid-hpa")


def config(path: str, key: str = "tuning.yaml", form: str = "") -> Plan:
    return RESTORED.model_copy(update={"field": f"data[{key}]{form}{path}"})


def on_workload(action: ActionType, field: str) -> Plan:
    return SCALED.model_copy(update={"action": action, "field": field})


def patched(*paths: str) -> Plan:
    return SCALED.model_copy(
        update={
            "action": ActionType.PATCH,
            "field": " ".join(paths),
            "target": AUTOSCALER,
            "before": "{}",
            "intended": "{}",
        }
    )


def guard(plan: Plan, *rules: dict[str, Any]) -> GuardVerdict:
    under = terms(disallowed=[DisallowedAttribute.model_validate(rule) for rule in rules])
    verdict: GuardVerdict = check(plan, under)["Disallowed"]
    return verdict


def in_config(path: str | None = None, key: str | None = "tuning.yaml", name: str = "pcscf-tuning") -> dict[str, Any]:
    return {"configMap": name, "key": key, "path": path}


def of(kind: str, path: str | None = None, name: str | None = None, version: str = "apps/v1") -> dict[str, Any]:
    return {"ref": {"apiVersion": version, "kind": kind, "name": name}, "path": path}


def of_autoscaler(path: str, version: str = "autoscaling/v2") -> dict[str, Any]:
    return of(AUTOSCALER.kind, path, version=version)


@pytest.mark.parametrize(
    ("plan", "rule", "verdict"),
    [
        # the place itself, what is below it, and what it is in
        (config("/limits/cps"), in_config("/limits/cps"), DENY),
        (config("/limits/cps"), in_config("/limits"), DENY),
        (config("/limits/cps"), in_config("/limits/cps/burst"), DENY),
        (config("/limits/cps"), in_config(), DENY),
        (config("/limits/cps"), in_config(key=None), DENY),
        # beside it: a name that only begins alike, another key, another object
        (config("/limits/cps"), in_config("/limit"), PERMIT),
        (config("/limits/cps"), in_config("/limits/cp"), PERMIT),
        (config("/limits/cps"), in_config("/plmn"), PERMIT),
        (config("/limits/cps"), in_config("/limits", key="other.yaml"), PERMIT),
        (config("/limits/cps"), in_config("/limits", name="another"), PERMIT),
        # the same place written in another way
        (config("/a~1b/c"), in_config("/a~1b"), DENY),
        (config("/a/b/c"), in_config("/a~1b"), PERMIT),
        (config("/peers/00"), in_config("/peers/0"), DENY),
        (config("/peers/1"), in_config("/peers/0"), PERMIT),
        (config("/limits/cps", form=":Json"), in_config("/limits"), DENY),
        # in a plain text: how the line begins
        (config("/children=<value>", form=":Text"), in_config("children=<value>"), DENY),
        (config("/children=<value>", form=":Text"), in_config("child"), DENY),
        (config("/children=<value>", form=":Text"), in_config("children=<value> # per core"), DENY),
        (config("/children=<value>", form=":Text"), in_config("log"), PERMIT),
        # a place that cannot be one in such a text: it is not known whether they are the same
        (config("/children=<value>", form=":Text"), in_config("/children"), INDETERMINATE),
        (config("/limits/cps"), in_config("limits"), INDETERMINATE),
        (config("/limits/cps"), in_config("limits", key="other.yaml"), PERMIT),
        # a ConfigMap as an object
        (config("/limits/cps"), of("ConfigMap", "/data/tuning.yaml", "pcscf-tuning", "v1"), DENY),
        (config("/limits/cps"), of("ConfigMap", version="v1"), DENY),
        (config("/limits/cps"), of("ConfigMap", "/data/other.yaml", version="v1"), PERMIT),
        # replicas
        (SCALED, of("Deployment", "/spec/replicas"), DENY),
        (SCALED, of("Deployment", "/spec"), DENY),
        (SCALED, of("Deployment", "/spec/template"), PERMIT),
        (SCALED, of("Deployment"), DENY),
        (SCALED, of("Deployment", name="pcscf"), DENY),
        (SCALED, of("Deployment", name="scscf"), PERMIT),
        (SCALED, of("StatefulSet"), PERMIT),
        (SCALED, of("Deployment", version="extensions/v1"), PERMIT),
        (SCALED, of("Deployment", version="apps/v2"), DENY),
        (SCALED, in_config(key=None, name="pcscf"), PERMIT),
        # what is below the template
        (on_workload(ActionType.ROLLBACK, "spec.template"), of("Deployment", "/spec/template/spec/containers"), DENY),
        (on_workload(ActionType.ROLLBACK, "spec.template"), of("Deployment", "/spec/replicas"), PERMIT),
        (
            on_workload(ActionType.RESTART, "spec.template.metadata.annotations[homeostat.dev/restarted-for]"),
            of("Deployment", "/spec/template/metadata/annotations/homeostat.dev~1restarted-for"),
            DENY,
        ),
        (
            on_workload(ActionType.RESIZE, "spec.template.spec.containers[sip].resources"),
            of("Deployment", "/spec/template/spec/containers/[name=sip]/resources/limits/memory"),
            DENY,
        ),
        (
            on_workload(ActionType.RESIZE, "spec.containers[sip].resources"),
            of("Deployment", "/spec/template/spec/containers/0/resources"),
            DENY,
        ),
        (
            on_workload(ActionType.RESIZE, "spec.containers[sip].resources"),
            of("Deployment", "/spec/template/spec/containers/[name=proxy]"),
            PERMIT,
        ),
        # any field of several
        (patched("/spec/minReplicas", "/spec/maxReplicas"), of_autoscaler("/spec/maxReplicas", "autoscaling/v1"), DENY),
        (patched("/spec/minReplicas"), of_autoscaler("/spec/maxReplicas"), PERMIT),
        (patched("/spec/rules/[name=v2]/weight"), of_autoscaler("/spec/rules/1"), DENY),
        (patched("/spec/rules/[name=v2]/weight"), of_autoscaler("/spec/rules/[port=1]"), DENY),
        (patched("/spec/rules/[name=v2]/weight"), of_autoscaler("/spec/rules/[name=v1]"), PERMIT),
        # what changes no attribute, and what nobody knows
        (on_workload(ActionType.EVICT, "pods"), of("Deployment"), PERMIT),
        (on_workload(ActionType.JOB, "job"), of("Deployment"), PERMIT),
        (on_workload(ActionType.EXTENSION, "whatever"), of("Deployment"), INDETERMINATE),
        (on_workload(ActionType.EXTENSION, "whatever"), of("StatefulSet"), PERMIT),
    ],
)
def test_a_disallowed_attribute_is_left_alone(plan, rule, verdict):
    assert guard(plan, rule).verdict is verdict


def test_it_says_which_one():
    verdict = guard(RESTORED, in_config("/plmn"), in_config("/limits"))
    assert (verdict.reason, verdict.message) == (
        "DisallowedAttribute",
        "ConfigMap/pcscf-tuning, tuning.yaml, /limits may not be changed",
    )


def test_no_rules_forbid_nothing():
    assert guard(RESTORED).verdict is PERMIT
    assert guard(on_workload(ActionType.EXTENSION, "whatever")).verdict is PERMIT


PARTS = st.lists(st.sampled_from(["a", "b", "ab", "0", "1", "~1", "~0"]), min_size=1, max_size=4)


@given(PARTS, PARTS)
def test_a_path_forbids_what_is_below_and_around_it_and_nothing_else(rule, changed):
    length = min(len(rule), len(changed))
    expected = DENY if rule[:length] == changed[:length] else PERMIT
    assert guard(config("/" + "/".join(changed)), in_config("/" + "/".join(rule))).verdict is expected


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({}, "exactly one of configMap and ref"),
        ({**of("Deployment"), "configMap": "x"}, "exactly one of configMap and ref"),
        ({"configMap": "x", "path": "/a"}, "needs the key"),
        ({**of("Deployment"), "key": "x"}, "are of a ConfigMap"),
        (of("Deployment", "spec/replicas"), "begins with a slash"),
    ],
)
def test_bad_rules_are_refused(rule, said):
    with pytest.raises(ValidationError) as refused:
        DisallowedAttribute.model_validate(rule)
    assert said in str(refused.value)


def test_the_plans_of_these_tests_are_those_of_the_actions():
    assert (SCALED.target, SCALED.field) == (WORKLOAD, "spec.replicas")
    assert (RESTORED.target, RESTORED.field) == (CONFIG, "data[tuning.yaml]/limits/cps")
