"""Act 1, congestion: more calls than one replica carries; capacity is added, and later taken back."""

import time

from e2e import truth
from e2e.acts.scene import TUNING, Curve, Result, Scene, marks, seconds
from e2e.stage import Stage
from e2e.timeline import Who

SURGE_SECONDS = 40
_CALL_SECONDS = 6
_RECOVERY_DEADLINE = 35


def run(stage: Stage) -> tuple[Result, Curve]:
    """Play the act."""
    scene = Scene(stage, "Act 1, congestion: saturation is diagnosed, capacity added and later taken back")
    scene.begin("remedies.yaml")
    surge = stage.subscribers.surge(SURGE_SECONDS)
    scene.fault(f"{surge.rate} calls/s; one replica carries {stage.subscribers.capacity} with ease")
    name = scene.new_record()
    scene.wait_applied(name)
    record = scene.wait_phase(name, "Succeeded", deadline=90)
    scene.check(record["status"]["outcome"] == "Effective", "verified as Effective")
    scene.check(record["status"]["plan"]["step"] == "add-capacity", "of the two remedies, capacity was chosen")
    scene.check_writes(1, "writes of a scale", "deployments/scale")
    recovered = _recovered(scene)
    surge.wait()
    scene.say(Who.CALLERS, "the surge is over")
    scene.wait(lambda: _is_released(stage, name), "the added capacity is taken back", 110)
    scene.wait(lambda: len(stage.api.edge_pods()) == 1, "one pod of the edge is left", 70)
    one_by_one = "writes of a scale: one act, and the release of two instances, one after the other"
    scene.check_writes(3, one_by_one, "deployments/scale")
    scene.check_writes(0, "writes to the ConfigMap", *TUNING)
    return _told(scene, name, recovered)


def _recovered(scene: Scene) -> float:
    recovered = truth.recovered_at(scene.moments(), scene.fault_at)
    took = (recovered or time.time()) - scene.fault_at
    in_time = recovered is not None and took <= _RECOVERY_DEADLINE
    scene.check(in_time, f"by SIPp, callers were served as promised again {took:.0f} s after the fault")
    return float(recovered or 0)


def _is_released(stage: Stage, name: str) -> bool:
    release = stage.api.record(name)["status"].get("release") or {}
    return bool(release.get("state") == "Released")


def _told(scene: Scene, name: str, recovered: float) -> tuple[Result, Curve]:
    record = scene.stage.api.record(name)
    end = seconds(record["status"]["release"]["at"]) + _CALL_SECONDS
    scene.wait(lambda: time.time() > end, "the calls at the time of the release have ended", 2 * _CALL_SECONDS)
    moments = scene.moments()
    calm = truth.undisturbed(moments, recovered, _CALL_SECONDS)
    scene.check(
        any(moment.at > end - _CALL_SECONDS for moment in calm), "calls were served when capacity was taken back"
    )
    served = truth.toll(calm)
    scene.check(served.dropped == 0, f"by SIPp, adding and taking back capacity dropped no call: {served}")
    scene.result.lines += [f"by SIPp: recovered after {recovered - scene.fault_at:.0f} s, {truth.toll(moments)}"]
    scene.result.lines += [f"calls dropped by the remedy itself: {served.dropped}"]
    curve = Curve(scene.fault_at, moments, scene.stage.follower.replicas(scene.fault_at, time.time()), marks(record))
    return scene.finish(name), curve
