"""The action ``evict``."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from homeostat.contracts.actions.kinds import ActionSpec, Reversal, Risk
from homeostat.contracts.common import DecimalText, PromQL, Resource

MOST_PODS = 3
"""Most pods that one step may evict: the plan names each of them, and a record holds no longer text."""


class Order(StrEnum):
    """Which end of the values is the worst."""

    HIGHEST = "Highest"
    LOWEST = "Lowest"


class WorstPods(Resource):
    """Which pods are bad, and which of them is the worst."""

    query: Annotated[
        PromQL,
        Field(
            description="PromQL that gives one series for each pod of the target, told apart by the telemetry source's "
            "podLabel; $namespace, $pods (a regular expression) and $window are filled in. A pod without a fresh "
            "value stops the step: nothing is done without data."
        ),
    ]
    order: Annotated[Order, Field(default=Order.HIGHEST, description="Whether the highest or lowest value is worst.")]
    threshold: Annotated[
        DecimalText,
        Field(description="Only a pod whose value is beyond this is bad: above it for Highest, below it for Lowest."),
    ]


class EvictAction(ActionSpec):
    """Evict the worst pods of the target as far as disruption budgets allow; a ready pod always stays."""

    count: Annotated[
        int,
        Field(
            default=1,
            ge=1,
            le=MOST_PODS,
            description="Most pods that are evicted in one step, each when the one before it has been replaced.",
        ),
    ]
    worst: Annotated[WorstPods, Field(description="Which pods are evicted.")]

    @property
    def default_risk(self) -> Risk:
        """Work in progress on the pods that end may be lost."""
        return Risk.MEDIUM

    @property
    def reversal(self) -> Reversal:
        """The pods that ended do not come back."""
        return Reversal.IMPOSSIBLE
