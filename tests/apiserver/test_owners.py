"""Who else sets what an act would change, found on a real API server whose managedFields real writers filled."""

import json
from typing import Any

import pytest

from hack.cluster import Cluster
from homeostat.cluster.client import ApiCluster
from homeostat.cluster.identity import identity_of
from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.target import Target
from homeostat.flow.facts import Owner, Ownership
from homeostat.flow.resources import Body
from homeostat.observe.owners import KubernetesOwners
from tests.apiserver import foreign_kinds
from tests.contract.cases.case import workload
from tests.contract.cases.patch import AUTOSCALER, HTTP_ROUTE

DEPLOYMENT = ("apps/v1", "Deployment", "pcscf")
TUNING = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "tuning"},
    "data": {"tuning.yaml": "a: 1\n", "other.yaml": "b: 1\n"},
}


@pytest.fixture(scope="module", autouse=True)
def _foreign_kinds(cluster: Cluster) -> None:
    foreign_kinds.install(cluster)


class Bench:
    def __init__(self, cluster: Cluster, api: ApiCluster, namespace: str) -> None:
        self.cluster, self.api, self.namespace = cluster, api, namespace

    def create(self, *bodies: dict[str, Any]) -> None:
        for body in bodies:
            self.cluster.kubectl("create", "-n", self.namespace, "-f", "-", stdin=json.dumps(body))

    def apply(self, body: dict[str, Any], manager: str) -> None:
        """Server-side apply under a field manager's name, as the tools do."""
        options = ("--server-side", "--force-conflicts", f"--field-manager={manager}")
        self.cluster.kubectl("apply", "-n", self.namespace, *options, "-f", "-", stdin=json.dumps(body))

    async def get(self, api_version: str, kind: str, name: str) -> Body:
        return await self.api.get(api_version, kind, self.namespace, name)

    async def ownership(
        self,
        action: ActionType = ActionType.SCALE,
        field: str = "spec.replicas",
        changed: tuple[str, str, str] = DEPLOYMENT,
        api: ApiCluster | None = None,
        *,
        workload_is: tuple[str, str, str] = DEPLOYMENT,
        reload: str = "Restart",
    ) -> Ownership:
        api_version, kind, name = workload_is
        ref = {"apiVersion": api_version, "kind": kind, "name": name}
        hot = {"configReload": "Hot", "hotReload": {"port": 80}} if reload == "Hot" else {}
        target = Target.model_validate({"name": "pcscf", "ref": ref, **hot})
        identity = identity_of(await self.get(*changed))
        return await KubernetesOwners(api or self.api).of(self.namespace, action, identity, field, target)

    async def owners(self, *args: Any, **more: Any) -> tuple[Owner, ...]:
        found = await self.ownership(*args, **more)
        assert not found.unknown, found.unknown
        return found.owners


@pytest.fixture
def bench(cluster: Cluster, api: ApiCluster, namespace: str) -> Bench:
    return Bench(cluster, api, namespace)


def names(owners: tuple[Owner, ...]) -> list[str]:
    return [owner.name for owner in owners if not owner.is_person]


def named(body: dict[str, Any], name: str, **metadata: Any) -> dict[str, Any]:
    return {**body, "metadata": {"name": name, **metadata}}


def stating(replicas: int | None, **metadata: Any) -> dict[str, Any]:
    """The Deployment as a manifest has it, with or without replicas."""
    body = workload("Deployment", "pcscf")
    if replicas is None:
        del body["spec"]["replicas"]
    return {**body, "metadata": {"name": "pcscf", **metadata}}


async def test_an_autoscaler_cannot_be_overruled_and_names_its_knobs(bench: Bench) -> None:
    another = {**AUTOSCALER["spec"], "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "other"}}
    bench.create(stating(2), AUTOSCALER, {**named(AUTOSCALER, "other"), "spec": another})

    found = await bench.owners()

    assert names(found) == ["HorizontalPodAutoscaler/pcscf scales Deployment/pcscf"]
    owner = next(owner for owner in found if not owner.is_person)
    assert owner.managers == ()
    assert "patches its spec.minReplicas or spec.maxReplicas" in owner.advice


async def test_the_scaled_object_stands_for_the_autoscaler_that_keda_made(bench: Bench) -> None:
    scaled_object = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "calls"},
        "spec": {"scaleTargetRef": {"name": "pcscf"}, "minReplicaCount": 1, "maxReplicaCount": 6},
    }
    bench.create(stating(2), scaled_object)
    uid = (await bench.get("keda.sh/v1alpha1", "ScaledObject", "calls"))["metadata"]["uid"]
    reference = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "calls", "uid": uid}
    bench.create(named(AUTOSCALER, "keda-hpa-calls", ownerReferences=[{**reference, "controller": True}]))

    found = await bench.owners()
    of_the_autoscaler = await bench.owners(
        ActionType.PATCH, "/spec/minReplicas", ("autoscaling/v2", "HorizontalPodAutoscaler", "keda-hpa-calls")
    )

    assert names(found) == ["ScaledObject/calls scales Deployment/pcscf"]
    assert names(of_the_autoscaler) == ["ScaledObject/calls controls HorizontalPodAutoscaler/keda-hpa-calls"]
    assert "spec.minReplicaCount" in of_the_autoscaler[0].advice


