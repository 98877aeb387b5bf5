import json
from typing import Any

import pytest

from hack.cluster import Cluster
from homeostat.contracts.to_crd import KINDS
from tests.apiserver.installation import OPERATOR, create_record, install, manifest, refusal
from tests.unit.record.samples import INTENT, POLICY, spec


@pytest.fixture(scope="module", autouse=True)
def installed(cluster: Cluster) -> None:
    install(cluster)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_api_server_takes_each_kind_as_structural_and_every_rule_within_its_cost(cluster, kind):
    told = json.loads(cluster.kubectl("get", "crd", f"{kind.plural}.homeostat.dev", "-o", "json"))
    conditions = {c["type"]: c["status"] for c in told["status"]["conditions"]}
    assert conditions["Established"] == "True"
    assert conditions["NamesAccepted"] == "True"
    assert conditions.get("NonStructuralSchema", "False") == "False"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_short_names_and_category_lead_to_the_kind(cluster, namespace, kind):
    cluster.kubectl("get", kind.short_name, "-n", namespace)
    resources = cluster.kubectl("api-resources", "--categories=homeostat", "-o", "name")
    assert f"{kind.plural}.homeostat.dev" in resources


def explained(cluster: Cluster, path: str) -> str:
    return " ".join(cluster.kubectl("explain", path).split())


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("serviceintent", "What a service must deliver: measurable promises about workloads"),
        ("serviceintent.spec.expectations", "How the observed value must compare."),
        ("serviceintent.spec.expectations.sustain", "Looks that must breach. Default: 3."),
        ("remediationpolicy.spec", "Shadow records what would have been done; Live does it. Default: Shadow."),
        ("remediation.status.operations", "Value that is written, never relative."),
        ("telemetrysource.spec", "Base address of the Prometheus query API, without user or password."),
    ],
)
def test_kubectl_explain_reads_like_documentation(cluster, path, sentence):
    assert sentence in explained(cluster, path)


@pytest.mark.parametrize(
    "kind",
    ["serviceintent", "remediationpolicy", "remediation", "telemetrysource", "maintenancewindow", "autonomyceiling"],
)
def test_kubectl_explain_names_every_field(cluster, kind):
    told = cluster.kubectl("explain", f"{kind}.spec", "--recursive")
    assert "FIELDS:" in told
    assert "<no description>" not in told


def test_the_smallest_useful_pair_is_taken_and_filled_with_safe_defaults(cluster, namespace):
    for kind, content in (("ServiceIntent", INTENT), ("RemediationPolicy", POLICY)):
        cluster.kubectl("create", "-f", "-", stdin=document(kind, namespace, content))
    policy = json.loads(cluster.kubectl("get", "rp", "call-setup", "-n", namespace, "-o", "json"))["spec"]
    assert policy["mode"] == "Shadow"
    assert policy["autonomyLevel"] == 3
    assert policy["boundaries"] == {}
    assert policy["guardrails"]["cooldown"] == "5m"
    intent = json.loads(cluster.kubectl("get", "si", "call-setup", "-n", namespace, "-o", "json"))["spec"]
    assert intent["expectations"][0]["sustain"] == {"breaches": 3, "of": 5}
    assert intent["expectations"][0]["noData"] == "Hold"


def test_the_columns_tell_the_story(cluster, namespace):
    name = create_record(cluster, namespace)
    patch = json.dumps({"status": {"summary": "scale Deployment/pcscf 2 -> 3: Effective"}})
    path = ("patch", "rem", name, "-n", namespace, "--subresource=status", "--type=merge", "-p", patch)
    cluster.kubectl(*path, user=OPERATOR)
    header, row = cluster.kubectl("get", "rem", "-n", namespace).splitlines()
    assert header.split() == ["NAME", "INTENT", "PHASE", "OUTCOME", "SUMMARY", "AGE"]
    assert row.split()[:4] == [name, "call-setup", "Succeeded", "Effective"]
    assert "scale Deployment/pcscf 2 -> 3: Effective" in row


def test_a_name_that_a_record_could_not_carry_is_refused(cluster, namespace):
    long = "x" * 53
    for kind, content in (("ServiceIntent", INTENT), ("RemediationPolicy", POLICY)):
        told = refusal(cluster, "create", "-f", "-", stdin=document(kind, namespace, content, long))
        assert "longer than 52 characters" in told


def document(kind: str, namespace: str, content: dict[str, Any], name: str = "call-setup") -> str:
    body = {
        "apiVersion": "homeostat.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": content,
    }
    return json.dumps(body)


WRITTEN_ONCE = [
    ("mode", "Shadow"),
    ("why", "another story"),
    ("evidence", []),
    ("trigger", {"name": "other", "expectation": "setup-success"}),
    ("episode", {"number": 9, "since": "2026-11-02T12:01:03.412Z", "digest": "0"}),
    ("plan", None),
    ("owner", None),
    ("terms", {**json.loads(manifest("x"))["spec"]["terms"], "guardrails": {"cooldown": "1s"}}),
]


@pytest.mark.parametrize(("field", "value"), WRITTEN_ONCE, ids=[field for field, _ in WRITTEN_ONCE])
def test_a_record_is_written_once(cluster, namespace, field, value):
    name = create_record(cluster, namespace)
    patch = json.dumps({"spec": {field: value}})
    told = refusal(cluster, "patch", "rem", name, "-n", namespace, "--type=merge", "-p", patch)
    assert f"spec.{field}" in told
    assert "is written once" in told


def test_a_field_that_was_left_out_cannot_come_later(cluster, namespace):
    bare = spec(plan=None)
    cluster.kubectl("create", "-f", "-", stdin=manifest(namespace, bare), user=OPERATOR)
    plan = json.loads(manifest(namespace))["spec"]["plan"]
    name = json.loads(manifest(namespace, bare))["metadata"]["name"]
    patch = json.dumps({"spec": {"plan": plan}})
    assert "plan is written once" in refusal(
        cluster, "patch", "rem", name, "-n", namespace, "--type=merge", "-p", patch
    )


def test_the_checked_in_definitions_apply_with_kubectl_alone(cluster):
    kubectl = ["apply", "--server-side", "--dry-run=server", "--force-conflicts", "-f", "crds/"]
    assert cluster.kubectl(*kubectl).count("serverside-applied") == len(KINDS)
