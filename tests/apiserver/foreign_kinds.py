"""The kinds of others that own or steer workloads: their real groups, kinds and fields, and no more of them.

Written from their public definitions: Gateway API v1, Istio v1, KEDA v2, VPA v1, Argo Rollouts v1, Nephio R3.
"""

import json
from collections.abc import Mapping
from typing import Any

from hack.cluster import Cluster

TEXT, NUMBER = {"type": "string"}, {"type": "integer", "format": "int32"}


def fields(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def atomic(items: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "x-kubernetes-list-type": "atomic", "items": items}


ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_REFERENCE = fields(apiVersion=TEXT, kind=TEXT, name=TEXT)


def crd(
    group: str, version: str, kind: str, spec: Mapping[str, Any], plural: str = "", *, scale: bool = False
) -> dict[str, Any]:
    plural = plural or f"{kind.lower()}s"
    subresources: dict[str, Any] = {"status": {}}
    if scale:
        paths = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
        subresources["scale"] = {**paths, "labelSelectorPath": ".status.selector"}
    served = {
        "name": version,
        "served": True,
        "storage": True,
        "subresources": subresources,
        "schema": {"openAPIV3Schema": fields(spec=spec, status=ANYTHING)},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, a part of the real one for tests"},
        },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [served],
        },
    }


_BACKEND = fields(name=TEXT, port=NUMBER, weight={**NUMBER, "default": 1, "minimum": 0, "maximum": 1_000_000})
_DESTINATION = fields(destination=fields(host=TEXT, subset=TEXT), weight=NUMBER)

KINDS = (
    crd(
        "gateway.networking.k8s.io",
        "v1",
        "HTTPRoute",
        fields(
            parentRefs=atomic(fields(name=TEXT)),
            rules=atomic(fields(name=TEXT, backendRefs=atomic(_BACKEND))),
        ),
    ),
    crd(
        "networking.istio.io",
        "v1",
        "VirtualService",
        fields(
            hosts={"type": "array", "items": TEXT},
            http={
                "type": "array",
                "items": fields(name=TEXT, route={"type": "array", "items": _DESTINATION}),
            },
        ),
    ),
    crd(
        "keda.sh",
        "v1alpha1",
        "ScaledObject",
        fields(
            scaleTargetRef=_REFERENCE,
            minReplicaCount=NUMBER,
            maxReplicaCount=NUMBER,
            triggers={"type": "array", "items": fields(type=TEXT, metadata=ANYTHING)},
        ),
    ),
    crd(
        "autoscaling.k8s.io",
        "v1",
        "VerticalPodAutoscaler",
        fields(targetRef=_REFERENCE, updatePolicy=fields(updateMode=TEXT)),
    ),
    crd(
        "argoproj.io",
        "v1alpha1",
        "Rollout",
        fields(
            replicas=NUMBER,
            workloadRef=fields(apiVersion=TEXT, kind=TEXT, name=TEXT, scaleDown=TEXT),
            selector=ANYTHING,
            template=ANYTHING,
            strategy=ANYTHING,
        ),
        scale=True,
    ),
    crd(
        "workload.nephio.org",
        "v1alpha1",
        "NFDeployment",
        fields(
            provider=TEXT,
            capacity=fields(
                maxUplinkThroughput={"x-kubernetes-int-or-string": True},
                maxSessions=NUMBER,
                maxSubscribers=NUMBER,
            ),
        ),
    ),
)


def install(cluster: Cluster) -> None:
    """Install all of them and wait until they are served."""
    bodies = "\n---\n".join(json.dumps(kind) for kind in KINDS)
    cluster.install(bodies)
    names = [f"crd/{kind['metadata']['name']}" for kind in KINDS]
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", *names)
