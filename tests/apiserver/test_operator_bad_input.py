"""Bad input against the running operator: said at the field, nothing else disturbed, the last good version in force."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hack.cluster import Cluster
from hack.cluster.processes import wait_until
from tests.contract.cases.case import NOWHERE

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "pcscf"},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "pcscf"}},
        "template": {
            "metadata": {"labels": {"app": "pcscf"}},
            "spec": {"nodeSelector": NOWHERE, "containers": [{"name": "kamailio", "image": "localhost/none"}]},
        },
    },
}
TUNING = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "tuning"},
    "data": {"good.yaml": "limits:\n  invites: 400\n", "bad.yaml": "limits: [1\n", "list.yaml": "limits: {a: [1]}\n"},
}


def target(name: str, kind: str = "Deployment", api_version: str = "apps/v1", target: str = "edge") -> dict[str, Any]:
    return {"name": target, "ref": {"apiVersion": api_version, "kind": kind, "name": name}}


def intent(name: str, query: str = "up", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "homeostat.dev/v1alpha1",
        "kind": "ServiceIntent",
        "metadata": {"name": name},
        "spec": {
            "observationPeriod": "1s",
            "targets": [target("pcscf")],
            "expectations": [{"name": "kept", "query": query, "condition": "IsLessThan", "value": "1"}],
        }
        | spec,
    }


def policy(name: str, action: dict[str, Any], intent: str = "good", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "homeostat.dev/v1alpha1",
        "kind": "RemediationPolicy",
        "metadata": {"name": name},
        "spec": {
            "intentSelector": {"matchNames": [intent]},
            "triggers": [{"name": "broken", "expectation": "kept"}],
            "steps": [{"name": "mend", "action": action}],
        }
        | spec,
    }


def reconfigure(key: str, path: str, config_map: str = "tuning") -> dict[str, Any]:
    change = {"path": path, "value": "500"}
    return {"reconfigure": {"target": "edge", "configMap": config_map, "key": key, "set": change}}


Apply = Callable[[dict[str, Any]], None]
Status = Callable[[str, str], dict[str, Any]]


pytestmark = pytest.mark.usefixtures("crds", "operator")


@pytest.fixture(scope="module")
def operator(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One operator for the module; it watches every namespace."""
    log = tmp_path_factory.mktemp("operator") / "operator.log"
    settings = {"HOMEOSTAT_READINESS_EVERY": "2s", "HOMEOSTAT_HEALTH_HOST": "127.0.0.1", "HOMEOSTAT_HEALTH_PORT": "0"}
    command = [sys.executable, "-m", "homeostat", "run", "--kubeconfig", str(cluster.kubeconfig)]
    command += ["--prometheus-url", "http://127.0.0.1:9"]
    with log.open("w") as output:
        process = subprocess.Popen(command, env=os.environ | settings, stderr=output)
        try:
            wait_until(lambda: "are served on port" in log.read_text(), "the operator answers probes", 60)
            yield
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture
def apply(cluster: Cluster, namespace: str) -> Apply:
    def put(body: dict[str, Any]) -> None:
        cluster.kubectl("apply", "--namespace", namespace, "--filename", "-", stdin=json.dumps(body))

    put(DEPLOYMENT)
    put(TUNING)
    put(intent("good"))
    return put


@pytest.fixture
def status(cluster: Cluster, namespace: str) -> Status:
    def read(kind: str, name: str) -> dict[str, Any]:
        body = json.loads(cluster.kubectl("get", kind, name, "--namespace", namespace, "--output", "json"))
        return dict(body.get("status", {}))

    return read


def ready(status: dict[str, Any]) -> dict[str, Any]:
    return next((c for c in status.get("conditions", []) if c["type"] == "Ready"), {})


def events(cluster: Cluster, namespace: str, kind: str, name: str) -> list[tuple[str, str]]:
    listed = json.loads(cluster.kubectl("get", "events.events.k8s.io", "--namespace", namespace, "--output", "json"))
    about = [e for e in listed["items"] if (e["regarding"]["kind"], e["regarding"]["name"]) == (kind, name)]
    return [(e["reason"], e["type"]) for e in about]


BAD_INTENTS = [
    pytest.param({"query": "sum(rate(up[5m])"}, "InvalidQuery", "spec.expectations", id="invalid PromQL"),
    pytest.param({"query": "rate(up)"}, "InvalidQuery", "spec.expectations", id="PromQL of the wrong type"),
    pytest.param(
        {"telemetrySourceRef": {"name": "nowhere"}}, "UnknownTelemetrySource", "nowhere", id="unknown telemetry source"
    ),
    pytest.param({"targets": [target("gone")]}, "TargetNotFound", "gone", id="missing target"),
]


