"""What people decide about a remediation."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from .common import Resource, cel

MOST_DECISIONS = 16
"""Most decisions that one record holds."""


class DecisionType(StrEnum):
    """What a person may decide; each has an RBAC verb of its own, its name in lower case.

    Approve, Reject: answers to a request. Cancel: end it, keep what was done. TakeOver: a person acts from here on.
    Undo: take back what was done. Acknowledge: it was seen. Review: whether it was right, afterwards.
    """

    APPROVE = "Approve"
    REJECT = "Reject"
    CANCEL = "Cancel"
    UNDO = "Undo"
    TAKE_OVER = "TakeOver"
    ACKNOWLEDGE = "Acknowledge"
    REVIEW = "Review"


class ReviewVerdict(StrEnum):
    """What a person thinks of a remediation afterwards; Unneeded: it would have been well without."""

    RIGHT = "Right"
    WRONG = "Wrong"
    UNNEEDED = "Unneeded"


_REASONED = (DecisionType.REJECT, DecisionType.CANCEL, DecisionType.UNDO, DecisionType.TAKE_OVER)
"""Decisions of which others will ask why."""


class PersonDecision(Resource):
    """One decision by a person; write-once, under that person's own name."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("self == oldSelf", "a decision is written once"),
                cel("self.type != 'Approve' || has(self.planDigest)", "Approve names the planDigest it approves"),
                *(cel(f"self.type != '{kind}' || has(self.reason)", f"{kind} gives a reason") for kind in _REASONED),
                cel("(self.type == 'Review') == has(self.verdict)", "Review gives a verdict, and nothing else does"),
                cel("self.type == 'Review' || !has(self.note)", "a note is for a Review; give a reason"),
            ]
        }
    )

    id: Annotated[str, Field(pattern=r"^[a-zA-Z0-9][-a-zA-Z0-9_.]*$", max_length=64, description="Any unique name.")]
    type: Annotated[
        DecisionType,
        Field(
            description="Approve or Reject what waits; Cancel: end it and keep what was done; Undo what was done; "
            "TakeOver: nothing more is done by the operator in this episode; Acknowledge: seen; Review: right or not."
        ),
    ]
    by: Annotated[str, Field(min_length=1, max_length=253, description="Your own user name.")]
    reason: Annotated[str | None, Field(default=None, min_length=1, max_length=1024, description="Why.")]
    plan_digest: Annotated[
        str | None, Field(default=None, max_length=64, description="status.plan.digest of the plan that is approved.")
    ]
    verdict: Annotated[
        ReviewVerdict | None,
        Field(default=None, description="Of a Review. Unneeded: it would have been well without."),
    ]
    note: Annotated[
        str | None, Field(default=None, min_length=1, max_length=1024, description="Of a Review: what was learned.")
    ]
