"""Autonomy that a policy has lost: the loop breaker, computed from the records alone (pure).

It moves down by itself and up only by a person, who reviews the record that lowered it.
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import datetime

from homeostat.contracts.remediation_policy import Escalation
from homeostat.contracts.verification import OutcomeName


@dataclass(frozen=True, slots=True)
class Judged:
    """How one act ended, and the record that tells."""

    record: str
    outcome: OutcomeName
    at: datetime


@dataclass(frozen=True, slots=True)
class Demotion:
    """The level that is left, the record to look at, and why."""

    level: int
    record: str
    message: str


def demotion(judged: Iterable[Judged], reviewed: Set[str], terms: Escalation) -> Demotion | None:
    """What lowers the level of a policy at present; None where nothing does.

    One Worse outcome lowers it, and so does the last of ``afterIneffective`` Ineffective ones with no Effective one
    between them; the count then begins anew. Other outcomes do not count. A lowering stands until a person has reviewed
    its record; where several stand, the newest is told. ``reviewed`` are names of records.
    """
    ineffective, standing = 0, None
    for act in sorted(judged, key=lambda act: act.at):
        why = ""
        if act.outcome is OutcomeName.EFFECTIVE:
            ineffective = 0
        elif act.outcome is OutcomeName.WORSE:
            why = "what was done made it worse"
        elif act.outcome is OutcomeName.INEFFECTIVE:
            ineffective += 1
            if ineffective >= terms.after_ineffective:
                why, ineffective = f"{terms.after_ineffective} acts without effect", 0
        if why and act.record not in reviewed:
            advice = f"look at {act.record} and review it to lift this"
            standing = Demotion(terms.demote_to, act.record, f"{why}; {advice}")
    return standing
