"""How many replicas there may be, how far they move, and when they may go."""

from homeostat.contracts.actions.kinds import ActionType
from homeostat.flow.capacity import bounds_given, floor_moved, lowers_capacity

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
    return [bound for bound in bounds_given(plan) if bound is not None]


def largest_step(question: Question) -> Finding:
    """How far the replicas move, at once, or as an autoscaler is forced to or may by another floor."""
    moved = _replicas_moved(question)
    if moved is None:
        return permit("no replicas are changed")
    present, intended = moved
    change = abs(intended - present)
    percent = question.terms.guardrails.largest_step
    if change <= 1 or change * 100 <= present * percent:
        return permit(f"a change by {change} is at most {percent} % of {present}")
    return deny("StepTooLarge", f"a change by {change} is more than {percent} % of {present} replicas")


def second_indicator(question: Question) -> Finding:
    """Capacity is taken away only where, beside the promise, CPU use shows that what stays is enough."""
    moved = _replicas_moved(question)
    if moved is None:
        return permit("no replicas are changed")
    present, intended = moved
    if intended >= present:
        return permit("no replicas are taken away")
    share, limit = question.cpu_share, float(question.headroom)
    if share is None or share.value is None:
        why = share.message if share else "it was not asked for"
        return deny("SecondIndicatorMissing", f"replicas go only where CPU use is known to allow it ({why})")
    after = share.value * present / max(1, intended)
    told = f"with {intended} replicas {after:.2f} of the CPU limit would be used, at most {question.headroom} may"
    return permit(told) if after <= limit else deny("NoHeadroom", told)


def _replicas_moved(question: Question) -> tuple[int, int] | None:
    """Replicas now, and as they are to be, or may become at the least; None where the plan changes none."""
    plan = question.plan
    if plan.action is ActionType.SCALE:
        return question.replicas()
    floor = floor_moved(plan)
    if floor is None:
        return None
    present = question.present()
    return present, min(present, floor[1]) if lowers_capacity(plan) else max(present, floor[1])
