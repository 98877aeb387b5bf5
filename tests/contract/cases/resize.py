"""Resizing a container: in a running pod, and through the pod template."""

from typing import Any

from homeostat.contracts.steps import Step
from homeostat.contracts.target import Target
from homeostat.flow.resources import Body
from tests.contract.cases.case import ActionCase, pod_template, workload

SIDECAR = {"name": "sidecar", "image": "localhost/none:1", "resources": {"limits": {"memory": "64Mi"}}}
RUNNING = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


def resources(cpu: str = "500m", memory: str = "1Gi") -> dict[str, dict[str, str]]:
    return {"requests": {"cpu": "250m"}, "limits": {"cpu": cpu, "memory": memory}}


def template(cpu: str = "500m") -> dict[str, Any]:
    made = pod_template("pcscf")
    made["spec"]["containers"][0]["resources"] = resources(cpu)
    made["spec"]["containers"].append(SIDECAR)
    return made


def pod(name: str = "pcscf", cpu: str = "500m") -> dict[str, Any]:
    """A pod that a kubelet would have started: no node is there, so its status is written by hand."""
    body = template(cpu)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**body["metadata"], "name": name},
        "spec": body["spec"],
        "status": RUNNING,
    }


def deployment(cpu: str = "500m") -> dict[str, Any]:
    body = workload("Deployment", "pcscf")
    body["spec"]["template"] = template(cpu)
    return body


def _limit(body: Body) -> str:
    spec = body["spec"].get("template", body)["spec"]
    assert spec["containers"][1]["resources"]["limits"] == {"memory": "64Mi"}, "the sidecar was touched"
    return f"limits.cpu={spec['containers'][0]['resources']['limits']['cpu']}"


def _case(name: str, body: dict[str, Any], through: str, meddling: dict[str, Any], subresource: str) -> ActionCase:
    action = {"target": "pcscf", "container": "main", "cpu": {"by": "+50%"}, "of": ["Limits"], "through": through}
    api_version, kind = body["apiVersion"], body["kind"]
    ref = {"apiVersion": api_version, "kind": kind, "name": "pcscf"}
    return ActionCase(
        name=f"resize-{name}",
        objects=(body,),
        step=Step.model_validate({"name": "more-cpu", "action": {"resize": action}}),
        target=Target.model_validate({"name": "pcscf", "ref": ref}),
        acted=(api_version, kind, "pcscf"),
        before="limits.cpu=500m",
        intended="limits.cpu=750m",
        meddling=meddling,
        meddled="limits.cpu=900m",
        missing="TargetNotFound",
        value=_limit,
        subresource=subresource,
    )


CASES = (
    _case("in-place", pod(), "InPlace", {"spec": {"containers": pod(cpu="900m")["spec"]["containers"]}}, "resize"),
    _case("template", deployment(), "Template", {"spec": {"template": template("900m")}}, ""),
)
