"""The actions under contract: what each needs, what it changes, and how someone else changes the same."""

from dataclasses import dataclass
from typing import Any

import yaml

from homeostat.contracts.service_intent import Target
from homeostat.contracts.steps import Step
from homeostat.flow.facts import Body

GROUP = "contract.homeostat.dev"

SCALABLE_CRD: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"gateways.{GROUP}"},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"kind": "Gateway", "plural": "gateways", "singular": "gateway"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {"type": "object", "properties": {"size": {"type": "integer"}}},
                            "status": {"type": "object", "properties": {"size": {"type": "integer"}}},
                        },
                    }
                },
                "subresources": {
                    "status": {},
                    "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"},
                },
            }
        ],
    },
}

TUNING = """\
# Tuning of the edge
limits:
  invitesPerSecond: 50   # per instance
  burst: 'small'
"""


def pod_template(name: str) -> dict[str, Any]:
    return {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "main", "image": "localhost/none:1"}]},
    }


def workload(kind: str, name: str, replicas: int = 2) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": name}},
        "template": pod_template(name),
    }
    if kind == "StatefulSet":
        spec["serviceName"] = name
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


@dataclass(frozen=True)
class ActionCase:
    """One action on one kind of object."""

    name: str
    objects: tuple[dict[str, Any], ...]
    step: Step
    target: Target
    acted: tuple[str, str, str]
    before: str
    intended: str
    meddling: dict[str, Any]
    meddled: str
    missing: str

    def value(self, body: Body) -> str:
        """The value in question, as the API server has it."""
        if body["kind"] == "ConfigMap":
            return str(yaml.safe_load(body["data"]["tuning.yaml"])["limits"]["invitesPerSecond"])
        return str(body["spec"].get("replicas", body["spec"].get("size")))

    @property
    def subject(self) -> dict[str, Any]:
        """The object that is changed."""
        return next(o for o in self.objects if o["kind"] == self.acted[1])


def _scale_case(kind: str, body: dict[str, Any], meddling: dict[str, Any]) -> ActionCase:
    ref = {"apiVersion": body["apiVersion"], "kind": kind, "name": "pcscf"}
    return ActionCase(
        name=f"scale-{kind.lower()}",
        objects=(body,),
        step=Step.model_validate(
            {"name": "add-capacity", "action": {"scale": {"target": "pcscf", "by": "+50%", "max": 6}}}
        ),
        target=Target.model_validate({"name": "pcscf", "ref": ref}),
        acted=(body["apiVersion"], kind, "pcscf"),
        before="2",
        intended="3",
        meddling=meddling,
        meddled="5",
        missing="TargetNotFound",
    )


_GATEWAY = {"apiVersion": f"{GROUP}/v1", "kind": "Gateway", "metadata": {"name": "pcscf"}, "spec": {"size": 2}}
_REPLICAS = {"spec": {"replicas": 5}}

CASES = (
    _scale_case("Deployment", workload("Deployment", "pcscf"), _REPLICAS),
    _scale_case("StatefulSet", workload("StatefulSet", "pcscf"), _REPLICAS),
    _scale_case("Gateway", _GATEWAY, {"spec": {"size": 5}}),
    ActionCase(
        name="reconfigure-restart",
        objects=(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "pcscf-tuning"},
                "data": {"tuning.yaml": TUNING, "other.txt": "untouched"},
            },
            workload("Deployment", "pcscf"),
        ),
        step=Step.model_validate(
            {
                "name": "raise-limit",
                "action": {
                    "reconfigure": {
                        "target": "pcscf",
                        "configMap": "pcscf-tuning",
                        "key": "tuning.yaml",
                        "set": {"path": "/limits/invitesPerSecond", "value": "500"},
                    }
                },
            }
        ),
        target=Target.model_validate(
            {"name": "pcscf", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pcscf"}}
        ),
        acted=("v1", "ConfigMap", "pcscf-tuning"),
        before="50",
        intended="500",
        meddling={"data": {"tuning.yaml": TUNING.replace("50 ", "70 ")}},
        meddled="70",
        missing="ConfigMapNotFound",
    ),
)
