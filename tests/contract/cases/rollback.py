"""Going back to the previous revision of a Deployment, a StatefulSet and a DaemonSet."""

from typing import Any

from homeostat.contracts.steps import Step
from homeostat.contracts.target import Target
from homeostat.flow.resources import Body
from tests.contract.cases.case import ActionCase, pod_template, workload


def with_image(tag: int) -> dict[str, Any]:
    template = pod_template("pcscf")
    template["spec"]["containers"][0]["image"] = f"localhost/none:{tag}"
    return {"spec": {"template": template}}


def _revision(body: Body) -> str:
    """Each image is named after the revision that brings it."""
    return f"revision {body['spec']['template']['spec']['containers'][0]['image'].rpartition(':')[2]}"


def _case(kind: str) -> ActionCase:
    body = workload(kind, "pcscf")
    return ActionCase(
        name=f"rollback-{kind.lower()}",
        objects=(body,),
        history=(with_image(2),),
        step=Step.model_validate({"name": "previous-version", "action": {"rollback": {"target": "pcscf"}}}),
        target=Target.model_validate(
            {"name": "pcscf", "ref": {"apiVersion": "apps/v1", "kind": kind, "name": "pcscf"}}
        ),
        acted=("apps/v1", kind, "pcscf"),
        before="revision 2",
        intended="revision 1",
        meddling=with_image(3),
        meddled="revision 3",
        missing="TargetNotFound",
        value=_revision,
    )


CASES = tuple(_case(kind) for kind in ("Deployment", "StatefulSet", "DaemonSet"))
