"""The plan of a step: absolute values, one target, and the digest that an approval names."""

import hashlib
from datetime import datetime

from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.common import parse_duration
from homeostat.contracts.operations import Authority, Plan
from homeostat.contracts.remediation import Terms
from homeostat.contracts.steps import Step
from homeostat.flow.facts import Preview
from homeostat.flow.wording import clip

from .boundaries import Permission, reversal_of, risk_of

_DIGEST_LENGTH = 32


def plan_digest(step: str, target_uid: str, field: str, intended: str) -> str:
    """What a person approves, as 32 hexadecimal digits: this step on this very object, this field, this value."""
    parts = (step, target_uid, field, intended)
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]


def covers(approved: Plan, plan: Plan) -> bool:
    """Whether what a person approved covers a plan that was computed again, because the target moved before the act.

    It must be the same step on the same field of the same object. Where the approval has a largest step, the value may
    change by no more than that, and in the same direction; elsewhere the value must be the one that was approved.
    """
    same = (approved.step, approved.action, approved.target.uid, approved.field) == (
        plan.step,
        plan.action,
        plan.target.uid,
        plan.field,
    )
    if not same or not approved.largest_step:
        return same and plan.intended == approved.intended
    allowed, asked = int(approved.largest_step), int(plan.intended) - int(plan.before)
    return 0 < asked <= allowed or allowed <= asked < 0


def _largest_step(step: Step, preview: Preview) -> str:
    """What a change of replicas adds or takes away, with its sign; empty for what is no amount."""
    if step.action.type is not ActionType.SCALE or not (preview.before and preview.intended):
        return ""
    return f"{int(preview.intended) - int(preview.before):+}"


def make_plan(
    step: Step, preview: Preview, terms: Terms, attempt: int, now: datetime, permitted: Permission
) -> Plan | None:
    """The plan of a step as previewed and permitted; None where the preview names no target."""
    if preview.target is None:
        return None
    approval = bool(preview.asks) or permitted is not Permission.AUTONOMOUS
    described = preview.description or f"{preview.field} {preview.before} -> {preview.intended}"
    return Plan(
        step=step.name,
        attempt=attempt,
        action=step.action.type,
        target=preview.target,
        field=preview.field,
        before=preview.before,
        before_by=preview.ownership.written_by if preview.ownership else "",
        intended=preview.intended,
        risk=risk_of(step, preview),
        reversal=reversal_of(step, preview),
        authority=Authority.APPROVAL if approval else Authority.AUTONOMOUS,
        description=clip("; ".join(part for part in (described, preview.asks) if part)),
        digest=plan_digest(step.name, preview.target.uid, preview.field, preview.intended),
        largest_step=_largest_step(step, preview) if approval else "",
        valid_until=now + parse_duration(terms.approval.timeout) if approval else None,
    )