async def test_a_rollout_that_runs_the_deployment_is_the_one_to_act_on(bench: Bench) -> None:
    rollout = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "pcscf"},
        "spec": {"replicas": 2, "workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pcscf"}},
    }
    bench.create(stating(2), rollout, TUNING)

    assert names(await bench.owners()) == ["Rollout/pcscf runs the pods of Deployment/pcscf"]
    edit = (ActionType.RECONFIGURE, "data[tuning.yaml]/a", ("v1", "ConfigMap", "tuning"))
    for action in (edit, (ActionType.RESTART, "spec.template"), (ActionType.ROLLBACK, "spec.template")):
        assert names(await bench.owners(*action)) == ["Rollout/pcscf runs the pods of Deployment/pcscf"]
    assert names(await bench.owners(*edit, reload="Hot")) == []
    itself = ("argoproj.io/v1alpha1", "Rollout", "pcscf")
    assert names(await bench.owners(changed=itself, workload_is=itself)) == []


RESOURCES = "spec.template.spec.containers[main].resources"


@pytest.mark.parametrize(
    ("policy", "owned"),
    [({}, True), ({"updatePolicy": {"updateMode": "Initial"}}, True), ({"updatePolicy": {"updateMode": "Off"}}, False)],
)
async def test_a_vertical_autoscaler_owns_the_resources_unless_it_is_off(
    bench: Bench, policy: dict[str, Any], owned: bool
) -> None:
    spec = {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pcscf"}, **policy}
    body = {"apiVersion": "autoscaling.k8s.io/v1", "kind": "VerticalPodAutoscaler", "metadata": {"name": "edge"}}
    bench.create(stating(2), {**body, "spec": spec})

    for field in (RESOURCES, "spec.containers[main].resources"):
        found = names(await bench.owners(ActionType.RESIZE, field))
        assert found == (["VerticalPodAutoscaler/edge sets the resources of Deployment/pcscf"] if owned else [])
    assert names(await bench.owners()) == []


async def test_the_template_has_owners_of_its_own(bench: Bench) -> None:
    bench.create(stating(2))
    container = {"name": "main", "resources": {"limits": {"cpu": "1"}}}
    template = {"spec": {"template": {"spec": {"containers": [container]}}}}
    bench.apply({**named(stating(None), "pcscf"), **template}, "kustomize-controller")

    assert names(await bench.owners(ActionType.RESIZE, RESOURCES)) == ["Flux Kustomization sets it"]
    assert names(await bench.owners(ActionType.RESIZE, "spec.containers[main].resources")) == []
    assert names(await bench.owners(ActionType.ROLLBACK, "spec.template")) == ["Flux Kustomization sets it"]
    assert names(await bench.owners()) == []


ARGO_CD = {"annotations": {"argocd.argoproj.io/tracking-id": "ims:apps/Deployment:ims/pcscf"}}
OLD_ARGO_CD = {"labels": {"app.kubernetes.io/instance": "ims"}}
HELM = {
    "labels": {"app.kubernetes.io/managed-by": "Helm"},
    "annotations": {"meta.helm.sh/release-name": "edge", "meta.helm.sh/release-namespace": "ims"},
}
KUSTOMIZATION = {
    "labels": {"kustomize.toolkit.fluxcd.io/name": "edge", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
}
HELM_RELEASE = {"labels": {"helm.toolkit.fluxcd.io/name": "edge", "helm.toolkit.fluxcd.io/namespace": "ims"}}


@pytest.mark.parametrize(
    ("manager", "marks", "name"),
    [
        ("argocd-controller", ARGO_CD, "Argo CD application ims sets it"),
        ("argocd-controller", OLD_ARGO_CD, "Argo CD application ims sets it"),
        ("helm", HELM, "Helm release ims/edge sets it"),
        ("kustomize-controller", KUSTOMIZATION, "Flux Kustomization flux-system/edge sets it"),
        ("helm-controller", HELM_RELEASE, "Flux HelmRelease ims/edge sets it"),
        ("configsync", {}, "Config Sync sets it"),
        ("terraform", {}, "the field manager terraform sets it"),
    ],
)
async def test_a_tool_counts_by_the_fields_that_it_states(
    bench: Bench, manager: str, marks: dict[str, Any], name: str
) -> None:
    bench.apply(stating(2, **marks), manager)
    (owner,) = await bench.owners()
    assert (owner.name, owner.managers, owner.is_person) == (name, (manager,), False)
    assert manager in owner.advice

    bench.apply(stating(None, **marks), manager)
    assert await bench.owners() == ()


@pytest.mark.parametrize("action", ["create", "apply", "scale", "edit"])
async def test_who_wrote_by_kubectl_is_a_person(bench: Bench, action: str) -> None:
    options = ["apply", "-n", bench.namespace] if action == "apply" else ["create", "-n", bench.namespace]
    bench.cluster.kubectl(*options, "-f", "-", stdin=json.dumps(stating(2)))
    if action == "scale":
        bench.cluster.kubectl("scale", "-n", bench.namespace, "deployment/pcscf", "--replicas=3")
    if action == "edit":
        patch = ("--type=merge", "--field-manager=kubectl-edit", "-p", '{"spec":{"replicas":3}}')
        bench.cluster.kubectl("patch", "-n", bench.namespace, "deployment/pcscf", *patch)

    found = await bench.ownership()

    assert [owner.is_person for owner in found.owners] == [True]
    assert found.written_by.startswith("kubectl")
    assert found.owners[0].managers == (found.written_by,)


async def test_who_controls_the_workload_is_to_be_acted_on(bench: Bench) -> None:
    function = {
        "apiVersion": "workload.nephio.org/v1alpha1",
        "kind": "NFDeployment",
        "metadata": {"name": "amf"},
        "spec": {"provider": "amf.example.org", "capacity": {"maxSessions": 1000}},
    }
    bench.create(function)
    uid = (await bench.get("workload.nephio.org/v1alpha1", "NFDeployment", "amf"))["metadata"]["uid"]
    reference = {"apiVersion": function["apiVersion"], "kind": "NFDeployment", "name": "amf", "uid": uid}
    owned = stating(None, ownerReferences=[{**reference, "controller": True}])
    bench.apply(owned, "amf-operator")
    bench.create(TUNING)

    (owner,) = await bench.owners()
    edit = await bench.owners(ActionType.RECONFIGURE, "data[tuning.yaml]/a", ("v1", "ConfigMap", "tuning"))

    assert owner.name == "NFDeployment/amf controls Deployment/pcscf"
    assert owner.managers == ("amf-operator",)
    assert "patch spec.capacity of NFDeployment/amf" in owner.advice
    assert names(edit) == ["NFDeployment/amf controls Deployment/pcscf"]
    assert await bench.owners(ActionType.RESTART, "spec.template") == (owner,)
    assert await bench.owners(ActionType.EVICT, "") == ()


@pytest.mark.parametrize("controls", [True, False])
async def test_a_config_map_that_a_controller_made_is_its(bench: Bench, controls: bool) -> None:
    bench.create(stating(2))
    made_by = identity_of(await bench.get(*DEPLOYMENT))
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pcscf", "uid": made_by.uid, "controller": controls}
    bench.create(named(TUNING, "tuning", ownerReferences=[owner]))

    found = await bench.owners(ActionType.RECONFIGURE, "data[tuning.yaml]/a", ("v1", "ConfigMap", "tuning"))

    assert names(found) == (["Deployment/pcscf controls ConfigMap/tuning"] if controls else [])


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("/metadata/annotations/example.com~1rate", ["the field manager terraform sets it"]),
        ("/metadata/annotations/example.com~1other", []),
        ("the rate", []),
    ],
)
async def test_what_an_extension_names_by_its_path_has_owners(bench: Bench, field: str, expected: list[str]) -> None:
    bench.apply(stating(None, annotations={"example.com/rate": "1"}), "terraform")

    assert names(await bench.owners(ActionType.EXTENSION, field)) == expected


