"""Where a policy holds expressions."""

from collections.abc import Iterator

from homeostat.contracts.remediation_policy import RemediationPolicySpec

from .evaluate import Gives

Place = tuple[str, str, Gives]
"""Field, expression, and what it must come to."""


def expressions_of(spec: RemediationPolicySpec) -> Iterator[Place]:
    """Every expression of a policy with its field as people write it."""
    for step in spec.steps:
        field = f"spec.steps[{step.name}]"
        if step.if_ is not None:
            yield f"{field}.if", step.if_, Gives.CONDITION
        if step.action.scale is not None and step.action.scale.expression is not None:
            yield f"{field}.action.scale.expression", step.action.scale.expression, Gives.NUMBER
    for name in ("autonomous", "approval", "never"):
        for number, rule in enumerate(getattr(spec.boundaries, name)):
            if rule.if_ is not None:
                yield f"spec.boundaries.{name}[{number}].if", rule.if_, Gives.CONDITION
