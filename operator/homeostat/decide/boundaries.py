"""Who decides about a step: never outranks approval, which outranks autonomous; the rest needs approval."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from homeostat.contracts.actions.kinds import Reversal, Risk
from homeostat.contracts.boundaries import Boundaries, BoundaryRule
from homeostat.contracts.operations import Plan
from homeostat.contracts.steps import Step
from homeostat.flow.facts import Preview, Variables

from .expressions.evaluate import Gives, evaluate

_RISKS = (Risk.LOW, Risk.MEDIUM, Risk.HIGH)


class Permission(StrEnum):
    """What the boundaries say about a step."""

    NEVER = "Never"
    APPROVAL = "Approval"
    AUTONOMOUS = "Autonomous"


Known = Preview | Plan | None
"""What is known of a step beyond its own text: what it would change now, or its plan."""


def risk_of(step: Step, known: Known = None) -> Risk:
    """Risk of a step: the action's own, or the author's if that is higher."""
    own = known.risk if known else None
    return max(own or step.action.spec.default_risk, step.risk or Risk.LOW, key=_RISKS.index)


def reversal_of(step: Step, known: Known = None) -> Reversal:
    """Whether a step can be taken back."""
    own = known.reversal if known else None
    return own or step.action.spec.reversal


def permission(boundaries: Boundaries, step: Step, variables: Variables, known: Known = None) -> Permission:
    """What the boundaries say about a step now; what no rule mentions needs approval.

    A rule whose ``if`` is not known counts against the act: it holds in never and approval, and not in autonomous.
    """
    about = _About(step, risk_of(step, known), reversal_of(step, known), variables)
    if about.is_mentioned(boundaries.never, in_doubt=True):
        return Permission.NEVER
    if about.is_mentioned(boundaries.approval, in_doubt=True):
        return Permission.APPROVAL
    autonomous = about.is_mentioned(boundaries.autonomous, in_doubt=False)
    return Permission.AUTONOMOUS if autonomous else Permission.APPROVAL


def is_never(rules: Sequence[BoundaryRule], step: Step, variables: Variables, known: Known = None) -> bool:
    """Whether any of these rules of never is about a step; one whose ``if`` is not known is."""
    return _About(step, risk_of(step, known), reversal_of(step, known), variables).is_mentioned(rules, in_doubt=True)


@dataclass(frozen=True, slots=True)
class _About:
    step: Step
    risk: Risk
    reversal: Reversal
    variables: Variables

    def is_mentioned(self, rules: Sequence[BoundaryRule], *, in_doubt: bool) -> bool:
        return any(self._matches(rule, in_doubt=in_doubt) for rule in rules)

    def _matches(self, rule: BoundaryRule, *, in_doubt: bool) -> bool:
        parts = (
            (rule.action, self.step.action.type),
            (rule.risk, self.risk),
            (rule.step, self.step.name),
            (rule.reversal, self.reversal),
        )
        given = [(wanted, actual) for wanted, actual in parts if wanted is not None]
        if not all(wanted == actual for wanted, actual in given):
            return False
        if rule.if_ is None:
            return bool(given)
        holds = evaluate(rule.if_, Gives.CONDITION, self.variables).value
        return in_doubt if holds is None else bool(holds)
