"""What cannot be done is refused with a reason and a way out, and nothing is touched."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from hack.cluster import Cluster
from homeostat.act.registry import Registry, registry
from homeostat.cluster.client import ApiCluster
from homeostat.cluster.config_history import ControllerRevisionHistory, text_digest
from homeostat.contracts.steps import Step
from homeostat.contracts.target import Target
from homeostat.flow.facts import Occasion, Pod, Preview, Variables, Workload
from tests.contract.cases.case import pod_template, workload
from tests.contract.cases.reconfigure import JSON, LIST, PLAIN, TUNING
from tests.contract.stage import Measured
from tests.unit.decide.building import plan_of, terms


class Bench:
    def __init__(self, cluster: Cluster, api: ApiCluster, namespace: str) -> None:
        self.cluster, self.api, self.namespace = cluster, api, namespace
        self.history = ControllerRevisionHistory(api)
        self.registry: Registry = registry(api, self.history, Measured({}))

    def create(self, body: dict[str, Any]) -> None:
        self.cluster.kubectl("create", "--namespace", self.namespace, "--filename", "-", stdin=json.dumps(body))

    def config_map(self, text: str = TUNING, **more: Any) -> None:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "tuning"}, "data": {"k.yaml": text}}
        self.create(body | more)

    async def preview(
        self,
        action: dict[str, Any],
        kind: str = "Deployment",
        reload: str = "Restart",
        known: dict[str, Any] | None = None,
        **more: Any,
    ) -> Preview:
        step = Step.model_validate({"name": "s", "action": action})
        ref = {"apiVersion": "apps/v1", "kind": kind, "name": "pcscf"}
        target = Target.model_validate({"name": "pcscf", "ref": ref, "configReload": reload, **more})
        actuator = self.registry.actuator(step.action.type)
        return await actuator.preview(
            step, Occasion(self.namespace, target, Workload("pcscf", exists=True), **(known or {}))
        )

    async def reconfigure(
        self, key: str = "k.yaml", reload: str = "Restart", config_map: str = "tuning", **how: Any
    ) -> Preview:
        action = {"target": "pcscf", "configMap": config_map, "key": key, **how}
        return await self.preview({"reconfigure": action}, reload=reload)


@pytest.fixture
def bench(cluster: Cluster, api: ApiCluster, namespace: str) -> Bench:
    return Bench(cluster, api, namespace)


SET = {"path": "/limits/invitesPerSecond", "value": "500"}
SCALE = {"scale": {"target": "pcscf", "by": "+50%", "max": 2}}
RESTART = {"restart": {"target": "pcscf"}}


async def test_scaling_what_has_no_scale(bench: Bench) -> None:
    bench.create(workload("DaemonSet", "pcscf"))

    preview = await bench.preview(SCALE, kind="DaemonSet")

    assert preview.refused == "NotScalable"
    assert "no /scale" in preview.message


async def test_scaling_at_the_bound_is_done_already(bench: Bench) -> None:
    bench.create(workload("Deployment", "pcscf", replicas=2))

    preview = await bench.preview(SCALE)

    assert (preview.already, preview.message, preview.intended) == (True, "at max 2", "2")


async def test_what_says_that_it_does_not_scale(bench: Bench) -> None:
    bench.create(workload("Deployment", "pcscf"))

    preview = await bench.preview({"scale": {"target": "pcscf", "by": "+1"}}, scalability="None")

    assert preview.refused == "NotScalable"
    assert "scalability None" in preview.message


async def test_scaling_by_instances_always_asks_a_person(bench: Bench) -> None:
    bench.create(workload("Deployment", "pcscf"))

    preview = await bench.preview({"scale": {"target": "pcscf", "by": "+1"}}, scalability="Instance")

    assert preview.refused == ""
    assert "a person is asked" in preview.asks


NETWORKS = "k8s.v1.cni.cncf.io/networks"
NETWORK_CRD: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "network-attachment-definitions.k8s.cni.cncf.io"},
    "spec": {
        "group": "k8s.cni.cncf.io",
        "scope": "Namespaced",
        "names": {
            "plural": "network-attachment-definitions",
            "singular": "network-attachment-definition",
            "kind": "NetworkAttachmentDefinition",
        },
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {"spec": {"type": "object", "properties": {"config": {"type": "string"}}}},
                    }
                },
            }
        ],
    },
}


def network(name: str, ipam: str) -> dict[str, Any]:
    config = {"cniVersion": "0.3.1", "plugins": [{"type": "macvlan", "ipam": {"type": ipam}}, {"type": "tuning"}]}
    api_version = "k8s.cni.cncf.io/v1"
    body = {"apiVersion": api_version, "kind": "NetworkAttachmentDefinition", "metadata": {"name": name}}
    return {**body, "spec": {"config": json.dumps(config)}}


@pytest.mark.parametrize(
    ("annotation", "refused", "words"),
    [
        ('[{"name": "n3", "ips": ["10.3.0.2/24"]}]', "StaticAddresses", "fixes ips on the network n3"),
        ('[{"name": "pool"}, {"name": "n4", "mac": "02:23:45:67:89:01"}]', "StaticAddresses", "fixes mac"),
        ("pool,fixed@eth1", "StaticAddresses", "network fixed gives every pod the same"),
        ("pool, none-such", "", ""),
        ("", "", ""),
    ],
)
async def test_fixed_addresses_forbid_replicas(bench: Bench, annotation: str, refused: str, words: str) -> None:
    bench.cluster.kubectl("apply", "--filename", "-", stdin=json.dumps(NETWORK_CRD))
    bench.cluster.kubectl(
        "wait", "--for=condition=Established", "--timeout=30s", f"crd/{NETWORK_CRD['metadata']['name']}"
    )
    bench.create(network("pool", "whereabouts"))
    bench.create(network("fixed", "static"))
    body = workload("Deployment", "pcscf")
    body["spec"]["template"]["metadata"]["annotations"] = {NETWORKS: annotation}
    bench.create(body)

    preview = await bench.preview({"scale": {"target": "pcscf", "by": "+1"}})

    assert preview.refused == refused
    assert words in preview.message


async def test_a_share_of_nothing(bench: Bench) -> None:
    bench.create(workload("Deployment", "pcscf", replicas=0))

    assert (await bench.preview(SCALE)).refused == "NoReplicas"


async def test_scaling_to_a_number_that_is_not_known(bench: Bench) -> None:
    bench.create(workload("Deployment", "pcscf", replicas=2))

    preview = await bench.preview({"scale": {"target": "pcscf", "expression": "trigger.load / 50", "max": 6}})

    assert preview.refused == "ExpressionUnknown"
    assert preview.message == "trigger.load / 50 is not known: nothing was observed yet"


@pytest.mark.parametrize(
    ("load", "intended", "message"), [(101.0, "3", ""), (900.0, "6", "at max 6"), (10.0, "2", "at min 2")]
)
async def test_a_number_that_is_worked_out_is_rounded_up_and_kept_within_the_bounds(
    bench: Bench, load: float, intended: str, message: str
) -> None:
    bench.create(workload("Deployment", "pcscf", replicas=2))
    action = {"scale": {"target": "pcscf", "expression": "trigger.load / 50", "min": 2, "max": 6}}

    preview = await bench.preview(action, known={"variables": Variables({"trigger": {"load": load}})})

    assert (preview.intended, preview.message) == (intended, message)
    assert f"trigger.load is {load:g}" in preview.description


async def test_a_number_that_was_decided_stands_when_what_it_was_worked_out_from_moves(bench: Bench) -> None:
    bench.create(workload("Deployment", "pcscf", replicas=2))
    action = {"scale": {"target": "pcscf", "expression": "trigger.load / 50", "max": 6}}

    preview = await bench.preview(action, known={"variables": Variables({"trigger": {"load": 290.0}}), "decided": "4"})

    assert (preview.before, preview.intended) == ("2", "4")


async def test_scaling_an_unknown_kind(bench: Bench) -> None:
    preview = await bench.preview(SCALE, kind="Nothing")

    assert preview.refused == "TargetNotFound"
    assert "check apiVersion and kind" in preview.message


@pytest.mark.parametrize(
    ("text", "key", "value", "reason"),
    [
        (TUNING, "none.yaml", SET, "KeyNotFound"),
        ("a: [1", "k.yaml", SET, "KeyIsNotYaml"),
        ("a: 1\n---\nb: 2\n", "k.yaml", SET, "KeyIsNotYaml"),
        (TUNING, "k.yaml", {**SET, "path": "/limits/none"}, "PathNotFound"),
        (TUNING, "k.yaml", {**SET, "path": "/limits"}, "NotAScalar"),
        (TUNING, "k.yaml", {**SET, "value": "[1, 2]"}, "NotAScalar"),
        ("limits: &a {invitesPerSecond: 1}\nb: *a\n", "k.yaml", SET, "AliasOrAnchor"),
        ("limits: {invitesPerSecond: 1, invitesPerSecond: 2}\n", "k.yaml", SET, "DuplicateKey"),
        ("limits: {invitesPerSecond: {{ .Values.rate }}}\n", "k.yaml", SET, "KeyIsTemplate"),
        ("limits: {invitesPerSecond: '${RATE}'}\n", "k.yaml", SET, "KeyIsTemplate"),
        ("{% if rate %}\n" + TUNING + "{% endif %}\n", "k.yaml", SET, "KeyIsTemplate"),
    ],
)
async def test_a_value_that_cannot_be_written(
    bench: Bench, text: str, key: str, value: dict[str, str], reason: str
) -> None:
    bench.create(workload("Deployment", "pcscf"))
    bench.config_map(text)

    preview = await bench.reconfigure(key=key, set=value)

    assert preview.refused == reason
    assert preview.message


@pytest.mark.parametrize(
    ("text", "change", "reason"),
    [
        (TUNING, {"format": "Json", "set": SET}, "KeyIsNotJson"),
        (JSON, {"format": "Json", "set": {**SET, "value": "many"}}, "NotAScalar"),
        ('{"limits": {"invitesPerSecond": {{ rate }}}}', {"format": "Json", "set": SET}, "KeyIsTemplate"),
        (PLAIN, {"format": "Text", "set": {"path": "none=<value>", "value": "1"}}, "PathNotFound"),
        (PLAIN * 2, {"format": "Text", "set": {"path": "children=<value> ", "value": "1"}}, "Ambiguous"),
        (PLAIN, {"format": "Text", "set": {"path": "children=<value>", "value": "1"}}, "NotAScalar"),
        (LIST, {"add": {"path": "/limits", "item": "x"}}, "NotAList"),
        (LIST, {"add": {"path": "/none", "item": "x"}}, "PathNotFound"),
        (LIST, {"remove": {"path": "/limits", "item": "x"}}, "NotAList"),
        ("peers: [a, a]\n", {"remove": {"path": "/peers", "item": "a"}}, "Ambiguous"),
        ("peers:\n- a\n", {"remove": {"path": "/peers", "item": "a"}}, "LastItem"),
        ("peers: {{ peers }}\n", {"add": {"path": "/peers", "item": "a"}}, "KeyIsTemplate"),
    ],
)
async def test_a_change_that_cannot_be_made(bench: Bench, text: str, change: dict[str, Any], reason: str) -> None:
    bench.create(workload("Deployment", "pcscf"))
    bench.config_map(text)

    preview = await bench.reconfigure(**change)

    assert preview.refused == reason
    assert preview.message


@pytest.mark.parametrize(
    ("text", "change"),
    [
        (LIST, {"add": {"path": "/peers", "item": "'10.0.0.1'"}}),
        (LIST, {"remove": {"path": "/peers", "item": "10.0.0.7"}}),
        (JSON, {"format": "Json", "add": {"path": "/peers", "item": '"10.0.0.1"'}}),
        (PLAIN, {"format": "Text", "set": {"path": "tcp_children=<value>", "value": "4"}}),
    ],
)
async def test_what_is_so_already(bench: Bench, text: str, change: dict[str, Any]) -> None:
    bench.create(workload("Deployment", "pcscf"))
    bench.config_map(text)

    preview = await bench.reconfigure(**change)

    assert (preview.already, preview.refused) == (True, "")
    assert preview.message.endswith("already")


@pytest.mark.parametrize(("name", "refused"), [("tuning-5g2h7m9kbt", "ConfigMapGenerated"), ("tuning-dispatcher", "")])
async def test_a_name_with_a_digest_of_the_content(bench: Bench, name: str, refused: str) -> None:
    bench.create(workload("Deployment", "pcscf"))
    bench.config_map(metadata={"name": name})

    preview = await bench.reconfigure(config_map=name, set=SET)

    assert preview.refused == refused
    assert ("disableNameSuffixHash" in preview.message) is bool(refused)


@pytest.mark.parametrize(("manager", "warns"), [("Helm", False), ("amf-operator", True)])
async def test_who_may_write_it_back_is_said(bench: Bench, manager: str, warns: bool) -> None:
    bench.create(workload("Deployment", "pcscf"))
    bench.config_map(metadata={"name": "tuning", "labels": {"app.kubernetes.io/managed-by": manager}})

    preview = await bench.reconfigure(set=SET)

    assert preview.refused == ""
    assert (f"{manager} manages it" in preview.description) is warns


async def test_binary_and_immutable_config_maps(bench: Bench) -> None:
    bench.create(workload("Deployment", "pcscf"))
    bench.config_map(immutable=True, binaryData={"b.bin": base64.b64encode(b"\xff").decode()})

    assert (await bench.reconfigure(set=SET)).refused == "ConfigMapImmutable"


async def test_a_binary_key(bench: Bench) -> None:
    bench.create(workload("Deployment", "pcscf"))
    bench.config_map(binaryData={"b.bin": base64.b64encode(b"\xff").decode()})

    preview = await bench.reconfigure(key="b.bin", set=SET)

    assert (preview.refused, "binary" in preview.message) == ("KeyNotFound", True)


async def test_a_workload_that_would_not_take_it_up(bench: Bench) -> None:
    bench.config_map()
    assert (await bench.reconfigure(set=SET)).refused == "TargetNotFound"
    body = workload("Deployment", "pcscf")
    body["spec"]["paused"] = True
    bench.create(body)

    assert (await bench.reconfigure(set=SET)).refused == "NotRestartable"
    assert (await bench.reconfigure(set=SET, reload="Hot")).refused == "HotReloadNotDescribed"
    assert (await bench.reconfigure(set=SET, reload="Annotation")).refused == "ReloadAnnotationNotNamed"


async def test_a_restart_waits_for_the_sessions_of_all_pods(bench: Bench) -> None:
    bench.create(workload("Deployment", "pcscf"))
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pcscf"}
    sessions = {"query": 'sum(calls{pod=~"$pods"})'}
    target = Target.model_validate({"name": "pcscf", "ref": ref, "sessions": sessions})
    step = Step.model_validate({"name": "s", "action": RESTART})
    actuator = bench.registry.actuator(step.action.type)

    def occasion(pods: int) -> Occasion:
        made = tuple(Pod(f"pcscf-{n}", f"u{n}", True, None, False, None) for n in range(pods))
        return Occasion(bench.namespace, target, Workload("pcscf", exists=True, pods=made))

    preview = await actuator.preview(step, occasion(2))
    plan = plan_of(step, preview, terms(step))

    (operation,) = await actuator.operations(plan, step, occasion(2), datetime.now(UTC))

    assert operation.ends == ["pcscf-0", "pcscf-1"]
    assert (await actuator.preview(step, occasion(17))).refused == "TooManyInstances"


@pytest.mark.parametrize(
    ("kind", "more", "reason", "says"),
    [
        ("Deployment", {"paused": True}, "NotRestartable", "resume it first"),
        ("StatefulSet", {"updateStrategy": {"type": "OnDelete"}}, "NotRestartable", "OnDelete"),
        ("ReplicaSet", {}, "NotRestartable", "no pod template that it rolls out"),
        ("Deployment", {"replicas": 0}, "NoReplicas", "nothing to restart"),
    ],
)
async def test_a_workload_that_cannot_be_restarted(
    bench: Bench, kind: str, more: dict[str, Any], reason: str, says: str
) -> None:
    assert (await bench.preview(RESTART, kind=kind)).refused == "TargetNotFound"
    body = workload(kind, "pcscf")
    body["spec"] |= more
    bench.create(body)

    preview = await bench.preview(RESTART, kind=kind)

    assert preview.refused == reason
    assert says in preview.message


async def test_the_present_value_is_done_already(bench: Bench) -> None:
    bench.create(workload("Deployment", "pcscf"))
    bench.config_map()

    preview = await bench.reconfigure(set={**SET, "value": "50"})

    assert (preview.already, preview.refused) == (True, "")


async def test_restoring_needs_a_content_that_is_known_to_work(bench: Bench) -> None:
    bench.create(workload("Deployment", "pcscf"))
    bench.config_map()
    restore = "/limits/invitesPerSecond"
    assert (await bench.reconfigure(restore=restore)).refused == "NoKnownGoodContent"
    await bench.history.note(bench.namespace, "tuning", "k.yaml", datetime.now(UTC))
    await bench.history.mark_good(bench.namespace, "tuning", "k.yaml", text_digest(TUNING))
    bad = {"data": {"k.yaml": TUNING.replace("50 ", "5 ")}}
    bench.cluster.kubectl("patch", "configmap", "tuning", "--namespace", bench.namespace, "--type=merge",
                          "--patch", json.dumps(bad))  # fmt: skip

    preview = await bench.reconfigure(restore=restore)

    assert (preview.before, preview.intended, preview.refused) == ("5", "50", "")
    assert preview.description.startswith("restore /limits/invitesPerSecond")


async def test_a_line_of_a_plain_text_is_restored_too(bench: Bench) -> None:
    bench.create(workload("Deployment", "pcscf"))
    bench.config_map(PLAIN)
    await bench.history.note(bench.namespace, "tuning", "k.yaml", datetime.now(UTC))
    await bench.history.mark_good(bench.namespace, "tuning", "k.yaml", text_digest(PLAIN))
    bad = {"data": {"k.yaml": PLAIN.replace("children=50", "children=2")}}
    bench.cluster.kubectl("patch", "configmap", "tuning", "--namespace", bench.namespace, "--type=merge",
                          "--patch", json.dumps(bad))  # fmt: skip

    preview = await bench.reconfigure(format="Text", restore="children=<value> ")

    assert (preview.before, preview.intended, preview.refused) == ("2", "50", "")
    assert preview.field == "data[k.yaml]:Text/children=<value> "


async def test_a_pod_template_is_all_a_custom_workload_needs(bench: Bench) -> None:
    bench.create(
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {"name": "pcscf"},
            "spec": {"selector": {"matchLabels": {"app": "pcscf"}}, "template": pod_template("pcscf")},
        }
    )

    preview = await bench.preview({"scale": {"target": "pcscf", "by": "+1"}}, kind="ReplicaSet")

    assert (preview.before, preview.intended) == ("1", "2")
