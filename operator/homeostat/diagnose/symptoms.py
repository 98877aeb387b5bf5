"""What the built-in causes look at: CPU, load, pods, and the telemetry itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from homeostat.contracts.remediation import Says
from homeostat.contracts.service_intent import ServiceIntentSpec
from homeostat.flow.facts import Reading, Situation, Workload
from homeostat.flow.wording import format_value

from .evidence import Weighed, observed

SATURATED_SHARE = 0.85
"""CPU share of its limit from which a pod counts as saturated: above it, CFS throttling delays every transaction."""

IDLE_SHARE = 0.6
"""CPU share below which saturation is all but excluded."""

LOAD_ROSE = 1.2
"""Load, as a multiple of what it was while the promise was kept, from which it counts as risen."""


class Level(StrEnum):
    """How busy the busiest target is."""

    SATURATED = "Saturated"
    BUSY = "Busy"
    IDLE = "Idle"
    UNKNOWN = "Unknown"


class Demand(StrEnum):
    """What the load did since the promise was kept."""

    ROSE = "Rose"
    STEADY = "Steady"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class TargetCpu:
    """CPU of one target, with the sentence that says so."""

    target: str
    level: Level
    message: str
    reading: Reading | None


def cpu_of_targets(spec: ServiceIntentSpec, situation: Situation) -> tuple[TargetCpu, ...]:
    """CPU of each target in the intent's order."""
    return tuple(_cpu(t.name, situation.cpu_share.get(t.name), situation) for t in spec.targets)


def busiest(cpus: Iterable[TargetCpu]) -> TargetCpu:
    """The target that decides: a saturated one; else one that may be saturated for all we know; else the busiest."""
    order = (Level.SATURATED, Level.UNKNOWN, Level.BUSY, Level.IDLE)
    return min(cpus, key=lambda cpu: order.index(cpu.level))


def demand(situation: Situation) -> tuple[Demand, str, str]:
    """What the load did, the sentence that says so, and the load now."""
    reading = situation.observation.readings.get(situation.trigger)
    now, before = reading.load if reading else None, situation.load_before
    if now is None or before is None or before <= 0:
        return Demand.UNKNOWN, "how the load moved is not known", ""
    change = f"{100 * (now / before - 1):+.0f} %"
    text = f"load {format_value(now)} per second, {change} against {format_value(before)} while the promise was kept"
    return (Demand.ROSE if now >= LOAD_ROSE * before else Demand.STEADY), text, format_value(now)


def pods_of_target(cause: str, target: str, workload: Workload | None, situation: Situation) -> Weighed:
    """Whether Kubernetes shows a target without any ready pod."""
    name, at = f"pods/{target}", situation.observation.at
    if workload is None:
        return observed(situation, cause, name, Says.UNKNOWN, f"the state of {target} is not known", weight=2)
    if not workload.exists:
        message = f"there is no workload for {target}: {workload.message or 'it does not exist'}"
        return observed(situation, cause, name, Says.SUPPORTS, message, weight=2, value="0", as_of=at)
    ready = len(workload.ready_pods)
    if ready:
        message = f"{ready} of {len(workload.pods)} pods of {target} are ready"
        return observed(situation, cause, name, Says.AGAINST, message, weight=2, value=str(ready), as_of=at)
    if workload.ready_replicas:
        message = f"{target} reports {workload.ready_replicas} ready replicas, but no ready pod was found"
        return observed(situation, cause, name, Says.UNKNOWN, message, weight=2)
    message = f"none of the {workload.replicas or 0} replicas of {target} is ready"
    return observed(situation, cause, name, Says.SUPPORTS, message, weight=2, value="0", as_of=at)


def source_answers(situation: Situation) -> bool:
    """Whether anything at all was measured."""
    readings = (*situation.observation.readings.values(), *situation.cpu_share.values())
    return any(reading.value is not None for reading in readings)


def trigger_unknown(situation: Situation) -> str:
    """Why the trigger has no trustworthy value at present; empty if it has one."""
    reading = situation.observation.readings.get(situation.trigger)
    if reading is None:
        return "it was not observed"
    return "" if reading.unknown is None else reading.message or reading.unknown.value


def _cpu(target: str, reading: Reading | None, situation: Situation) -> TargetCpu:
    if reading is None or reading.value is None:
        why = "it was not asked" if reading is None else reading.message or str(reading.unknown)
        return TargetCpu(target, Level.UNKNOWN, f"CPU of {target} is not known: {why}", None)
    share = reading.value
    message = f"CPU {format_value(share)} of its limit on {_whose(target, situation)}"
    if share >= SATURATED_SHARE:
        return TargetCpu(target, Level.SATURATED, message, reading)
    return TargetCpu(target, Level.IDLE if share < IDLE_SHARE else Level.BUSY, message, reading)


def _whose(target: str, situation: Situation) -> str:
    workload = situation.observation.workloads.get(target)
    count = len(workload.ready_pods) if workload else 0
    if count > 1:
        return f"the busiest of {count} pods of {target}"
    return f"the only pod of {target}" if count else f"the busiest pod of {target}"
