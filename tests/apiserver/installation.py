"""Homeostat's kinds and its chart on a real API server, and records written as the operator and as people."""

import json
from typing import Any

import pytest

from hack.cluster import Cluster, ClusterError
from hack.cluster.processes import wait_until
from hack.installation import install_chart, install_kinds
from homeostat.contracts.remediation import RemediationSpec, RemediationStatus
from homeostat.record.remediations import record_name
from homeostat.record.size import to_json
from tests.unit.record.samples import spec, status

OPERATOR = "homeostat:operator"
PATIENCE_SECONDS = 30.0


# Before it patches a subresource, kubectl reads it. The operator does not, so the chart gives it no right to: this is
# for the tests that write as the operator with kubectl, and stands in no chart.
_KUBECTL_READS_STATUS = f"""
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: test-kubectl-reads-status}}
rules:
- apiGroups: [homeostat.dev]
  resources: [remediations/status]
  verbs: [get]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: test-kubectl-reads-status}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: test-kubectl-reads-status}}
subjects:
- {{apiGroup: rbac.authorization.k8s.io, kind: User, name: "{OPERATOR}"}}
"""


def install(cluster: Cluster) -> None:
    """Install the kinds and the chart, and wait until both are in force."""
    install_kinds(cluster)
    install_chart(cluster, OPERATOR)
    cluster.install(_KUBECTL_READS_STATUS)
    wait_until(
        lambda: "Only the operator creates" in _as_administrator(cluster),
        "the admission policy is in force",
        PATIENCE_SECONDS,
    )


def _as_administrator(cluster: Cluster) -> str:
    try:
        cluster.kubectl("create", "--dry-run=server", "-f", "-", stdin=manifest("default"))
    except ClusterError as refused:
        return str(refused)
    return ""


def manifest(namespace: str, record_spec: RemediationSpec | None = None, **changes: Any) -> str:
    content = record_spec or spec()
    body: dict[str, Any] = {
        "apiVersion": "homeostat.dev/v1alpha1",
        "kind": "Remediation",
        "metadata": {"name": record_name(content.intent.name, content.episode.digest), "namespace": namespace},
        "spec": {**to_json(content), **changes},
    }
    return json.dumps(body)


def create_record(
    cluster: Cluster, namespace: str, record_status: RemediationStatus | None = None, number: int = 1
) -> str:
    """Create a record as the operator does; returns its name."""
    record_spec = spec(number)
    cluster.kubectl("create", "-f", "-", stdin=manifest(namespace, record_spec), user=OPERATOR)
    name = record_name(record_spec.intent.name, record_spec.episode.digest)
    patch = json.dumps({"status": to_json(record_status or status())})
    cluster.kubectl(
        "patch",
        "remediation",
        name,
        "-n",
        namespace,
        "--subresource=status",
        "--type=merge",
        "-p",
        patch,
        user=OPERATOR,
    )
    return name


def refusal(cluster: Cluster, *args: str, user: str | None = None, stdin: str | None = None) -> str:
    """Run kubectl, which must be refused; returns what the person reads, on one line."""
    with pytest.raises(ClusterError) as refused:
        cluster.kubectl(*args, user=user, stdin=stdin)
    return " ".join(str(refused.value).split())
