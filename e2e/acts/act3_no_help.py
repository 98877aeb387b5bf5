"""Act 3: a remedy that does harm is taken back, so is the next one, which does not help, and a person is told."""

import json

from e2e.acts.scene import WORKLOAD, Result, Scene
from e2e.cnf.deploy import NAMESPACE, wait_ready
from e2e.stage import Stage
from e2e.timeline import Who


def run(stage: Stage) -> Result:
    """Play the act."""
    scene = Scene(stage, "Act 3: worse is undone, the next step does not help and is undone, then a person is called")
    stage.apply("refusing-callee.yaml")
    wait_ready(stage.cluster, "refusing-callee")
    scene.begin("no-help.yaml")
    before = stage.api.tuning().encode()
    scene.fault("the callee's side begins to refuse every call with 500: nothing that the edge could change")
    _send_calls_to(stage, "refusing-callee")
    try:
        return _played(scene, before)
    finally:
        _send_calls_to(stage, "uas")
        scene.say(Who.STAGE, "the callee's side is well again")


def _played(scene: Scene, before: bytes) -> Result:
    stage = scene.stage
    name = scene.new_record()
    scene.wait_applied(name)
    record = scene.wait_phase(name, "Escalated", deadline=150)
    judged = [(verification["step"], verification["outcome"]) for verification in record["status"]["verifications"]]
    expected = [("shed-load", "Worse"), ("more-patience", "Ineffective")]
    scene.check(
        judged == expected, "shed-load judged as Worse, more-patience as Ineffective, then escalated to a person"
    )
    undo = record["status"]["undo"]
    scene.check(undo["state"] == "Undone", f"the last undo was verified too: {undo['message']}")
    scene.check(stage.api.tuning().encode() == before, "the ConfigMap is byte for byte as before")
    scene.check_writes(4, "writes to the ConfigMap, two acts and their undos", "configmaps")
    scene.check_writes(0, "writes to the Deployment", *WORKLOAD)
    cost = scene.toll()
    scene.check(cost.dropped == 0, f"by SIPp, neither act nor undo dropped a call in progress: {cost}")
    scene.result.lines += [f"by SIPp: {cost}", f"calls dropped by the remedy itself: {cost.dropped}"]
    return scene.finish(name)


def _send_calls_to(stage: Stage, app: str) -> None:
    patch = json.dumps({"spec": {"selector": {"app": app}}})
    stage.cluster.kubectl("patch", "service/uas", "-n", NAMESPACE, "--type=merge", f"--patch={patch}")
