"""Patching the bounds of an autoscaler, and weights in lists of kinds that a merge patch would replace whole."""

import json
from typing import Any

from homeostat.contracts.steps import Step
from homeostat.contracts.target import Target
from homeostat.flow.field_paths import find, value_at
from homeostat.flow.resources import Body
from tests.contract.cases.case import ActionCase, workload

AUTOSCALER: dict[str, Any] = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "pcscf"},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pcscf"},
        "minReplicas": 2,
        "maxReplicas": 6,
    },
}
HTTP_ROUTE: dict[str, Any] = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "portal"},
    "spec": {
        "rules": [
            {
                "name": "calls",
                "backendRefs": [{"name": "v1", "port": 80, "weight": 90}, {"name": "v2", "port": 80, "weight": 10}],
            }
        ]
    },
}
VIRTUAL_SERVICE: dict[str, Any] = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "VirtualService",
    "metadata": {"name": "portal"},
    "spec": {
        "hosts": ["portal"],
        "http": [
            {
                "route": [
                    {"destination": {"host": "portal", "subset": "v1"}, "weight": 90},
                    {"destination": {"host": "portal", "subset": "v2"}, "weight": 10},
                ]
            }
        ],
    },
}
TARGET = Target.model_validate(
    {"name": "pcscf", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pcscf"}}
)


def patch_step(body: Body, values: dict[str, str]) -> Step:
    ref = {"apiVersion": body["apiVersion"], "kind": body["kind"], "name": body["metadata"]["name"]}
    fields = [{"path": path, "value": value} for path, value in values.items()]
    return Step.model_validate(
        {"name": "shift", "action": {"patch": {"target": "pcscf", "ref": ref, "fields": fields}}}
    )


def _compact(values: dict[str, Any]) -> str:
    return json.dumps(values, separators=(",", ":"))


def _case(name: str, subject: dict[str, Any], before: dict[str, int | None], intended: dict[str, int]) -> ActionCase:
    meddled = {path: number + 1 for path, number in intended.items()}
    spec = json.loads(json.dumps(subject["spec"]))
    for path, number in meddled.items():
        *way, last = find({"spec": spec}, path)
        value_at({"spec": spec}, tuple(way))[last] = number
    return ActionCase(
        name=name,
        objects=(subject, workload("Deployment", "pcscf")),
        step=patch_step(subject, {path: str(number) for path, number in intended.items()}),
        target=TARGET,
        acted=(subject["apiVersion"], subject["kind"], subject["metadata"]["name"]),
        before=_compact(before),
        intended=_compact(intended),
        meddling={"spec": spec},
        meddled=_compact(meddled),
        missing="ObjectNotFound",
        value=lambda body: _compact({path: value_at(body, find(body, path)) for path in intended}),
    )


_HTTP_WEIGHTS = ("/spec/rules/0/backendRefs/[name=v1]/weight", "/spec/rules/[name=calls]/backendRefs/1/weight")
_ISTIO_WEIGHTS = (
    "/spec/http/0/route/[destination.subset=v1]/weight",
    "/spec/http/0/route/[destination.subset=v2]/weight",
)

CASES = (
    _case("patch-autoscaler", AUTOSCALER, {"/spec/minReplicas": 2}, {"/spec/minReplicas": 3}),
    _case(
        "patch-httproute",
        HTTP_ROUTE,
        dict(zip(_HTTP_WEIGHTS, (90, 10), strict=True)),
        dict(zip(_HTTP_WEIGHTS, (50, 40), strict=True)),
    ),
    _case(
        "patch-virtualservice",
        VIRTUAL_SERVICE,
        dict(zip(_ISTIO_WEIGHTS, (90, 10), strict=True)),
        dict(zip(_ISTIO_WEIGHTS, (50, 40), strict=True)),
    ),
)