async def test_a_key_of_a_config_map_has_owners_of_its_own(bench: Bench) -> None:
    bench.create(stating(2))
    bench.apply(named({**TUNING, "data": {"tuning.yaml": "a: 1\n"}}, "tuning"), "helm")
    bench.apply(named({**TUNING, "data": {"other.yaml": "b: 1\n"}}, "tuning"), "terraform")
    changed = ("v1", "ConfigMap", "tuning")

    of_tuning = await bench.owners(ActionType.RECONFIGURE, "data[tuning.yaml]/a", changed)
    of_other = await bench.owners(ActionType.RECONFIGURE, "data[other.yaml]/b", changed)

    assert [owner.managers for owner in of_tuning] == [("helm",)]
    assert [owner.managers for owner in of_other] == [("terraform",)]


async def test_who_holds_a_list_that_cannot_be_divided_holds_each_field_of_it(bench: Bench) -> None:
    bench.create(stating(2))
    bench.apply(HTTP_ROUTE, "argocd-controller")
    field = "/spec/rules/0/backendRefs/[name=v2]/weight"

    (owner,) = await bench.owners(ActionType.PATCH, field, ("gateway.networking.k8s.io/v1", "HTTPRoute", "portal"))

    assert owner.managers == ("argocd-controller",)


async def test_of_a_list_with_keys_each_item_has_its_owners(bench: Bench) -> None:
    ports = [{"name": "sip", "port": 5060, "protocol": "UDP", "targetPort": 5060}]
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "pcscf"}, "spec": {"ports": ports}}
    bench.create(stating(2))
    bench.apply(service, "helm")
    more = [{"name": "tls", "port": 5061, "protocol": "TCP", "targetPort": 5061}]
    bench.apply({**service, "spec": {"ports": more}}, "terraform")
    changed = ("v1", "Service", "pcscf")

    of_sip = await bench.owners(ActionType.PATCH, "/spec/ports/[name=sip]/targetPort", changed)
    assert [owner.managers for owner in of_sip] == [("helm",)]
    of_tls = await bench.owners(ActionType.PATCH, "/spec/ports/[name=tls]/targetPort", changed)
    assert [owner.managers for owner in of_tls] == [("terraform",)]