@pytest.mark.parametrize(("wrong", "reason", "said"), BAD_INTENTS)
def test_a_bad_intent_says_why_and_the_last_good_one_stays_in_force(
    cluster: Cluster, namespace: str, apply: Apply, status: Status, wrong: dict[str, Any], reason: str, said: str
):
    apply(intent("edited"))
    wait_until(lambda: ready(status("si", "edited")).get("reason") == "Evaluating", "it is told", 30)
    apply(intent("edited", **wrong))
    wait_until(lambda: ready(status("si", "edited")).get("reason") == reason, "it is told", 30)
    told = ready(status("si", "edited"))
    assert told["status"] == "False"
    assert said in told["message"]
    assert told["observedGeneration"] == 2
    assert "last good version stays in force" in told["message"]
    assert status("si", "edited")["expectations"], "the version before is still evaluated"
    wait_until(lambda: (reason, "Warning") in events(cluster, namespace, "ServiceIntent", "edited"), "it is told", 30)
    assert ready(status("si", "good"))["reason"] == "Evaluating"


BAD_POLICIES = [
    pytest.param(reconfigure("good.yaml", "/limits/nothing"), "PathNotFound", id="YAML path that does not exist"),
    pytest.param(reconfigure("bad.yaml", "/limits"), "KeyIsNotYaml", id="key that is not YAML"),
    pytest.param(reconfigure("list.yaml", "/limits/a"), "NotAScalar", id="path that is no scalar"),
    pytest.param(reconfigure("none.yaml", "/limits"), "KeyNotFound", id="missing key"),
    pytest.param(reconfigure("good.yaml", "/limits/invites", "none"), "ConfigMapNotFound", id="missing ConfigMap"),
    pytest.param({"scale": {"target": "other", "by": "+1"}}, "TargetNotFound", id="target that no intent has"),
]


@pytest.mark.parametrize(("action", "reason"), BAD_POLICIES)
def test_a_bad_policy_says_why(
    cluster: Cluster, namespace: str, apply: Apply, status: Status, action: dict[str, Any], reason: str
):
    apply(policy("mended", action))
    wait_until(lambda: ready(status("rp", "mended")).get("reason") == reason, "it is told", 30)
    told = ready(status("rp", "mended"))
    assert told["status"] == "False"
    assert "mend" in told["message"]
    told_to = ("RemediationPolicy", "mended")
    wait_until(lambda: (reason, "Warning") in events(cluster, namespace, *told_to), "an Event tells it", 30)


def test_a_target_without_scale_is_told(apply: Apply, status: Status):
    apply(intent("unscalable", targets=[target("tuning", "ConfigMap", "v1")]))
    apply(policy("grow", {"scale": {"target": "edge", "by": "+1"}}, intent="unscalable"))
    wait_until(lambda: ready(status("rp", "grow")).get("reason") == "NotScalable", "it is told", 30)


def test_a_verification_too_short_for_the_data_is_told(apply: Apply, status: Status):
    coarse = {"name": "kept", "query": "up", "condition": "IsLessThan", "value": "1", "granularity": "2s"}
    apply(intent("coarse", expectations=[coarse]))
    short = {"stabilization": "3s", "deadline": "1m"}
    apply(policy("hasty", {"scale": {"target": "edge", "by": "+1"}}, intent="coarse", verification=short))
    wait_until(lambda: ready(status("rp", "hasty")).get("reason") == "TooShortToSee", "it is told", 30)


def test_a_corrected_policy_comes_into_force(apply: Apply, status: Status):
    apply(policy("mended", reconfigure("good.yaml", "/limits/nothing")))
    wait_until(lambda: ready(status("rp", "mended")).get("status") == "False", "it is told", 30)
    apply(policy("mended", reconfigure("good.yaml", "/limits/invites")))
    wait_until(lambda: ready(status("rp", "mended")).get("status") == "True", "it is told", 30)


def test_a_trigger_that_matches_nothing_is_told(apply: Apply, status: Status):
    trigger = [{"name": "broken", "expectation": "nothing-of-the-kind"}]
    apply(policy("idle", {"scale": {"target": "edge", "by": "+1"}}, triggers=trigger))
    wait_until(lambda: status("rp", "idle").get("unmatchedTriggers") == ["broken"], "it is told", 30)


@pytest.mark.usefixtures("apply")
def test_the_operator_writes_no_finalizer_and_no_annotation(cluster: Cluster, namespace: str, status: Status):
    wait_until(lambda: ready(status("si", "good")).get("reason") == "Evaluating", "it is told", 30)
    body = json.loads(cluster.kubectl("get", "si", "good", "--namespace", namespace, "--output", "json"))
    assert "finalizers" not in body["metadata"]
    assert set(body["metadata"]["annotations"]) == {"kubectl.kubernetes.io/last-applied-configuration"}
