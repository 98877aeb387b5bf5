"""Who decides about a step: never outranks approval, which outranks autonomous; the rest needs approval."""

from collections.abc import Sequence
from enum import StrEnum

from homeostat.contracts.actions.kinds import Risk
from homeostat.contracts.remediation_policy import Boundaries, BoundaryRule
from homeostat.contracts.steps import Step

_RISKS = (Risk.LOW, Risk.MEDIUM, Risk.HIGH)


class Permission(StrEnum):
    """What the boundaries say about a step."""

    NEVER = "Never"
    APPROVAL = "Approval"
    AUTONOMOUS = "Autonomous"


def risk_of(step: Step) -> Risk:
    """Risk of a step: the action's own, or the author's if that is higher."""
    return max(step.action.spec.default_risk, step.risk or Risk.LOW, key=_RISKS.index)


def permission(boundaries: Boundaries, step: Step) -> Permission:
    """What the boundaries say about a step; what no rule mentions needs approval."""
    risk = risk_of(step)
    if _mentions(boundaries.never, step, risk):
        return Permission.NEVER
    if _mentions(boundaries.approval, step, risk):
        return Permission.APPROVAL
    return Permission.AUTONOMOUS if _mentions(boundaries.autonomous, step, risk) else Permission.APPROVAL


def _mentions(rules: Sequence[BoundaryRule], step: Step, risk: Risk) -> bool:
    return any(_matches(rule, step, risk) for rule in rules)


def _matches(rule: BoundaryRule, step: Step, risk: Risk) -> bool:
    parts = (
        (rule.action, step.action.type),
        (rule.risk, risk),
        (rule.step, step.name),
        (rule.reversal, step.action.spec.reversal),
    )
    given = [(wanted, actual) for wanted, actual in parts if wanted is not None]
    return bool(given) and all(wanted == actual for wanted, actual in given)
