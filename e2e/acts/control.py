"""The control: the same calls and the same faults as in acts 1 and 2, without the operator."""

import time

from e2e import truth
from e2e.acts.act1_congestion import SURGE_SECONDS
from e2e.acts.act2_misconfiguration import TOO_LOW, apply_limit
from e2e.acts.scene import Curve, Result, Scene
from e2e.stage import Stage
from e2e.timeline import Who

LIMIT_SECONDS = 25


def congestion(stage: Stage) -> tuple[Result, Curve]:
    """Let calls rise past what one replica carries; nobody helps."""
    scene = Scene(stage, "Control for act 1: congestion without the operator")
    scene.begin(None)
    surge = stage.subscribers.surge(SURGE_SECONDS)
    scene.fault(f"{surge.rate} calls/s; one replica carries {stage.subscribers.capacity} with ease")
    surge.wait()
    scene.check(stage.api.replicas() == (1, 1), "still one replica: nobody helped")
    return _told(scene)


def misconfiguration(stage: Stage) -> tuple[Result, Curve]:
    """Apply the limit that is too low; nobody helps until somebody is called."""
    scene = Scene(stage, "Control for act 2: the limit without the operator")
    scene.begin(None)
    apply_limit(scene)
    end = time.monotonic() + LIMIT_SECONDS
    scene.wait(lambda: time.monotonic() > end, "the time of the control", LIMIT_SECONDS + 5)
    result, curve = _told(scene)
    scene.check(TOO_LOW in stage.api.tuning(), "the limit is still too low: nobody helped")
    stage.in_order()
    return result, curve


def _told(scene: Scene) -> tuple[Result, Curve]:
    moments = scene.moments()
    cost = truth.toll(moments)
    scene.check(cost.failed > 0, f"calls fail: {cost}")
    scene.say(Who.CALLERS, f"without the operator: {cost}")
    scene.result.lines.append(f"by SIPp: {cost}")
    replicas = scene.stage.follower.replicas(scene.fault_at, time.time())
    return scene.result, Curve(scene.fault_at, moments, replicas)
