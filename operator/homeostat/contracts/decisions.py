"""What people decide about a remediation."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from .common import Resource, cel


class DecisionType(StrEnum):
    """What a person may decide."""

    APPROVE = "Approve"
    REJECT = "Reject"
    UNDO = "Undo"


class PersonDecision(Resource):
    """One decision by a person; write-once, under that person's own name."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("self == oldSelf", "a decision is written once"),
                cel("self.type != 'Approve' || has(self.planDigest)", "Approve names the planDigest it approves"),
                cel("self.type != 'Reject' || has(self.reason)", "Reject gives a reason"),
                cel("self.type != 'Undo' || has(self.reason)", "Undo gives a reason"),
            ]
        }
    )

    id: Annotated[str, Field(pattern=r"^[a-zA-Z0-9][-a-zA-Z0-9_.]*$", max_length=64, description="Any unique name.")]
    type: Annotated[DecisionType, Field(description="Approve or Reject what waits; Undo what was done.")]
    by: Annotated[str, Field(min_length=1, max_length=253, description="Your own user name.")]
    reason: Annotated[str | None, Field(default=None, max_length=1024, description="Why.")]
    plan_digest: Annotated[
        str | None, Field(default=None, max_length=64, description="status.plan.digest of the plan that is approved.")
    ]
