"""The audit policy: every write the operator or a rival controller makes, and nothing that only repeats itself."""

import json
from pathlib import Path

_WRITES = ["create", "update", "patch", "delete", "deletecollection"]
_WATCHED = [
    {"group": "homeostat.dev"},
    {"group": "", "resources": ["configmaps"]},
    {"group": "apps", "resources": ["deployments", "deployments/*", "statefulsets", "statefulsets/*"]},
]
_SCALES = [{"group": "apps", "resources": ["deployments/scale", "statefulsets/scale"]}]
_NOISE = [
    {"group": "", "resources": ["events"]},
    {"group": "events.k8s.io"},
    {"group": "coordination.k8s.io"},
    {"group": "authentication.k8s.io"},
    {"group": "authorization.k8s.io"},
]
_COMPONENTS = [
    "system:apiserver",
    "system:kube-controller-manager",
    "system:kube-scheduler",
    "system:kube-proxy",
    "kwok",
]

POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "omitManagedFields": True,
    "rules": [
        {"level": "None", "resources": _NOISE},
        # The autoscaler of Kubernetes is one of the components below, but its scaling is never noise.
        {"level": "RequestResponse", "verbs": _WRITES, "resources": _SCALES},
        {"level": "None", "users": _COMPONENTS},
        {"level": "None", "userGroups": ["system:nodes", "system:serviceaccounts:kube-system"]},
        {"level": "RequestResponse", "verbs": _WRITES, "resources": _WATCHED},
        {"level": "Metadata", "verbs": _WRITES},
        {"level": "None"},
    ],
}


def write_policy(folder: Path) -> Path:
    """Write the policy file of one cluster."""
    file = folder / "audit-policy.json"
    file.write_text(json.dumps(POLICY))
    return file
