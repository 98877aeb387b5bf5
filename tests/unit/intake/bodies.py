"""Custom resources as the API server would give them."""

import copy
from typing import Any

Json = dict[str, Any]


def intent(**spec: Any) -> Json:
    return body(
        "ServiceIntent",
        {
            "targets": [{"name": "sip", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "sip"}}],
            "expectations": [expectation()],
            **spec,
        },
    )


def expectation(**more: Any) -> Json:
    return {"name": "load", "query": "sum(load)", "condition": "IsLessThan", "value": "1", **more}


def policy(**spec: Any) -> Json:
    scale = {"scale": {"target": "sip", "by": "+1"}}
    return body(
        "RemediationPolicy",
        {
            "intentSelector": {"matchNames": ["calls"]},
            "triggers": [{"name": "t", "expectation": "load"}],
            "steps": [{"name": "add", "causes": ["Saturated"], "action": scale}],
            **spec,
        },
    )


def source(**spec: Any) -> Json:
    return body("TelemetrySource", {"url": "http://prometheus:9090", **spec})


def body(kind: str, spec: Json, **metadata: Any) -> Json:
    return {
        "apiVersion": "homeostat.dev/v1alpha1",
        "kind": kind,
        "metadata": {
            "namespace": "ims",
            "name": "calls",
            "uid": "u1",
            "generation": 1,
            "resourceVersion": "10",
            **metadata,
        },
        "spec": spec,
    }


def changed(known: Json, spec: Json | None = None, **metadata: Any) -> Json:
    """The same object later."""
    new = copy.deepcopy(known)
    version = str(int(known["metadata"]["resourceVersion"]) + 1)
    new["metadata"].update({"resourceVersion": version, **metadata})
    if spec is not None:
        new["spec"] = spec
        new["metadata"].setdefault("generation", 1)
        new["metadata"]["generation"] = metadata.get("generation", known["metadata"]["generation"] + 1)
    return new
