"""How the acts under a policy ended, and which of its records a person has reviewed, from the records alone (pure)."""

from collections.abc import Iterable

from homeostat.contracts.decisions import DecisionType
from homeostat.contracts.remediation import CLOSED_PHASES
from homeostat.decide.earned import Judged
from homeostat.flow.resources import StoredRecord


def judged_under(records: Iterable[StoredRecord], namespace: str, policy: str) -> tuple[Judged, ...]:
    """Every judged act under a policy; one made anew under the same name inherits what was done under it."""
    return tuple(
        Judged(stored.name, verification.outcome, verification.judged_at)
        for stored in _under(records, namespace, policy)
        for verification in stored.record.status.verifications
        if verification.outcome is not None and verification.judged_at is not None
    )


def reviewed_under(records: Iterable[StoredRecord], namespace: str, policy: str) -> frozenset[str]:
    """Names of the closed records that a person has reviewed; an open one is not over yet."""
    return frozenset(
        stored.name
        for stored in _under(records, namespace, policy)
        if stored.record.status.phase in CLOSED_PHASES
        and any(decision.type is DecisionType.REVIEW for decision in stored.record.spec.decisions)
    )


def _under(records: Iterable[StoredRecord], namespace: str, policy: str) -> Iterable[StoredRecord]:
    return (r for r in records if (r.namespace, r.record.spec.policy.name) == (namespace, policy))
