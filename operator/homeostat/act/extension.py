"""What a third party writes to add an action: the shape of an extension, and how it gets its parameters.

An extension is found by an entry point of the group ``homeostat.actions``; the entry point's name is the name by which
policies call it. ``docs/extending.md`` tells the whole of it.
"""

from typing import Protocol, TypeVar

from pydantic import BaseModel

from homeostat.contracts.actions.extension import ExtensionAction
from homeostat.contracts.actions.kinds import Reversal, Risk
from homeostat.contracts.operations import Operation
from homeostat.contracts.steps import Step
from homeostat.flow.ports import Actuator, Cluster, Effect
from homeostat.flow.resources import StoredRecord

ENTRY_POINTS = "homeostat.actions"

Parameters = TypeVar("Parameters", bound=BaseModel)


class Extension(Protocol):
    """An action of a third party."""

    parameters: type[BaseModel]
    """What a policy may state; every value arrives as text. Bound what you accept."""

    risk: Risk
    """Risk of what it does; authors of policies may raise it, never lower it."""

    reversal: Reversal
    """Whether its effect can be taken back."""

    def actuator(self, cluster: Cluster) -> Actuator:
        """What plans it: parameters are valid when it is asked."""
        ...

    def effect(self, cluster: Cluster, record: StoredRecord) -> Effect:
        """What carries out the operations of one record."""
        ...


def action_of(step: Step) -> ExtensionAction:
    """The action of a step that calls an extension.

    Raises:
        ValueError: it does something else.
    """
    if step.action.extension is None:
        raise ValueError(f"step {step.name} calls no extension")
    return step.action.extension


def parameters_of(step: Step, model: type[Parameters]) -> Parameters:
    """What a step states for an extension.

    Raises:
        pydantic.ValidationError: it is not what the model accepts.
    """
    return model.model_validate(action_of(step).parameters)


def step_of(operation: Operation, record: StoredRecord) -> Step:
    """The step that an operation carries out, as it was copied into the record."""
    return next(s for s in record.record.spec.terms.steps if s.name == operation.step)
