"""Proof that decisions in records are guarded: without it an approval could be forged, and nothing is done Live.

The operator may create records. It tries, as a dry run, to create one that carries a decision of its own; the admission
policy must refuse that because the operator decides nothing. Where it is admitted, the policy is missing or not bound.
"""

import logging
from collections.abc import Mapping
from typing import Any

from homeostat.contracts.common import API_VERSION
from homeostat.flow.ports import Cluster, KubernetesError

log = logging.getLogger(__name__)

_REFUSALS = range(400, 500)
_OF_THE_POLICY = "Decisions are for people"
"""How the admission policy in charts/homeostat/templates refuses a decision by the operator."""

_NOT_PROVEN = "it was not yet proven that the admission policy guards decisions in records"
_FORGED: Mapping[str, Any] = {
    "apiVersion": API_VERSION,
    "kind": "Remediation",
    "metadata": {"name": "homeostat-proof-of-guard"},
    "spec": {
        "mode": "Shadow",
        "intent": {"name": "none", "uid": "none"},
        "policy": {"name": "none", "uid": "none", "hash": "none"},
        "episode": {"number": 1, "since": "2000-01-01T00:00:00Z", "digest": "none"},
        "trigger": {"name": "none", "expectation": "none"},
        "promise": {
            "observationPeriod": "1s",
            "targets": [{"name": "none", "ref": {"apiVersion": "v1", "kind": "Pod", "name": "none"}}],
            "expectations": [{"name": "none", "query": "none", "condition": "IsLessThan", "value": "1"}],
        },
        "terms": {
            "steps": [{"name": "none", "action": {"scale": {"target": "none", "by": "+1"}}}],
            "boundaries": {},
            "guardrails": {},
            "approval": {},
            "verification": {},
        },
        "decisions": [{"id": "forged", "type": "Approve", "by": "nobody", "planDigest": "none"}],
    },
}


class ApprovalGuard:
    """Whether decisions in records are guarded, as last proven."""

    def __init__(self, cluster: Cluster, namespace: str = "default") -> None:
        """``namespace`` is where the record would be created; any one serves, for the policy covers them all."""
        self._cluster, self._namespace = cluster, namespace
        self.unprotected = _NOT_PROVEN

    async def prove(self) -> None:
        """Try to forge a decision; where the API server gives no answer, what was proven before stands."""
        forged = {**_FORGED, "metadata": {**_FORGED["metadata"], "namespace": self._namespace}}
        try:
            await self._cluster.create(forged, dry_run=True)
        except KubernetesError as error:
            if error.status not in _REFUSALS:
                return
            guarded = _OF_THE_POLICY in error.message
            self._found("" if guarded else f"the proof was refused for another reason: {error.message}")
        else:
            self._found(
                "the admission policy for records is not in force: anybody who may write a record could forge an "
                "approval. Apply charts/homeostat/templates/admission.yaml"
            )

    def _found(self, unprotected: str) -> None:
        if unprotected != self.unprotected:
            log.log(logging.ERROR if unprotected else logging.INFO, "approvals: %s", unprotected or "guarded")
        self.unprotected = unprotected
