"""Act 0, Shadow: act 1's fault; the record says what would have been done, and nothing is touched."""

from e2e.acts.scene import TUNING, WORKLOAD, Result, Scene
from e2e.stage import Stage
from e2e.timeline import Who

_SURGE_SECONDS = 20


def run(stage: Stage) -> Result:
    """Play the act."""
    scene = Scene(stage, "Act 0, Shadow: what would have been done")
    scene.begin("remedies.yaml", words={"mode: Live": "mode: Shadow"})
    surge = stage.subscribers.surge(_SURGE_SECONDS)
    scene.fault(f"{surge.rate} calls/s; one replica carries {stage.subscribers.capacity} with ease")
    name = scene.new_record()
    scene.kill_here("after the record")
    record = scene.wait_phase(name, "Recorded", deadline=20)
    plan = record["status"]["plan"]
    scene.say(Who.OPERATOR, f"would have done: {plan['description']}")
    scene.check((plan["before"], plan["intended"]) == ("1", "3"), "the record says: 1 -> 3 replicas")
    surge.wait()
    scene.check_writes(0, "writes of the operator to the Deployment and the ConfigMap", *WORKLOAD, *TUNING)
    scene.check(stage.api.replicas()[0] == 1, "the Deployment still wants 1 replica")
    scene.result.lines.append(f"by SIPp: {scene.toll()}")
    return scene.finish(name)
