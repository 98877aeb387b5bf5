"""A person's decision on a remediation: checked before it is sent, and sent under the person's own name."""

import secrets
from collections.abc import Mapping
from typing import Any

from homeostat.cli.records import ClusterRefusalError, Records
from homeostat.contracts.decisions import DecisionType
from homeostat.contracts.remediation import Phase


def approve(records: Records, name: str, plan: str, reason: str) -> str:
    """Approve the plan that waits; ``plan`` is the beginning of the digest that was read, or empty for any.

    Raises:
        ClusterRefusalError: nothing waits, the plan is another one, or the cluster refuses.
    """
    record = records.read(name)
    _require_waiting(records, name, record)
    waiting: Mapping[str, Any] = record["status"].get("plan") or {}
    digest = str(waiting.get("digest", ""))
    if not digest:
        raise ClusterRefusalError(f"{name} waits, but has no plan to approve: kubectl homeostat explain {name}")
    if not digest.startswith(plan):
        raise ClusterRefusalError(
            f"the plan of {name} is not {plan} any more: it is now {digest[:8]}, {waiting.get('description', '')}. "
            f"Read it again: kubectl homeostat explain {name} -n {records.namespace}"
        )
    by = _decide(records, name, record, DecisionType.APPROVE, reason, planDigest=digest)
    return f"Approved by {by}: {waiting.get('description', '')} (plan {digest[:8]}). Follow it: {_watch(records, name)}"


def reject(records: Records, name: str, reason: str) -> str:
    """Reject what waits.

    Raises:
        ClusterRefusalError: nothing waits, or the cluster refuses.
    """
    record = records.read(name)
    _require_waiting(records, name, record)
    by = _decide(records, name, record, DecisionType.REJECT, reason)
    return f"Rejected by {by}; nothing is done. {_watch(records, name)}"


def undo(records: Records, name: str, reason: str) -> str:
    """Ask for what was done to be taken back.

    Raises:
        ClusterRefusalError: nothing was done, it is being taken back already, or the cluster refuses.
    """
    record = records.read(name)
    status: Mapping[str, Any] = record.get("status") or {}
    more = f"kubectl homeostat explain {name} -n {records.namespace} tells more"
    if not any(o["kind"] == "Apply" and o["state"] == "Applied" for o in status.get("operations") or ()):
        raise ClusterRefusalError(f"{name} has done nothing that could be taken back (it is {_phase(record)}); {more}")
    if _phase(record) == Phase.ROLLING_BACK:
        raise ClusterRefusalError(f"{name} is being taken back already; {more}")
    by = _decide(records, name, record, DecisionType.UNDO, reason)
    act = (status.get("plan") or {}).get("description", name)
    return f"{by} asked for it to be taken back: {act}. Follow it: {_watch(records, name)}"


def _watch(records: Records, name: str) -> str:
    return f"kubectl get remediation {name} -n {records.namespace} -w"


def _require_waiting(records: Records, name: str, record: Mapping[str, Any]) -> None:
    phase = _phase(record)
    if phase != Phase.AWAITING_APPROVAL:
        raise ClusterRefusalError(
            f"{name} does not wait for a decision: it is {phase}. "
            f"kubectl homeostat explain {name} -n {records.namespace} tells why"
        )


def _phase(record: Mapping[str, Any]) -> str:
    return str((record.get("status") or {}).get("phase", "just recorded"))


def _decide(
    records: Records, name: str, record: Mapping[str, Any], kind: DecisionType, reason: str, **more: str
) -> str:
    by = records.user_name()
    entry = {"id": f"{kind.lower()}-{secrets.token_hex(4)}", "type": str(kind), "by": by, **more}
    if reason:
        entry["reason"] = reason
    has_some = "decisions" in record["spec"]
    operation: dict[str, Any] = {
        "op": "add",
        "path": "/spec/decisions/-" if has_some else "/spec/decisions",
        "value": entry if has_some else [entry],
    }
    records.patch(name, [operation])
    return by
