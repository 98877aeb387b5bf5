"""What the expressions of a step may speak of, taken from what was seen; and why some of it is not known."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from homeostat.contracts.remediation import Diagnosis, RankedCause
from homeostat.contracts.service_intent import ExpectationStateName
from homeostat.contracts.steps import Step
from homeostat.flow.facts import Track, Variables, Workload
from homeostat.flow.resources import CompiledIntent

Unknowns = dict[tuple[str, ...], str]

_MOST_LABELS = 64
"""Labels that are handed to an expression; with more of them none is, rather than some."""


def variables_for(
    step: Step,
    *,
    intent: CompiledIntent,
    trigger: str,
    tracks: Mapping[str, Track],
    diagnosis: Diagnosis,
    workload: Workload | None,
    now: datetime,
) -> Variables:
    """The variables of one step; ``trigger`` is the name of the expectation that is broken."""
    unknown: Unknowns = {}
    expectations = {e.name: _observed(e.name, tracks.get(e.name), unknown) for e in intent.spec.expectations}
    for (_, name, *rest), why in list(unknown.items()):
        if name == trigger:
            unknown["trigger", *rest] = why
    if trigger not in expectations:
        unknown["trigger",] = f"the intent has no expectation {trigger}"
    values = {
        "cause": _cause(step, diagnosis, unknown),
        "intent": _intent(intent, unknown),
        "observed": expectations,
        "trigger": {"name": trigger, **expectations.get(trigger, {})},
        "target": _target(step, workload, unknown),
        "time": now,
    }
    return Variables(values, unknown)


def _observed(name: str, track: Track | None, unknown: Unknowns) -> dict[str, Any]:
    if track is None or not track.looks or track.state is ExpectationStateName.UNKNOWN:
        why = track.message if track is not None and track.message else "no look at it was made yet"
        unknown["observed", name] = f"{name} is Unknown: {why}"
        return {}
    reading = track.looks[-1].reading
    known: dict[str, Any] = {"state": str(track.state)}
    if reading.value is None:
        unknown["observed", name, "value"] = f"{name} has no value now ({reading.unknown}: {reading.message})"
    else:
        known["value"] = reading.value
    if reading.load is None:
        unknown["observed", name, "load"] = f"the load of {name} is not known; only a ratio counts events"
    else:
        known["load"] = reading.load
    return known


def _cause(step: Step, diagnosis: Diagnosis, unknown: Unknowns) -> dict[str, Any]:
    """The most likely supported cause that the step is for."""
    found: RankedCause | None = next(
        (c for c in diagnosis.causes if c.supported and (not step.causes or c.name in step.causes)), None
    )
    if found is None:
        unknown["cause",] = "no cause that the step is for is supported"
        return {}
    return {"name": found.name, "score": float(found.score)}


def _intent(intent: CompiledIntent, unknown: Unknowns) -> dict[str, Any]:
    if len(intent.labels) > _MOST_LABELS:
        unknown["intent", "labels"] = f"the intent has {len(intent.labels)} labels, and {_MOST_LABELS} can be read"
        labels = {}
    else:
        labels = dict(intent.labels)
    return {"name": intent.stamp.name, "namespace": intent.stamp.namespace, "labels": labels}


def _target(step: Step, workload: Workload | None, unknown: Unknowns) -> dict[str, Any]:
    if workload is None or not workload.exists or workload.identity is None:
        unknown["target",] = f"the workload of target {step.action.target} was not seen"
        return {}
    known: dict[str, Any] = {
        "name": workload.target,
        "kind": workload.identity.kind,
        "readyReplicas": float(workload.ready_replicas),
    }
    if workload.replicas is None:
        unknown["target", "replicas"] = f"{workload.identity.kind}/{workload.identity.name} states no replicas"
    else:
        known["replicas"] = float(workload.replicas)
    return known
