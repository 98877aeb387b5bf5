"""Act 5, blindness: overloaded and unseen. Nothing is done; and as soon as it sees again, it acts."""

import time

from e2e import truth
from e2e.acts.scene import TUNING, WORKLOAD, Result, Scene
from e2e.cnf.deploy import NAMESPACE, wait_ready
from e2e.load import Surge
from e2e.stage import Stage
from e2e.timeline import Who

_REPLICAS = 2
_SHORT_SURGE_SECONDS = 25
_LONG_SURGE_SECONDS = 240
"""A bound only: the surge is ended when the remedy has been judged, however long the blindness took."""

_CLEARLY_FAILING = 0.1
"""Share of calls: five times what is promised, so that the breach is there for as long as the surge is."""

_TIMES = 2.0
"""Times what two replicas carry with ease: less than elsewhere, since the machine must still carry six; it may rise."""

_MOST_RISES = 4

_BLIND_SECONDS = 8.0
"""Longer than the operator takes to detect, decide and act when it sees."""

_POD = "/api/v1/namespaces/ims/pods/{pod}:8080/proxy/fault"


def run(stage: Stage) -> Result:
    """Play the act."""
    scene = Scene(stage, "Act 5, blindness: no data, no act")
    scene.begin("remedies.yaml", replicas=_REPLICAS)
    pods = stage.api.edge_pods()
    try:
        return _played(scene, pods)
    finally:
        _heal(stage, pods)


def _played(scene: Scene, pods: list[str]) -> Result:
    stage = scene.stage
    scene.fault("Prometheus is stopped; then calls rise past what two replicas carry")
    _scale_prometheus(stage, 0)
    _wait_blind(scene, {"SourceDown", "TimedOut", "BadAnswer"})
    first = _surge(scene, _SHORT_SURGE_SECONDS)
    _stay_blind(scene, first)
    scene.kill_here("while it is blind")
    first.wait()

    scene.say(Who.FAULT, f"Prometheus starts again, without {pods[0]}; then calls rise again")
    _scrape(stage, pods[0], "false")
    _scale_prometheus(stage, 1)
    _wait_blind(scene, {"Partial"})
    second = _surge(scene, _LONG_SURGE_SECONDS)
    _stay_blind(scene, second)

    scene.say(Who.FAULT, f"{pods[0]} is scraped again, but both pods' counters are NaN")
    _break_exporters(stage, pods, "POST")
    _scrape(stage, pods[0], "true")
    _wait_blind(scene, {"NotANumber"})
    _stay_blind(scene, second)
    return _sighted(scene, pods)


def _surge(scene: Scene, lasting: int) -> Surge:
    surge = scene.stage.subscribers.surge(lasting, replicas=_REPLICAS, times=_TIMES)
    scene.say(Who.CALLERS, f"{surge.rate} calls/s; two replicas carry {2 * scene.stage.subscribers.capacity} with ease")
    return surge


def _heal(stage: Stage, pods: list[str]) -> None:
    _scale_prometheus(stage, 1)
    for pod in set(pods) & set(stage.api.edge_pods()):
        _scrape(stage, pod, "true")
        _break_exporters(stage, [pod], "DELETE")


def _sighted(scene: Scene, pods: list[str]) -> Result:
    stage = scene.stage
    _break_exporters(stage, pods, "DELETE")
    sighted = time.time()
    scene.say(Who.STAGE, "the figures are whole again, calls are as many as before")
    name = scene.acting_record()
    scene.kill_here("between act and verification")
    scene.check_writes(1, f"writes of a scale, {time.time() - sighted:.0f} s after it sees again", "deployments/scale")
    # How much it helps depends on the machine by now; that it saw, acted once and judged is what this act shows.
    record = scene.wait_phase(name, "Succeeded", "Escalated", deadline=90)
    scene.say(Who.OPERATOR, f"judged: {record['status']['outcome']}")
    scene.result.lines.append(f"by SIPp: {scene.toll()}")
    stage.subscribers.calm()
    return scene.finish(name)


def _wait_blind(scene: Scene, reasons: set[str]) -> None:
    def is_blind() -> bool:
        status, reason, _ = scene.stage.condition("TelemetryAvailable")
        return status == "False" and reason in reasons

    scene.wait(is_blind, f"TelemetryAvailable=False for {' or '.join(sorted(reasons))}", 30)
    _, reason, message = scene.stage.condition("TelemetryAvailable")
    fulfilled = scene.stage.condition("Fulfilled")[0]
    scene.check(
        fulfilled == "Unknown", f"the intent says Fulfilled=Unknown, TelemetryAvailable=False ({reason}): {message}"
    )
    scene.wait(lambda: _told_in_events(scene.stage, reason), f"an Event that says {reason}", 20)
    scene.check(True, f"an Event says {reason}")


def _told_in_events(stage: Stage, reason: str) -> bool:
    events = stage.api.get(f"/apis/events.k8s.io/v1/namespaces/{NAMESPACE}/events")["items"]
    return any(event.get("reason") == "TelemetryUnavailable" and reason in event.get("note", "") for event in events)


def _stay_blind(scene: Scene, surge: Surge) -> None:
    """Let the overload go on unseen, for longer than an act would have taken and until callers clearly suffer."""
    cost = _spell(scene)
    for _ in range(_MOST_RISES):  # how much a busy proxy carries wanders with the machine
        if _is_clear(cost):
            break
        scene.say(Who.CALLERS, f"{cost}; that is few, so {surge.rise()} calls/s from now on")
        cost = _spell(scene)
    scene.check(_is_clear(cost), f"by SIPp, callers suffer meanwhile: {cost}")
    scene.check_writes(0, "writes of the operator to the Deployment and the ConfigMap", *WORKLOAD, *TUNING)


def _spell(scene: Scene) -> truth.Toll:
    start = time.time()
    time.sleep(_BLIND_SECONDS)
    return truth.toll(truth.between(scene.moments(), start, time.time()))


def _is_clear(cost: truth.Toll) -> bool:
    return cost.failed > _CLEARLY_FAILING * cost.attempted


def _scale_prometheus(stage: Stage, replicas: int) -> None:
    stage.cluster.kubectl("scale", "-n", NAMESPACE, "deployment/prometheus", f"--replicas={replicas}")
    if replicas:
        wait_ready(stage.cluster, "prometheus")


def _scrape(stage: Stage, pod: str, whether: str) -> None:
    stage.cluster.kubectl("label", "pod", pod, "-n", NAMESPACE, f"homeostat-demo/scrape={whether}", "--overwrite")


def _break_exporters(stage: Stage, pods: list[str], method: str) -> None:
    for pod in pods:
        stage.api.send(method, _POD.format(pod=pod))