async def test_a_field_that_nobody_holds_has_no_owner(bench: Bench) -> None:
    body = named(AUTOSCALER, "pcscf")
    bench.create(stating(2))
    bench.apply({**body, "spec": {k: v for k, v in body["spec"].items() if k != "minReplicas"}}, "helm")
    changed = ("autoscaling/v2", "HorizontalPodAutoscaler", "pcscf")

    found = await bench.ownership(ActionType.PATCH, "/spec/minReplicas", changed)

    assert (await bench.get(*changed))["spec"]["minReplicas"] == 1, "the API server's default, which nobody states"
    assert found == Ownership()


async def test_an_object_that_hides_its_managers_has_unknown_owners(bench: Bench) -> None:
    bench.create(stating(2))
    patch = ("--type=merge", "-p", '{"metadata":{"managedFields":[{}]}}')
    bench.cluster.kubectl("patch", "-n", bench.namespace, "deployment/pcscf", *patch)

    assert "does not say who manages its fields" in (await bench.ownership()).unknown


async def test_what_may_not_be_listed_makes_the_owners_unknown(bench: Bench, connect: Any) -> None:
    bench.create(stating(2))
    rule = ("--verb=get,list", "--resource=deployments.apps")
    bench.cluster.kubectl("create", "role", "half", "-n", bench.namespace, *rule)
    user = f"half-blind-{bench.namespace}"
    bench.cluster.kubectl("create", "rolebinding", "half", "-n", bench.namespace, "--role=half", f"--user={user}")

    found = await bench.ownership(api=await connect(user))

    assert "horizontalpodautoscalers" in found.unknown
    assert "grant the operator's account get and list" in found.unknown


async def test_the_replicas_of_a_custom_resource_are_found_where_its_scale_writes_them(bench: Bench) -> None:
    rollout = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "pcscf"},
        "spec": {"replicas": 2},
    }
    itself = ("argoproj.io/v1alpha1", "Rollout", "pcscf")
    bench.apply(rollout, "helm")
    (owner,) = await bench.owners(changed=itself, workload_is=itself)
    assert owner.managers == ("helm",)

    bench.cluster.kubectl("scale", "-n", bench.namespace, "rollout/pcscf", "--replicas=3")
    (owner,) = await bench.owners(changed=itself, workload_is=itself)
    assert owner.is_person
