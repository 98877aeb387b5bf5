"""Running a runbook as a Job, with a runbook that takes it back."""

import json
from typing import Any

from homeostat.act.job_manifest import OPERATION_ANNOTATION, template_digest
from homeostat.cluster.client import ApiCluster
from homeostat.contracts.actions.job import JobTemplate
from homeostat.contracts.steps import Step
from homeostat.contracts.target import Target
from tests.contract.cases.case import ActionCase, Staged, workload

TEMPLATE = {"image": "localhost/runbook:1", "command": ["/runbook", "clear-sessions"]}
UNDO = {"image": "localhost/runbook:1", "command": ["/runbook", "restore-sessions"]}
INTENDED = f"one run of localhost/runbook:1 (template {template_digest(JobTemplate.model_validate(TEMPLATE))})"
FOREIGN = {"image": "localhost/none:1", "name": "main"}


async def _runs(api: ApiCluster, namespace: str) -> str:
    """Runs that have not been taken back."""
    runs = 0
    for job in await api.list("batch/v1", "Job", namespace):
        container = job["spec"]["template"]["spec"]["containers"][0]
        operation = (job["metadata"].get("annotations") or {}).get(OPERATION_ANNOTATION, "")
        if not operation:
            return "someone else's Job"
        assert (container["image"], container["command"]) in [(t["image"], t["command"]) for t in (TEMPLATE, UNDO)]
        runs += 1 if container["command"] == TEMPLATE["command"] else -1
    return {0: "none", 1: INTENDED}[runs]


def _meddle(stage: Staged) -> None:
    """Someone puts a Job of their own under the very name."""
    name = stage.intentions[0].intended.partition("/")[2]
    stage.cluster.kubectl("delete", "job", name, "-n", stage.namespace, "--ignore-not-found", "--cascade=foreground")
    template: dict[str, Any] = {"spec": {"restartPolicy": "Never", "containers": [FOREIGN]}}
    stage.create({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"template": template}})


def complete(stage: Staged, exit_code: int = 0) -> None:
    """There is no node: what the kubelet would say of the runbook's pod is said here, and the Job's own controller
    draws its conclusion."""
    name = stage.intentions[0].intended.partition("/")[2]
    pods = f"--selector=batch.kubernetes.io/job-name={name}"
    stage.cluster.kubectl("wait", "--for=create", "pod", pods, "-n", stage.namespace, "--timeout=30s")
    pod = stage.cluster.kubectl("get", "pod", pods, "-n", stage.namespace, "-o", "jsonpath={.items[0].metadata.name}")
    terminated = {"exitCode": exit_code, "reason": "Error" if exit_code else "Completed"}
    container = {
        "name": "runbook", "image": "i", "imageID": "i", "ready": False, "restartCount": 0,
        "state": {"terminated": terminated},
    }  # fmt: skip
    status = {"phase": "Failed" if exit_code else "Succeeded", "containerStatuses": [container]}
    stage.cluster.kubectl(
        "patch", "pod", pod, "-n", stage.namespace, "--subresource=status", "--type=merge",
        "-p", json.dumps({"status": status}),
    )  # fmt: skip
    condition = "Failed" if exit_code else "Complete"
    stage.cluster.kubectl("wait", f"--for=condition={condition}", f"job/{name}", "-n", stage.namespace, "--timeout=30s")


CASES = (
    ActionCase(
        name="job",
        objects=(workload("Deployment", "pcscf"),),
        step=Step.model_validate(
            {"name": "clear-sessions", "action": {"job": {"target": "pcscf", "template": TEMPLATE, "undo": UNDO}}}
        ),
        target=Target.model_validate(
            {"name": "pcscf", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pcscf"}}
        ),
        acted=("apps/v1", "Deployment", "pcscf"),
        before="none",
        intended=INTENDED,
        meddling={},
        meddled="someone else's Job",
        missing="TargetNotFound",
        value=lambda _: "",
        verb="create",
        effect_elsewhere=_runs,
        meddle_elsewhere=_meddle,
        come_into_force=complete,
    ),
)
