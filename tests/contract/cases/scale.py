"""Scaling a Deployment, a StatefulSet, and a custom resource that can be scaled."""

from typing import Any

from homeostat.contracts.steps import Step
from homeostat.contracts.target import Target
from homeostat.flow.facts import Variables
from homeostat.flow.resources import Body
from tests.contract.cases.case import ActionCase, workload

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


def _replicas(body: Body) -> str:
    return str(body["spec"].get("replicas", body["spec"].get("size")))


BY_HALF: dict[str, Any] = {"by": "+50%"}


def _scale_case(
    kind: str, body: dict[str, Any], meddling: dict[str, Any], how: dict[str, Any] = BY_HALF, suffix: str = ""
) -> ActionCase:
    ref = {"apiVersion": body["apiVersion"], "kind": kind, "name": "pcscf"}
    return ActionCase(
        name=f"scale-{kind.lower()}{suffix}",
        objects=(body,),
        step=Step.model_validate({"name": "add-capacity", "action": {"scale": {"target": "pcscf", **how, "max": 6}}}),
        target=Target.model_validate({"name": "pcscf", "ref": ref}),
        acted=(body["apiVersion"], kind, "pcscf"),
        before="2",
        intended="3",
        meddling=meddling,
        meddled="5",
        missing="TargetNotFound",
        value=_replicas,
        variables=Variables({"trigger": {"load": 129.5}}),
    )


_GATEWAY = {"apiVersion": f"{GROUP}/v1", "kind": "Gateway", "metadata": {"name": "pcscf"}, "spec": {"size": 2}}
_BY_LOAD = {"expression": "trigger.load / 50"}
_REPLICAS = {"spec": {"replicas": 5}}

CASES = (
    _scale_case("Deployment", workload("Deployment", "pcscf"), _REPLICAS),
    _scale_case("StatefulSet", workload("StatefulSet", "pcscf"), _REPLICAS),
    _scale_case("Gateway", _GATEWAY, {"spec": {"size": 5}}),
    _scale_case("Deployment", workload("Deployment", "pcscf"), _REPLICAS, {"to": 3}, "-to"),
    _scale_case("StatefulSet", workload("StatefulSet", "pcscf"), _REPLICAS, _BY_LOAD, "-expression"),
    _scale_case("Gateway", _GATEWAY, {"spec": {"size": 5}}, _BY_LOAD, "-expression"),
)
