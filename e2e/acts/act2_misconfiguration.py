"""Act 2, misconfiguration: a limit that is too low; the change is seen, and the value that worked restored."""

import time

from e2e import truth
from e2e.acts.scene import WORKLOAD, Curve, Result, Scene, marks
from e2e.stage import ORIGINAL_TUNING, Stage
from e2e.timeline import Who

TOO_LOW = "invitesPerSecond: 3 "
_AGREED = "invitesPerSecond: 400 "
_RECOVERY_DEADLINE = 20
_REVISIONS = "/apis/apps/v1/namespaces/ims/controllerrevisions?labelSelector=homeostat.dev%2Fconfig-map%3Dpcscf-tuning"


def run(stage: Stage) -> tuple[Result, Curve]:
    """Play the act."""
    scene = Scene(stage, "Act 2, misconfiguration: the same promise broken, another cause, another remedy")
    scene.begin("remedies.yaml")
    scene.wait(lambda: _is_known_good(stage), "the tuning is known to work", 60)
    scene.say(Who.OPERATOR, "the present tuning is remembered as one under which the promise is kept")
    before = stage.api.tuning().encode()
    apply_limit(scene)
    name = scene.new_record()
    scene.wait_applied(name)
    record = scene.wait_phase(name, "Succeeded", deadline=60)
    scene.check(record["status"]["plan"]["step"] == "restore-limit", "of the two remedies, the restore was chosen")
    scene.check(stage.api.tuning().encode() == before, "the ConfigMap is byte for byte as before, comments and all")
    scene.check_writes(1, "writes to the ConfigMap", "configmaps")
    scene.check_writes(0, "writes to the Deployment", *WORKLOAD)
    return _told(scene, name)


def apply_limit(scene: Scene) -> None:
    """Do what somebody did on a bad day."""
    stage = scene.stage
    scene.fault(f"somebody applies {TOO_LOW.strip()} (was {_AGREED.strip()})")
    stage.tune(ORIGINAL_TUNING.read_text().replace(_AGREED, TOO_LOW))


def _is_known_good(stage: Stage) -> bool:
    revisions = stage.api.get(_REVISIONS)["items"]
    return any("homeostat.dev/good" in (revision["metadata"].get("annotations") or {}) for revision in revisions)


def _told(scene: Scene, name: str) -> tuple[Result, Curve]:
    moments = scene.moments()
    recovered = truth.recovered_at(moments, scene.fault_at)
    took = (recovered or time.time()) - scene.fault_at
    in_time = recovered is not None and took <= _RECOVERY_DEADLINE
    scene.check(in_time, f"by SIPp, callers were served as promised again {took:.0f} s after the fault")
    cost = truth.toll(moments)
    scene.check(cost.dropped == 0, f"by SIPp, no call in progress was dropped: {cost}")
    scene.result.lines += [f"by SIPp: recovered after {took:.0f} s, {cost}"]
    scene.result.lines += [f"calls dropped by the remedy itself: {cost.dropped}"]
    record = scene.stage.api.record(name)
    replicas = scene.stage.follower.replicas(scene.fault_at, time.time())
    return scene.finish(name), Curve(scene.fault_at, moments, replicas, marks(record))
