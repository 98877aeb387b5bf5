"""A person's decision on a remediation: checked before it is sent, and sent under the person's own name."""

import secrets
from collections.abc import Mapping
from typing import Any

from homeostat.cli.records import ClusterRefusalError, Records
from homeostat.contracts.decisions import DecisionType, ReviewVerdict
from homeostat.contracts.remediation import CLOSED_PHASES, Phase
from homeostat.contracts.verification import ReleaseState


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
    by = _decide(records, name, record, DecisionType.APPROVE, reason=reason, planDigest=digest)
    return f"Approved by {by}: {waiting.get('description', '')} (plan {digest[:8]}). Follow it: {_watch(records, name)}"


def reject(records: Records, name: str, reason: str) -> str:
    """Reject what waits.

    Raises:
        ClusterRefusalError: nothing waits, or the cluster refuses.
    """
    record = records.read(name)
    _require_waiting(records, name, record)
    by = _decide(records, name, record, DecisionType.REJECT, reason=reason)
    return f"Rejected by {by}; nothing is done. {_watch(records, name)}"


def cancel(records: Records, name: str, reason: str) -> str:
    """End the remediation without a further act; what was done stays, and can be taken back afterwards.

    Raises:
        ClusterRefusalError: it has ended, or the cluster refuses.
    """
    by = _stop(records, name, DecisionType.CANCEL, reason)
    told = "kubectl homeostat explain"
    return f"Cancelled by {by}; nothing further is done. What stands: {told} {name} -n {records.namespace}"


def take_over(records: Records, name: str, reason: str) -> str:
    """Have the operator do nothing more in this episode, not even an undo or a release.

    Raises:
        ClusterRefusalError: it has ended, or the cluster refuses.
    """
    by = _stop(records, name, DecisionType.TAKE_OVER, reason)
    told = f"kubectl homeostat explain {name} -n {records.namespace}"
    return f"Taken over by {by}; nothing more is done in this episode. What stands, and what takes it back: {told}"


def undo(records: Records, name: str, reason: str) -> str:
    """Ask for what was done to be taken back.

    Raises:
        ClusterRefusalError: nothing was done, it is being taken back already, or the cluster refuses.
    """
    record = records.read(name)
    status: Mapping[str, Any] = record.get("status") or {}
    more = _more(records, name)
    if not any(o["kind"] == "Apply" and o["state"] == "Applied" for o in status.get("operations") or ()):
        raise ClusterRefusalError(f"{name} has done nothing that could be taken back (it is {_phase(record)}); {more}")
    if _phase(record) == Phase.ROLLING_BACK:
        raise ClusterRefusalError(f"{name} is being taken back already; {more}")
    by = _decide(records, name, record, DecisionType.UNDO, reason=reason)
    act = (status.get("plan") or {}).get("description", name)
    return f"{by} asked for it to be taken back: {act}. Follow it: {_watch(records, name)}"


def acknowledge(records: Records, name: str, reason: str) -> str:
    """Note that a person has seen it.

    Raises:
        ClusterRefusalError: the cluster refuses.
    """
    record = records.read(name)
    by = _decide(records, name, record, DecisionType.ACKNOWLEDGE, reason=reason)
    return f"Acknowledged by {by}; {name} is {_phase(record)}."


def review(records: Records, name: str, verdict: ReviewVerdict, note: str) -> str:
    """Note whether it was right, afterwards.

    Raises:
        ClusterRefusalError: it has not ended, or the cluster refuses.
    """
    record = records.read(name)
    if _phase(record) not in CLOSED_PHASES:
        not_over = f"{name} is not over yet (it is {_phase(record)}), and is reviewed once it has ended"
        raise ClusterRefusalError(f"{not_over}; {_more(records, name)}")
    by = _decide(records, name, record, DecisionType.REVIEW, verdict=verdict, note=note)
    return f"Reviewed by {by}: {verdict}. It counts in the outcomes of the policy."


def _stop(records: Records, name: str, kind: DecisionType, reason: str) -> str:
    record = records.read(name)
    release: Mapping[str, Any] = (record.get("status") or {}).get("release") or {}
    if _phase(record) in CLOSED_PHASES and release.get("state") != ReleaseState.WAITING:
        raise ClusterRefusalError(
            f"{name} has ended already (it is {_phase(record)}), and nothing more is done by itself; "
            f"{_more(records, name)}"
        )
    return _decide(records, name, record, kind, reason=reason)


def _watch(records: Records, name: str) -> str:
    return f"kubectl get remediation {name} -n {records.namespace} -w"


def _more(records: Records, name: str) -> str:
    return f"kubectl homeostat explain {name} -n {records.namespace} tells more"


def _require_waiting(records: Records, name: str, record: Mapping[str, Any]) -> None:
    phase = _phase(record)
    if phase != Phase.AWAITING_APPROVAL:
        raise ClusterRefusalError(
            f"{name} does not wait for a decision: it is {phase}. "
            f"kubectl homeostat explain {name} -n {records.namespace} tells why"
        )


def _phase(record: Mapping[str, Any]) -> str:
    return str((record.get("status") or {}).get("phase", "just recorded"))


def _decide(records: Records, name: str, record: Mapping[str, Any], kind: DecisionType, **more: str) -> str:
    """Add a decision under the user's own name; what is empty is left out."""
    by = records.user_name()
    told = {key: str(value) for key, value in more.items() if value}
    entry = {"id": f"{kind.lower()}-{secrets.token_hex(4)}", "type": str(kind), "by": by, **told}
    has_some = "decisions" in record["spec"]
    operation: dict[str, Any] = {
        "op": "add",
        "path": "/spec/decisions/-" if has_some else "/spec/decisions",
        "value": entry if has_some else [entry],
    }
    records.patch(name, [operation])
    return by
