"""Exactly one of all actions."""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from homeostat.contracts.actions.evict import EvictAction
from homeostat.contracts.actions.extension import ExtensionAction
from homeostat.contracts.actions.http import HttpAction
from homeostat.contracts.actions.job import JobAction
from homeostat.contracts.actions.kinds import ActionSpec, ActionType
from homeostat.contracts.actions.patch import PatchAction
from homeostat.contracts.actions.reconfigure import ReconfigureAction
from homeostat.contracts.actions.resize import ResizeAction
from homeostat.contracts.actions.restart import RestartAction
from homeostat.contracts.actions.rollback import RollbackAction
from homeostat.contracts.actions.scale import ScaleAction
from homeostat.contracts.common import Resource, cel


def _exactly_one(schema: JsonDict) -> None:
    names = list(schema["properties"]) if isinstance(schema["properties"], dict) else []
    given = ", ".join(f"has(self.{name})" for name in names)
    rule = cel(f"[{given}].exists_one(given, given)", f"give exactly one action: {_listed(names)}")
    schema["x-kubernetes-validations"] = [rule]


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


class Action(Resource):
    """Exactly one action."""

    model_config = ConfigDict(json_schema_extra=_exactly_one)

    scale: Annotated[ScaleAction | None, Field(default=None, description="Change the number of replicas.")]
    reconfigure: Annotated[ReconfigureAction | None, Field(default=None, description="Change a configuration value.")]
    resize: Annotated[ResizeAction | None, Field(default=None, description="Change a container's CPU or memory.")]
    rollback: Annotated[RollbackAction | None, Field(default=None, description="Go back to the previous revision.")]
    restart: Annotated[
        RestartAction | None, Field(default=None, description="Restart the target's pods one after another.")
    ]
    evict: Annotated[
        EvictAction | None,
        Field(
            default=None,
            description="Evict the worst pods of the target as far as disruption budgets allow; a ready pod always "
            "stays, and the target's controller makes new ones.",
        ),
    ]
    patch: Annotated[PatchAction | None, Field(default=None, description="Change named fields of any object.")]
    job: Annotated[JobAction | None, Field(default=None, description="Run a runbook as a Kubernetes Job.")]
    http: Annotated[HttpAction | None, Field(default=None, description="Call a system outside the cluster.")]
    extension: Annotated[ExtensionAction | None, Field(default=None, description="Do what an extension does.")]

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if len(self._given()) != 1:
            raise ValueError(f"give exactly one action: {_listed(list(type(self).model_fields))}")
        return self

    def _given(self) -> dict[str, ActionSpec]:
        return {name: spec for name in type(self).model_fields if (spec := getattr(self, name)) is not None}

    @property
    def spec(self) -> ActionSpec:
        """The action that is given."""
        return next(iter(self._given().values()))

    @property
    def type(self) -> ActionType:
        """Which action it is."""
        return ActionType(next(iter(self._given())).capitalize())

    @property
    def target(self) -> str:
        """Name of the intent's target that is acted on, or on whose behalf."""
        return self.spec.target
