"""Act 3: a remedy that does not help is taken back, and a person is told."""

import json

from e2e.acts.scene import WORKLOAD, Result, Scene
from e2e.cnf.deploy import NAMESPACE, wait_ready
from e2e.stage import Stage
from e2e.timeline import Who


def run(stage: Stage) -> Result:
    """Play the act."""
    scene = Scene(stage, "Act 3: a remedy that does not help is undone and escalated")
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
    record = scene.wait_phase(name, "Escalated", deadline=60)
    outcomes = [verification["outcome"] for verification in record["status"]["verifications"]]
    scene.check(outcomes == ["Ineffective"], "judged as Ineffective, and escalated to a person")
    scene.check(stage.api.tuning().encode() == before, "the ConfigMap is byte for byte as before")
    scene.check_writes(2, "writes to the ConfigMap, the act and its undo", "configmaps")
    scene.check_writes(0, "writes to the Deployment", *WORKLOAD)
    cost = scene.toll()
    scene.check(cost.dropped == 0, f"by SIPp, neither act nor undo dropped a call in progress: {cost}")
    scene.result.lines += [f"by SIPp: {cost}", f"calls dropped by the remedy itself: {cost.dropped}"]
    return scene.finish(name)


def _send_calls_to(stage: Stage, app: str) -> None:
    patch = json.dumps({"spec": {"selector": {"app": app}}})
    stage.cluster.kubectl("patch", "service/uas", "-n", NAMESPACE, "--type=merge", f"--patch={patch}")
