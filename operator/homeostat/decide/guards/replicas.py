"""How many replicas there may be, how far they move, and when they may go."""

from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.actions.patch import AUTOSCALER_BOUNDS, group_of
from homeostat.contracts.operations import Plan
from homeostat.flow.field_changes import read_values

from .question import Finding, Question, deny, permit


def bounds(question: Question) -> Finding:
    """Whether replicas, or the bounds given to an autoscaler, stay within the policy's."""
    limits = question.terms.guardrails.replicas
    intended = _replicas_after(question)
    outside = [replicas for replicas in intended if not limits.min <= replicas <= limits.max]
    if not intended:
        return permit("no replicas are changed")
    if outside:
        return deny("OutOfBounds", f"{outside[0]} replicas are outside {limits.min} to {limits.max}")
    return permit(f"{' to '.join(map(str, intended))} replicas are within {limits.min} to {limits.max}")


def _replicas_after(question: Question) -> list[int]:
    """The replicas that the plan sets, or the bounds that it gives an autoscaler, the lower first."""
    plan = question.plan
    if plan.action is ActionType.SCALE:
        return [int(plan.intended)]
    return [bound for bound in _autoscaler_bounds(plan) if bound is not None]


def _autoscaler_bounds(plan: Plan) -> tuple[int | None, int | None]:
    paths = AUTOSCALER_BOUNDS.get((group_of(plan.target.api_version), plan.target.kind))
    if plan.action is not ActionType.PATCH or paths is None:
        return None, None
    values = read_values(plan.intended)
    least, most = (None if values.get(path) is None else int(str(values[path])) for path in paths)
    return least, most


def largest_step(question: Question) -> Finding:
    """How far the replicas move, at once or as an autoscaler is forced to by a higher floor."""
    if question.plan.action is ActionType.SCALE:
        present, intended = question.replicas()
        change = abs(intended - present)
    elif (least := _autoscaler_bounds(question.plan)[0]) is not None:
        present = question.present()
        change = max(0, least - present)
    else:
        return permit("no replicas are changed")
    percent = question.terms.guardrails.largest_step
    if change <= 1 or change * 100 <= present * percent:
        return permit(f"a change by {change} is at most {percent} % of {present}")
    return deny("StepTooLarge", f"a change by {change} is more than {percent} % of {present} replicas")


def second_indicator(question: Question) -> Finding:
    """Capacity is taken away only where, beside the promise, CPU use shows that what stays is enough."""
    if question.plan.action is not ActionType.SCALE:
        return permit("no replicas are changed")
    present, intended = question.replicas()
    if intended >= present:
        return permit("no replicas are taken away")
    share, limit = question.cpu_share, float(question.headroom)
    if share is None or share.value is None:
        why = share.message if share else "it was not asked for"
        return deny("SecondIndicatorMissing", f"replicas go only where CPU use is known to allow it ({why})")
    after = share.value * present / max(1, intended)
    told = f"with {intended} replicas {after:.2f} of the CPU limit would be used, at most {question.headroom} may"
    return permit(told) if after <= limit else deny("NoHeadroom", told)
