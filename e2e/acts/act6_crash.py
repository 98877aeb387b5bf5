"""Act 6: SIGKILL between record and act, in sight. The record tells what was meant; it is done once, not twice."""

import json
from pathlib import Path

import yaml

from e2e.acts.scene import WORKLOAD, Record, Result, Scene
from e2e.holding_proxy import HoldingProxy
from e2e.operator_process import OPERATOR
from e2e.stage import Stage
from e2e.timeline import Who
from hack.cluster.proxy import forward

_SURGE_SECONDS = 40


def run(stage: Stage) -> Result:
    """Play the act."""
    scene = Scene(stage, "Act 6: SIGKILL between record and act")
    upstream, process = forward(stage.cluster, stage.cluster.kubeconfig_for(OPERATOR), "operator-proxy")
    try:
        with HoldingProxy(upstream) as proxy:
            stage.operator.start(_kubeconfig(stage, proxy.address))
            name, intended = _killed_in_between(scene, proxy)
        return _resumed(scene, name, intended)
    finally:
        process.stop()


def _killed_in_between(scene: Scene, proxy: HoldingProxy) -> tuple[str, Record]:
    stage = scene.stage
    scene.begin("remedies.yaml")
    proxy.hold_next_scale()
    surge = stage.subscribers.surge(_SURGE_SECONDS)
    scene.fault(f"{surge.rate} calls/s; one replica carries {stage.subscribers.capacity} with ease")
    name = scene.new_record()
    scene.check(proxy.wait_until_holding(30), "the write of the scale is held before it is sent")
    scene.say(Who.FAULT, f"held: {proxy.held_request}")
    operations = stage.api.record(name)["status"]["operations"]
    for operation in operations:
        scene.say(Who.OPERATOR, f"in etcd already: {json.dumps(operation, sort_keys=True)}")
    scene.check([o["state"] for o in operations] == ["Intended"], "the record holds the operation, Intended")
    scene.check_writes(0, "writes to the Deployment", *WORKLOAD)
    scene.say(Who.FAULT, f"SIGKILL to the operator (process {stage.operator.kill()}); the held write is dropped")
    return name, operations[0]


def _resumed(scene: Scene, name: str, intended: Record) -> Result:
    stage = scene.stage
    scene.check(stage.api.replicas()[0] == 1, "nothing was done: 1 replica")
    stage.operator.start()
    scene.say(Who.STAGE, "the operator runs again")
    scene.wait_applied(name)
    scene.wait_phase(name, "Succeeded", deadline=90)
    scene.check_writes(1, "writes of a scale", "deployments/scale")
    wanted = stage.api.replicas()[0]
    scene.check(wanted == int(intended["intended"]), f"{wanted} replicas, as the record intended before the crash")
    scene.result.lines.append(f"by SIPp: {scene.toll()}")
    return scene.finish(name)


def _kubeconfig(stage: Stage, address: str) -> Path:
    """The operator's own kubeconfig, but for the server: the proxy."""
    document = yaml.safe_load(stage.cluster.kubeconfig_for(OPERATOR).read_text())
    document["clusters"][0]["cluster"] = {"server": address}
    file = stage.cluster.folder / "held.kubeconfig"
    file.touch(mode=0o600)
    file.write_text(yaml.safe_dump(document))
    return file
