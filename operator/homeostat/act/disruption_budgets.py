"""What the PodDisruptionBudgets of a namespace let go, as the eviction API judges it (pure).

Source: Kubernetes, pkg/registry/core/pod/storage/eviction.go. The API server has the last word at the eviction itself;
this look beforehand is so that a step that would be refused is not begun.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from homeostat.act.pods import is_ready
from homeostat.flow.resources import Body


@dataclass(frozen=True, slots=True)
class DisruptionBudget:
    """One PodDisruptionBudget: ``allowed`` pods may go now, and those that are not ready where ``unready_may_go``."""

    name: str
    selector: Mapping[str, Any] | None
    allowed: int
    unready_may_go: bool
    healthy: str

    @classmethod
    def of(cls, body: Body) -> "DisruptionBudget":
        """The budget as its object tells it; one whose status is behind its spec lets none go."""
        metadata, spec, status = body["metadata"], body.get("spec") or {}, body.get("status") or {}
        healthy, desired = int(status.get("currentHealthy") or 0), int(status.get("desiredHealthy") or 0)
        is_behind = int(status.get("observedGeneration") or 0) < int(metadata.get("generation") or 0)
        return cls(
            name=metadata["name"],
            selector=spec.get("selector"),
            allowed=0 if is_behind else int(status.get("disruptionsAllowed") or 0),
            unready_may_go=spec.get("unhealthyPodEvictionPolicy") == "AlwaysAllow" or healthy >= desired > 0,
            healthy=f"it needs {desired} healthy pods and has {healthy}",
        )

    def covers(self, pod: Body) -> bool:
        """Whether it is about this pod; a budget without a selector is about none, one with an empty one about all."""
        return self.selector is not None and _selects(self.selector, pod["metadata"].get("labels") or {})


def budgets_over(pod: Body, budgets: Iterable[DisruptionBudget]) -> tuple[DisruptionBudget, ...]:
    """The budgets that an eviction of this pod is charged to, or must be allowed by; a pending pod needs none."""
    if (pod.get("status") or {}).get("phase") == "Pending":
        return ()
    over = tuple(budget for budget in budgets if budget.covers(pod))
    goes_free = len(over) == 1 and over[0].unready_may_go and not is_ready(pod)
    return () if goes_free else over


def _selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    wanted = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _holds(expression, labels) for expression in selector.get("matchExpressions") or ()
    )


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels
