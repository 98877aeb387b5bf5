"""Restarting a Deployment, a StatefulSet and a DaemonSet, each of which was restarted by someone before."""

from typing import Any

from homeostat.act.restart import ANNOTATION, restarted_for
from homeostat.contracts.steps import Step
from homeostat.contracts.target import Target
from homeostat.flow.resources import Body
from tests.contract.cases.case import ActionCase, workload


def _step_of(body: Body) -> str:
    """The step that the pods were last restarted for; attempt and time follow it."""
    return restarted_for(body).partition(".")[0]


def _annotated(value: str) -> dict[str, Any]:
    return {"metadata": {"annotations": {ANNOTATION: value}}}


def _restart_case(kind: str) -> ActionCase:
    body = workload(kind, "pcscf")
    body["spec"]["template"]["metadata"] |= _annotated("earlier")["metadata"]
    ref = {"apiVersion": "apps/v1", "kind": kind, "name": "pcscf"}
    return ActionCase(
        name=f"restart-{kind.lower()}",
        objects=(body,),
        step=Step.model_validate({"name": "start-anew", "action": {"restart": {"target": "pcscf"}}}),
        target=Target.model_validate({"name": "pcscf", "ref": ref}),
        acted=("apps/v1", kind, "pcscf"),
        before="earlier",
        intended="start-anew",
        meddling={"spec": {"template": _annotated("someone")}},
        meddled="someone",
        missing="TargetNotFound",
        value=_step_of,
    )


CASES = tuple(_restart_case(kind) for kind in ("Deployment", "StatefulSet", "DaemonSet"))
