"""Act 4: an action outside the boundary waits for a person; only one who may decide can let it go on."""

import os
import sys
from pathlib import Path

from e2e.acts.scene import WORKLOAD, Result, Scene
from e2e.cnf.deploy import NAMESPACE
from e2e.stage import Stage
from e2e.timeline import Who
from hack.cluster import ClusterError
from hack.cluster.api import kubectl_command
from hack.cluster.commands import run as run_command

_SURGE_SECONDS = 40


def run(stage: Stage) -> Result:
    """Play the act."""
    scene = Scene(stage, "Act 4: outside the boundary, a person decides")
    scene.begin("ask-first.yaml")
    surge = stage.subscribers.surge(_SURGE_SECONDS)
    scene.fault(f"{surge.rate} calls/s; one replica carries {stage.subscribers.capacity} with ease")
    name = scene.new_record()
    scene.wait_phase(name, "AwaitingApproval", deadline=20)
    scene.kill_here("while it waits")
    scene.check_writes(0, "writes before anybody approved", *WORKLOAD)
    refusal = _refused(stage, name)
    scene.say(Who.PERSON, f"mallory: kubectl homeostat approve {name} -n {NAMESPACE}\n{refusal}")
    scene.check("may not approve" in refusal, "mallory may not approve")
    scene.check(_phase(stage, name) == "AwaitingApproval", "it still waits")
    scene.check_writes(0, "writes after mallory tried", *WORKLOAD)
    answer = _approve(stage, name, "alice")
    scene.say(Who.PERSON, f"alice: kubectl homeostat approve {name} -n {NAMESPACE}\n{answer}")
    scene.wait_applied(name)
    record = scene.wait_phase(name, "Succeeded", deadline=90)
    by = [decision["by"] for decision in record["spec"]["decisions"]]
    scene.check(by == ["alice"], "the record names who approved: alice")
    scene.check_writes(1, "writes of a scale", "deployments/scale")
    surge.wait()
    scene.result.lines.append(f"by SIPp: {scene.toll()}")
    return scene.finish(name)


def _refused(stage: Stage, name: str) -> str:
    try:
        return _approve(stage, name, "mallory")
    except ClusterError as refused:
        return str(refused).partition("\n")[2]


def _approve(stage: Stage, name: str, user: str) -> str:
    kubectl = str(kubectl_command(stage.cluster.folder, stage.cluster.kubeconfig)[0])
    beside = [str(Path(kubectl).parent), str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    environment = {"PATH": os.pathsep.join(beside), "KUBECONFIG": str(stage.cluster.kubeconfig_for(user))}
    return run_command([kubectl, "homeostat", "approve", name, "-n", NAMESPACE], environment=environment).strip()


def _phase(stage: Stage, name: str) -> str:
    return str(stage.api.record(name)["status"]["phase"])
