"""Bad input that the schema refuses, each with the field named and a message that says what to do."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from hack.cluster import Cluster
from homeostat.contracts.to_crd import KINDS, custom_resource_definition
from tests.apiserver.installation import OPERATOR, create_record, install, manifest, refusal
from tests.unit.record.samples import INTENT, POLICY, status

SOURCE: dict[str, Any] = {"url": "http://prometheus.monitoring:9090"}
WINDOW: dict[str, Any] = {
    "workloads": [INTENT["targets"][0]["ref"]],
    "intents": {"matchNames": ["call-setup"]},
    "from": "2026-11-22T22:00:00Z",
    "to": "2026-11-23T02:00:00+01:00",
    "changeId": "CHG0031337",
}
GOOD = {"ServiceIntent": INTENT, "RemediationPolicy": POLICY, "TelemetrySource": SOURCE, "MaintenanceWindow": WINDOW}
GONE = object()
NOTHING_NAMED = "say what is worked on: intents, workloads or both"
NAME_RULE = "the name is longer than 52 characters: records are named after it"  # has its test among the CRDs'
HOT = {"name": "pcscf", "ref": INTENT["targets"][0]["ref"], "configReload": "Hot"}
ANNOTATED = HOT | {"configReload": "Annotation"}

INTENTS: list[tuple[str, Any, str]] = [
    # wrong types
    ("targets", "pcscf", "spec.targets"),
    ("expectations.0.value", 0.98, "spec.expectations[0].value"),
    ("expectations.0.sustain", {"breaches": "three"}, "spec.expectations[0].sustain.breaches"),
    ("owner", "ims-core", "spec.owner"),
    ("description", 7, "spec.description"),
    # what is missing
    ("targets", GONE, "spec.targets"),
    ("targets", [], "spec.targets"),
    ("expectations.0.condition", GONE, "spec.expectations[0].condition"),
    ("targets.0.ref.name", GONE, "spec.targets[0].ref.name"),
    # bounds, patterns and enums
    ("targets", [{**INTENT["targets"][0], "name": f"t{i}"} for i in range(17)], "spec.targets"),
    ("expectations.0.name", "x" * 53, "spec.expectations[0].name"),
    ("expectations.0.name", "Setup_Success", "spec.expectations[0].name"),
    ("expectations.0.condition", "AtLeast", "spec.expectations[0].condition"),
    ("expectations.0.value", "98%", "spec.expectations[0].value"),
    ("expectations.0.window", "half a minute", "spec.expectations[0].window"),
    ("expectations.0.minEvents", 0, "spec.expectations[0].minEvents"),
    ("expectations.0.ratio.good", "x" * 4097, "spec.expectations[0].ratio.good"),
    ("expectations.0.sustain", {"of": 61}, "spec.expectations[0].sustain.of"),
    ("description", "x" * 1025, "spec.description"),
    ("adminState", "Paused", "spec.adminState"),
    ("autonomyLevel", 6, "spec.autonomyLevel"),
    ("autonomyLevel", -1, "spec.autonomyLevel"),
    ("observationPeriod", "5", "spec.observationPeriod"),
    ("targets.0.ref.kind", "deployment", "spec.targets[0].ref.kind"),
    ("targets.0.failureDomain", "", "spec.targets[0].failureDomain"),
    ("targets.0.failureDomain", "two words", "spec.targets[0].failureDomain"),
    ("targets.0.failureDomain", "x" * 64, "spec.targets[0].failureDomain"),
    # names are unique
    ("targets", INTENT["targets"] * 2, "spec.targets[1]"),
    ("expectations", INTENT["expectations"] * 2, "spec.expectations[1]"),
    # rules
    ("expectations.0.query", "up", "give exactly one indicator: query or ratio"),
    ("expectations.0.ratio", GONE, "give exactly one indicator: query or ratio"),
    ("expectations.0.range", {"lower": "1", "upper": "2"}, "take range {lower, upper}"),
    ("expectations.0.value", GONE, "take range {lower, upper}"),
    ("expectations.0.condition", "IsWithinRange", "take range {lower, upper}"),
    ("expectations.0.noData", "Fallback", "noData Fallback and fallback go together"),
    ("expectations.0.fallback", {"query": "up"}, "noData Fallback and fallback go together"),
    ("expectations.0.sustain", {"breaches": 6, "of": 5}, "sustain.breaches cannot exceed sustain.of"),
    (
        "expectations.0",
        {
            "name": "e",
            "query": "up",
            "condition": "IsWithinRange",
            "range": {"lower": "1", "upper": "2"},
            "clear": "1",
        },
        "clear goes with a value that is a bound",
    ),
    (
        "expectations.0",
        {"name": "e", "query": "up", "condition": "IsEqualTo", "value": "1", "minEvents": 5},
        "minEvents counts the total of a ratio",
    ),
    ("targets.0", HOT, "configReload Hot needs hotReload"),
    ("targets.0", ANNOTATED, "configReload Annotation needs reloadAnnotation"),
    ("targets.0", ANNOTATED | {"reloadAnnotation": "kubernetes.io/x"}, "those of Kubernetes and Homeostat are not"),
    ("targets.0", ANNOTATED | {"reloadAnnotation": "apps.k8s.io/x"}, "those of Kubernetes and Homeostat are not"),
    ("targets.0", ANNOTATED | {"reloadAnnotation": "homeostat.dev/x"}, "those of Kubernetes and Homeostat are not"),
    ("targets.0", ANNOTATED | {"reloadAnnotation": "two words"}, "spec.targets[0].reloadAnnotation"),
]


def resized(**changes: Any) -> dict[str, Any]:
    return {"resize": {"target": "pcscf", "container": "main", **changes}}


def _job(**template: Any) -> dict[str, Any]:
    return {"job": {"target": "pcscf", "template": {"image": "localhost/runbook:1", **template}}}


def _extension(name: str = "annotate", **parameters: Any) -> dict[str, Any]:
    return {"extension": {"target": "pcscf", "name": name, "parameters": parameters}}


def _http(**call: Any) -> dict[str, Any]:
    return {"http": {"target": "pcscf", "call": {"url": "https://oss.example.com/orders", **call}}}


RECONFIGURE = {"target": "pcscf", "configMap": "tuning", "key": "tuning.yaml"}
ITEM = {"path": "/peers", "item": "10.0.0.1"}
WORST = {"query": 'failures{namespace="$namespace"}', "threshold": "0.5"}


def evict(**changes: Any) -> dict[str, Any]:
    return {"evict": {"target": "pcscf", "worst": WORST, **changes}}


AUTOSCALER = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "pcscf"}
FLOOR = {"path": "/spec/minReplicas", "value": "3"}


def patching(*fields: Any, **ref: str) -> dict[str, Any]:
    return {"patch": {"target": "pcscf", "ref": {**AUTOSCALER, **ref}, "fields": list(fields)}}


def patching_path(path: str, **ref: str) -> dict[str, Any]:
    return patching({"path": path, "value": "3"}, **ref)


_PATH = "spec.steps[0].action.patch.fields[0].path"
PATCHES: list[tuple[str, Any, str]] = [
    ("steps.0.action", action, said)
    for action, said in (
        (patching(), "spec.steps[0].action.patch.fields"),
        (patching(*({"path": f"/spec/f{n}", "value": "1"} for n in range(9))), "spec.steps[0].action.patch.fields"),
        (patching(FLOOR, FLOOR), "spec.steps[0].action.patch.fields[1]"),
        (patching({**FLOOR, "value": 3}), "spec.steps[0].action.patch.fields[0].value"),
        (patching({**FLOOR, "value": "x" * 513}), "spec.steps[0].action.patch.fields[0].value"),
        (patching({**FLOOR, "value": "null"}), "value is one scalar as YAML text"),
        (patching({**FLOOR, "value": " {a: 1}"}), "value is one scalar as YAML text"),
        (patching({**FLOOR, "value": "[1]"}), "value is one scalar as YAML text"),
        (patching_path("spec.minReplicas"), _PATH),
        (patching_path("/spec/a b"), _PATH),
        (patching_path("/spec/rules/[name]/weight"), _PATH),
        (patching_path("/spec/" + "x" * 248), _PATH),
        (patching_path("/status/replicas"), "nothing else is patched"),
        (patching_path("/data/password"), "nothing else is patched"),
        (patching_path("/metadata/labels/app"), "nothing else is patched"),
        (patching_path("/metadata/ownerReferences/0/name"), "nothing else is patched"),
        (patching_path("/spec/template/spec/serviceAccountName"), "a pod template decides"),
        (patching_path("/spec/jobTemplate/spec/suspend"), "a pod template decides"),
        (patching_path("/metadata/annotations/argocd.argoproj.io~1tracking-id"), "left to that tool"),
        (patching_path("/metadata/annotations/kustomize.toolkit.fluxcd.io~1reconcile"), "left to that tool"),
        (patching_path("/metadata/annotations/meta.helm.sh~1release-name"), "left to that tool"),
        (patching_path("/spec/rules", apiVersion="rbac.authorization.k8s.io/v1", kind="Role"), "never patched"),
        (patching_path("/spec/group", apiVersion="apiextensions.k8s.io/v1"), "never patched"),
        (patching_path("/spec/x", apiVersion="admissionregistration.k8s.io/v1"), "never patched"),
        (patching_path("/spec/mode", apiVersion="homeostat.dev/v1alpha1", kind="RemediationPolicy"), "never patched"),
        (patching_path("/spec/x", apiVersion="v1", kind="Secret"), "of this kind nothing is patched"),
        (patching_path("/spec/x", apiVersion="v1", kind="Pod"), "of this kind nothing is patched"),
        (patching_path("/spec/x", apiVersion="apps/v1", kind="ControllerRevision"), "of this kind nothing is patched"),
        (
            patching_path("/spec/replicas", apiVersion="apps/v1", kind="Deployment"),
            "replicas are set by the action scale",
        ),
    )
]

FREEZE = {"name": "christmas", "deny": "0 0 24 12 *", "duration": "48h"}
DEPLOYMENTS = {"apiVersion": "apps/v1", "kind": "Deployment"}
GUARDS: list[tuple[str, Any, str]] = [
    ("guardrails", {guard: given}, said)
    for guard, given, said in (
        ("concurrency", 0, "spec.guardrails.concurrency"),
        ("concurrency", 101, "spec.guardrails.concurrency"),
        ("flapping", {"limit": 0}, "spec.guardrails.flapping.limit"),
        ("flapping", {"per": "an hour"}, "spec.guardrails.flapping.per"),
        ("stormGuard", {"of": "Pods"}, "spec.guardrails.stormGuard.of"),
        ("stormGuard", {"in": "Region"}, "spec.guardrails.stormGuard.in"),
        ("stormGuard", {"max": "0%"}, "spec.guardrails.stormGuard.max"),
        ("stormGuard", {"max": "101%"}, "spec.guardrails.stormGuard.max"),
        ("stormGuard", {"max": 40}, "spec.guardrails.stormGuard.max"),
        ("stormGuard", {"minPopulation": 0}, "spec.guardrails.stormGuard.minPopulation"),
        ("failureDomain", {"whenUnknown": "Ask"}, "spec.guardrails.failureDomain.whenUnknown"),
        ("windows", [{**FREEZE, "name": f"w{n}"} for n in range(17)], "spec.guardrails.windows"),
        ("windows", [FREEZE, FREEZE], "spec.guardrails.windows[1]"),
        ("windows", [{**FREEZE, "deny": "0 0 24 12"}], "spec.guardrails.windows[0].deny"),
        ("windows", [{**FREEZE, "deny": "@yearly"}], "spec.guardrails.windows[0].deny"),
        ("windows", [{**FREEZE, "deny": "0 0 24 12 * *"}], "spec.guardrails.windows[0].deny"),
        ("windows", [{**FREEZE, "timeZone": "UTC+1 h"}], "spec.guardrails.windows[0].timeZone"),
        ("windows", [{"name": "w", "deny": "0 0 24 12 *"}], "spec.guardrails.windows[0].duration"),
        ("windows", [{**FREEZE, "duration": "0m"}], "a window lasts longer than no time"),
        ("windows", [{**FREEZE, "allow": "0 0 * * *"}], "give exactly one of deny and allow"),
        ("windows", [{"name": "w", "duration": "1h"}], "give exactly one of deny and allow"),
        ("disallowed", [{"configMap": f"c{n}"} for n in range(33)], "spec.guardrails.disallowed"),
        ("disallowed", [{}], "give exactly one of configMap and ref"),
        ("disallowed", [{"configMap": "c", "ref": DEPLOYMENTS}], "give exactly one of configMap and ref"),
        ("disallowed", [{"configMap": "c", "path": "/a"}], "a path in a ConfigMap needs the key"),
        ("disallowed", [{"ref": DEPLOYMENTS, "key": "k"}], "key and the path in it are of a ConfigMap"),
        ("disallowed", [{"ref": DEPLOYMENTS, "path": "spec"}], "begins with a slash"),
        ("disallowed", [{"ref": {"kind": "Deployment"}}], "spec.guardrails.disallowed[0].ref.apiVersion"),
        ("disallowed", [{"configMap": "c", "key": "a/b"}], "spec.guardrails.disallowed[0].key"),
        ("disallowed", [{"configMap": "c", "key": "k", "path": ""}], "spec.guardrails.disallowed[0].path"),
    )
]

POLICIES: list[tuple[str, Any, str]] = [
    ("mode", "Dry", "spec.mode"),
    ("triggers", [], "spec.triggers"),
    ("steps", GONE, "spec.steps"),
    ("steps.0.action.scale.by", "double", "spec.steps[0].action.scale.by"),
    ("steps.0.action.scale.by", 2, "spec.steps[0].action.scale.by"),
    ("steps.0.action.scale.max", 0, "spec.steps[0].action.scale.max"),
    ("steps.0.action.scale.to", -1, "spec.steps[0].action.scale.to"),
    ("steps.0.if", "x" * 1025, "spec.steps[0].if"),
    ("steps.0.if", "", "spec.steps[0].if"),
    ("boundaries", {"never": [{"if": "x" * 1025}]}, "spec.boundaries.never[0].if"),
    (
        "steps.0.action.scale",
        {"target": "pcscf", "expression": "x" * 1025, "max": 6},
        "spec.steps[0].action.scale.expression",
    ),
    ("steps.0.repeat", {"limit": 11}, "spec.steps[0].repeat.limit"),
    ("steps.0.undo", "Always", "spec.steps[0].undo"),
    ("steps.0.timeout", "soon", "spec.steps[0].timeout"),
    ("steps.0.retries", {"limit": 11}, "spec.steps[0].retries.limit"),
    ("steps.0.retries", {"backoff": "1"}, "spec.steps[0].retries.backoff"),
    ("steps.0.then", {"effective": "Escalate"}, "spec.steps[0].then.effective"),
    ("steps.0.then", {"ineffective": "Wait"}, "spec.steps[0].then.ineffective"),
    ("steps.0.then", {"worse": "Wait"}, "spec.steps[0].then.worse"),
    ("steps.0.then", {"inconclusive": "Wait"}, "spec.steps[0].then.inconclusive"),
    ("steps.0.then", {"noCapacity": "Wait"}, "spec.steps[0].then.noCapacity"),
    ("steps.0.then", {"failed": "Wait"}, "spec.steps[0].then.failed"),
    ("steps.0.then", {"blocked": "Later"}, "spec.steps[0].then.blocked"),
    ("steps", [*POLICY["steps"], *POLICY["steps"]], "spec.steps[1]"),
    ("intentSelector", {"matchLabels": {f"k{i}": "v" for i in range(17)}}, "spec.intentSelector.matchLabels"),
    ("intentSelector", {"matchNames": ["a", "a"]}, "spec.intentSelector.matchNames[1]"),
    ("guardrails", {"largestStep": 0}, "spec.guardrails.largestStep"),
    ("guardrails", {"frequency": {"limit": 4}}, "spec.guardrails.frequency.per"),
    ("approval", {"onTimeout": "Act"}, "spec.approval.onTimeout"),
    ("approval", {"approvers": 0}, "spec.approval.approvers"),
    ("approval", {"approvers": 6}, "spec.approval.approvers"),
    ("verification", {"deadline": "soon"}, "spec.verification.deadline"),
    # rules
    ("intentSelector", {}, "an empty selector selects nothing"),
    ("mode", "Live", "mode Live needs guardrails.frequency"),
    ("steps.0.action.scale", {"target": "pcscf", "by": "+1", "min": 5, "max": 4}, "min cannot exceed max"),
    ("steps.0.action.scale", {"target": "pcscf"}, "give exactly one of by, to and expression"),
    ("steps.0.action.scale", {"target": "pcscf", "by": "+1", "to": 2}, "give exactly one of by, to and expression"),
    ("steps.0.action.scale", {"target": "pcscf", "to": 8, "max": 4}, "to must lie within min and max"),
    ("steps.0.action.scale", {"target": "pcscf", "to": 1, "min": 2}, "to must lie within min and max"),
    ("steps.0.action.scale", {"target": "pcscf", "expression": "target.replicas"}, "expression needs max"),
    ("steps.0.action", {}, "give exactly one action"),
    (
        "steps.0",
        {**POLICY["steps"][0], "release": {"afterMet": "30m"}, "then": {"effective": "Next"}},
        "release needs then.effective Stop",
    ),
    (
        "steps.0",
        {"name": "anew", "action": {"restart": {"target": "pcscf"}}, "release": {"afterMet": "30m"}},
        "release takes added capacity back",
    ),
    (
        "steps.0.action",
        {"scale": {"target": "pcscf", "by": "+1"}, "reconfigure": {**RECONFIGURE, "restore": "/a"}},
        "give exactly one action",
    ),
    ("steps.0.action", resized(cpu={"by": "50%"}), "resize.cpu.by"),
    ("steps.0.action", resized(cpu={"by": "-100%"}), "resize.cpu.by"),
    ("steps.0.action", resized(cpu={"to": "0"}), "resize.cpu.to"),
    ("steps.0.action", resized(cpu={"to": "0.0001"}), "resize.cpu.to"),
    ("steps.0.action", resized(memory={"to": "512"}), "resize.memory.to"),
    ("steps.0.action", resized(memory={"to": "100m"}), "resize.memory.to"),
    ("steps.0.action", resized(cpu={"to": "1"}, of=[]), "resize.of"),
    ("steps.0.action", resized(cpu={"to": "1"}, of=["Limits", "Limits"]), "resize.of[1]"),
    ("steps.0.action", resized(cpu={"to": "1"}, through="Pods"), "resize.through"),
    ("steps.0.action", resized(cpu={"to": "1"}, container="Main"), "resize.container"),
    ("steps.0.action", resized(), "give cpu, memory or both"),
    ("steps.0.action", resized(cpu={"to": "1", "by": "+50%"}), "give exactly one of to and by"),
    ("steps.0.action", resized(cpu={"max": "1"}), "give exactly one of to and by"),
    ("steps.0.action", resized(memory={"to": "1Gi", "max": "2Gi"}), "min and max bound a step: they go with by"),
    ("steps.0.action", resized(cpu={"by": "+50%", "min": "1.5", "max": "1400m"}), "min cannot exceed max"),
    ("steps.0.action", {"rollback": {}}, "rollback.target"),
    ("steps.0.action", {"reconfigure": RECONFIGURE}, "give exactly one of set {path, value}, restore, add"),
    ("steps.0.action", {"reconfigure": {**RECONFIGURE, "restore": "/a", "add": ITEM}}, "give exactly one of set"),
    ("steps.0.action", {"reconfigure": {**RECONFIGURE, "restore": "a"}}, "the path is a JSON Pointer"),
    (
        "steps.0.action",
        {"reconfigure": {**RECONFIGURE, "format": "Json", "set": {"path": "a=<value>", "value": "1"}}},
        "the path is a JSON Pointer",
    ),
    (
        "steps.0.action",
        {"reconfigure": {**RECONFIGURE, "format": "Text", "set": {"path": "/a", "value": "1"}}},
        "the begin of a line, with <value> once in it",
    ),
    (
        "steps.0.action",
        {"reconfigure": {**RECONFIGURE, "format": "Text", "restore": "a=<value><value>"}},
        "the begin of a line, with <value> once in it",
    ),
    (
        "steps.0.action",
        {"reconfigure": {**RECONFIGURE, "format": "Text", "restore": "<value>"}},
        "the begin of a line, with <value> once in it",
    ),
    ("steps.0.action", {"reconfigure": {**RECONFIGURE, "format": "Text", "add": ITEM}}, "a plain text has no lists"),
    ("steps.0.action", {"reconfigure": {**RECONFIGURE, "format": "Toml", "restore": "/a"}}, "format"),
    ("steps.0.action", {"reconfigure": {**RECONFIGURE, "remove": {"path": "a", "item": "x"}}}, "remove.path"),
    ("steps.0.action", {"reconfigure": {**RECONFIGURE, "add": {"path": "/a", "item": ""}}}, "add.item"),
    ("steps.0.action", {"reconfigure": {**RECONFIGURE, "restore": "/a\nb"}}, "restore"),
    ("steps.0.action", {"reconfigure": {**RECONFIGURE, "key": "a/b", "restore": "/a"}}, "key"),
    ("guardrails", {"takeFrom": ["helm", "two words"]}, "spec.guardrails.takeFrom[1]"),
    ("guardrails", {"takeFrom": ["helm", "helm"]}, "spec.guardrails.takeFrom[1]"),
    ("guardrails", {"takeFrom": [f"m{n}" for n in range(17)]}, "spec.guardrails.takeFrom"),
    *GUARDS,
    *PATCHES,
    ("steps.0.action", {"reconfigure": RECONFIGURE}, "give exactly one of set {path, value}, restore, add"),
    ("steps.0.action", {"restart": {}}, "spec.steps[0].action.restart.target"),
    ("steps.0.action", {"restart": {"target": "pcscf"}, **evict()}, "give exactly one action"),
    ("steps.0.action", {"evict": {"target": "pcscf"}}, "spec.steps[0].action.evict.worst"),
    ("steps.0.action", evict(count=0), "spec.steps[0].action.evict.count"),
    ("steps.0.action", evict(count=4), "spec.steps[0].action.evict.count"),
    ("steps.0.action", evict(worst={"threshold": "1"}), "spec.steps[0].action.evict.worst.query"),
    ("steps.0.action", evict(worst={**WORST, "query": "x" * 4097}), "spec.steps[0].action.evict.worst.query"),
    ("steps.0.action", evict(worst={"query": "up"}), "spec.steps[0].action.evict.worst.threshold"),
    ("steps.0.action", evict(worst={**WORST, "threshold": "half"}), "spec.steps[0].action.evict.worst.threshold"),
    ("steps.0.action", evict(worst={**WORST, "order": "Oldest"}), "spec.steps[0].action.evict.worst.order"),
    ("boundaries", {"never": [{"action": "Delete"}]}, "spec.boundaries.never[0].action"),
    ("autonomyLevel", 6, "spec.autonomyLevel"),
    ("autonomyLevel", "High", "spec.autonomyLevel"),
    ("escalation", {"afterIneffective": 0}, "spec.escalation.afterIneffective"),
    ("escalation", {"demoteTo": 5}, "spec.escalation.demoteTo"),
    ("steps.0.action", {"job": {"target": "pcscf"}}, "spec.steps[0].action.job.template"),
    ("steps.0.action", _job(image="with space"), "spec.steps[0].action.job.template.image"),
    ("steps.0.action", _job(args=["x" * 2049]), "spec.steps[0].action.job.template.args[0]"),
    ("steps.0.action", _job(command=["x"] * 17), "spec.steps[0].action.job.template.command"),
    ("steps.0.action", _job(backoffLimit=7), "spec.steps[0].action.job.template.backoffLimit"),
    ("steps.0.action", _job(runAsUser=0), "spec.steps[0].action.job.template.runAsUser"),
    ("steps.0.action", _job(rootFilesystem="Any"), "spec.steps[0].action.job.template.rootFilesystem"),
    ("steps.0.action", _job(memory="much"), "spec.steps[0].action.job.template.memory"),
    ("steps.0.action", _job(activeDeadline=60), "spec.steps[0].action.job.template.activeDeadline"),
    ("steps.0.action", _job(env=[{"name": "A-B", "value": ""}]), "spec.steps[0].action.job.template.env[0].name"),
    ("steps.0.action", _job(env=[{"name": "A", "value": "1"}] * 2), "spec.steps[0].action.job.template.env[1]"),
    ("steps.0.action", _job(env=[{"name": "A"}]), "give exactly one of value, secretKeyRef and configMapKeyRef"),
    (
        "steps.0.action",
        _job(env=[{"name": "A", "value": "1", "secretKeyRef": {"name": "s", "key": "k"}}]),
        "give exactly one of value, secretKeyRef and configMapKeyRef",
    ),
    ("steps.0.action", _http(url="ftp://host/"), "spec.steps[0].action.http.call.url"),
    ("steps.0.action", _http(url="https://user@host/"), "spec.steps[0].action.http.call.url"),
    ("steps.0.action", _http(method="GET"), "spec.steps[0].action.http.call.method"),
    ("steps.0.action", _http(body="x" * 4097), "spec.steps[0].action.http.call.body"),
    ("steps.0.action", _http(expect=[]), "spec.steps[0].action.http.call.expect"),
    ("steps.0.action", _http(expect=[200, 200]), "spec.steps[0].action.http.call.expect[1]"),
    ("steps.0.action", _http(expect=[500]), "spec.steps[0].action.http.call.expect[0]"),
    ("steps.0.action", _http(headers=[{"name": "X-A", "value": "b\nc"}]), "http.call.headers[0].value"),
    ("steps.0.action", _http(headers=[{"name": "AUTHORIZATION", "value": "x"}]), "do not belong in a policy"),
    (
        "steps.0.action",
        {"http": {**_http()["http"], "status": {"url": "https://host/", "state": "/state"}}},
        "give state with at least one of done and failed",
    ),
    ("steps.0.action", _extension("Not_A_Name"), "spec.steps[0].action.extension.name"),
    ("steps.0.action", _extension(a=1), "spec.steps[0].action.extension.parameters.a"),
    ("steps.0.action", _extension(a="x" * 1025), "spec.steps[0].action.extension.parameters.a"),
    ("steps.0.action", _extension(**{f"a{i}": "" for i in range(33)}), "spec.steps[0].action.extension.parameters"),
    ("steps.0.action", _extension(**{"no name": "1"}), "a parameter's name has at most 63 letters"),
    ("steps.0.action", _job(env=[{"name": "HOMEOSTAT_X", "value": "1"}]), "names that begin with HOMEOSTAT_"),
    ("causes", [{"name": "Throttled", "evidence": [{"name": "e"}]}], "give exactly one kind of evidence"),
    ("boundaries", {"autonomous": [{}]}, "an empty rule matches nothing"),
    (
        "causes",
        [{"name": "TelemetryFault", "evidence": [{"name": "e", "query": "up == 0"}]}],
        "TelemetryFault is the operator's own",
    ),
]

SOURCES: list[tuple[str, Any, str]] = [
    ("url", GONE, "spec.url"),
    ("url", "prometheus:9090", "spec.url"),
    ("url", "http://user:secret@prometheus:9090", "spec.url"),
    ("concurrency", 33, "spec.concurrency"),
    ("timeout", 5, "spec.timeout"),
    ("podLabel", "pod-name", "spec.podLabel"),
]

WINDOWS: list[tuple[str, Any, str]] = [
    ("from", GONE, "spec.from"),
    ("to", GONE, "spec.to"),
    ("changeId", GONE, "spec.changeId"),
    ("changeId", "", "spec.changeId"),
    ("changeId", "x" * 65, "spec.changeId"),
    ("reason", "x" * 1025, "spec.reason"),
    ("from", "tonight", "spec.from"),
    ("to", "2026-11-23", "spec.to"),
    ("settle", "a while", "spec.settle"),
    ("workloads", [{**INTENT["targets"][0]["ref"], "name": f"w{i}"} for i in range(65)], "spec.workloads"),
    ("workloads.0.kind", "deployment", "spec.workloads[0].kind"),
    ("intents.matchNames", ["Call_Setup"], "spec.intents.matchNames[0]"),
    ("to", "2026-11-22T22:00:00Z", "to must be later than from"),
    ("to", "2026-11-22T22:30:00+01:00", "to must be later than from"),
    ("to", "2026-12-22T22:00:01Z", "a window may last 30 days at most"),
    ("intents", {}, "an empty selection holds nothing back"),
]

CASES = [
    pytest.param(kind, path, value, said, id=f"{kind}-{i}-{path}")
    for kind, cases in (
        ("ServiceIntent", INTENTS),
        ("RemediationPolicy", POLICIES),
        ("TelemetrySource", SOURCES),
        ("MaintenanceWindow", WINDOWS),
    )
    for i, (path, value, said) in enumerate(cases)
]


@pytest.fixture(scope="module", autouse=True)
def installed(cluster: Cluster) -> None:
    install(cluster)


def changed(content: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    result = copy.deepcopy(content)
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place: Any = result
    for part in way:
        place = place[part]
    if value is GONE:
        del place[last]
    else:
        place[last] = value
    return result


def document(kind: str, content: dict[str, Any]) -> str:
    return json.dumps(
        {
            "apiVersion": "homeostat.dev/v1alpha1",
            "kind": kind,
            "metadata": {"name": "bad", "namespace": "default"},
            "spec": content,
        }
    )


@pytest.mark.parametrize("kind", GOOD)
def test_the_unchanged_input_is_good(cluster, kind):
    cluster.kubectl("create", "--dry-run=server", "-f", "-", stdin=document(kind, GOOD[kind]))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("steps.0.if", "target.replicas < 6"),
        ("boundaries", {"never": [{"if": "time.getHours() >= 18"}]}),
        ("steps.0.action.scale", {"target": "pcscf", "to": 4, "min": 4, "max": 4}),
        ("steps.0.action.scale", {"target": "pcscf", "expression": "target.replicas * 2", "max": 6}),
    ],
)
def test_good_input_is_taken(cluster, path, value):
    good = document("RemediationPolicy", changed(POLICY, path, value))
    cluster.kubectl("create", "--dry-run=server", "-f", "-", stdin=good)


@pytest.mark.parametrize(("kind", "path", "value", "said"), CASES)
def test_bad_input_is_refused_with_the_field_named(cluster, kind, path, value, said):
    bad = document(kind, changed(GOOD[kind], path, value))
    told = refusal(cluster, "create", "--dry-run=server", "--validate=false", "-f", "-", stdin=bad)
    assert said in told
    assert "spec" in told


def rules(node: Any) -> Iterator[str]:
    """Messages of all rules in a schema."""
    if isinstance(node, dict):
        for rule in node.get("x-kubernetes-validations", ()):
            yield rule["message"]
        for inner in node.values():
            yield from rules(inner)


def test_every_rule_of_the_schemas_has_a_case_above():
    schemas = [custom_resource_definition(kind) for kind in KINDS if kind.name in GOOD]
    messages = {message for schema in schemas for message in rules(schema)} - {NAME_RULE}
    said = [NOTHING_NAMED, *(case[2] for case in (*INTENTS, *POLICIES, *SOURCES, *WINDOWS))]
    assert [message for message in messages if not any(part in message for part in said)] == []


def test_planned_work_on_nothing_is_refused(cluster):
    bad = document("MaintenanceWindow", {k: v for k, v in WINDOW.items() if k not in {"workloads", "intents"}})
    assert NOTHING_NAMED in refusal(cluster, "create", "--dry-run=server", "-f", "-", stdin=bad)


def test_a_field_that_does_not_exist_is_refused_by_kubectl(cluster):
    bad = document("ServiceIntent", {**INTENT, "autonomyLevl": 3})
    assert 'unknown field "spec.autonomyLevl"' in refusal(cluster, "create", "-f", "-", stdin=bad)


DECISIONS: list[tuple[dict[str, Any], str]] = [
    ({"id": "a", "type": "Approve", "by": "alice"}, "Approve names the planDigest it approves"),
    ({"id": "a", "type": "Reject", "by": "alice"}, "Reject gives a reason"),
    ({"id": "a", "type": "Undo", "by": "alice"}, "Undo gives a reason"),
    ({"id": "a", "type": "Cancel", "by": "alice"}, "Cancel gives a reason"),
    ({"id": "a", "type": "TakeOver", "by": "alice"}, "TakeOver gives a reason"),
    ({"id": "a", "type": "TakeOver", "by": "alice", "reason": ""}, "spec.decisions[0].reason"),
    ({"id": "a", "type": "Review", "by": "alice"}, "Review gives a verdict, and nothing else does"),
    (
        {"id": "a", "type": "Acknowledge", "by": "alice", "verdict": "Right"},
        "Review gives a verdict, and nothing else does",
    ),
    ({"id": "a", "type": "Review", "by": "alice", "verdict": "Bad"}, "spec.decisions[0].verdict"),
    ({"id": "a", "type": "Acknowledge", "by": "alice", "note": "seen"}, "a note is for a Review; give a reason"),
    ({"id": "a", "type": "Maybe", "by": "alice"}, "spec.decisions[0].type"),
    ({"id": "no spaces", "type": "Reject", "by": "alice", "reason": "x"}, "spec.decisions[0].id"),
]


@pytest.mark.parametrize(("decision", "said"), DECISIONS, ids=[f"{d['type']}: {said}" for d, said in DECISIONS])
def test_a_decision_that_says_too_little_is_refused(cluster, namespace, decision, said):
    bad = manifest(namespace, decisions=[decision])
    assert said in refusal(cluster, "create", "--dry-run=server", "-f", "-", stdin=bad, user=OPERATOR)


def test_a_report_longer_than_a_screen_is_refused(cluster, namespace):
    name = create_record(cluster, namespace, status())
    patch = json.dumps({"status": {"report": ["x"] * 61}})
    args = ("patch", "rem", name, "-n", namespace, "--subresource=status", "--type=merge", "-p", patch)
    assert "status.report" in refusal(cluster, *args, user=OPERATOR)
