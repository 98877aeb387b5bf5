"""Variables for expressions, with sensible values."""

from datetime import UTC, datetime
from typing import Any

from homeostat.flow.facts import Variables

MONDAY_EVENING = datetime(2026, 6, 1, 16, 30, tzinfo=UTC)
CPU_UNKNOWN: dict[tuple[str, ...], str] = {("observed", "cpu"): "cpu is Unknown: Stale"}


def variables(unknown: dict[tuple[str, ...], str] | None = None, **changed: Any) -> Variables:
    setup = {"state": "Violated", "value": 0.91, "load": 1204.0}
    values: dict[str, Any] = {
        "cause": {"name": "Saturated", "score": 0.86},
        "intent": {"name": "call-setup", "namespace": "ims", "labels": {"tier": "gold", "most": "6"}},
        "observed": {"setup-success": setup, "cpu": {"state": "Met", "value": 0.5, "load": 3.0}},
        "trigger": {"name": "setup-success", **setup},
        "target": {"name": "pcscf", "kind": "Deployment", "replicas": 2.0, "readyReplicas": 1.0},
        "time": MONDAY_EVENING,
    }
    return Variables({**values, **changed}, unknown or {})


def largest() -> Variables:
    """As much as there can be: 16 expectations, 64 labels, names as long as they may be."""
    text = "x" * 253
    return variables(
        observed={f"{n:x<52}": {"state": "Violated", "value": 0.5, "load": 3.0} for n in range(16)},
        intent={"name": text, "namespace": text, "labels": {f"k{n}": text[:63] for n in range(64)}},
        cause={"name": text, "score": 0.5},
        target={"name": text, "kind": text, "replicas": 2.0, "readyReplicas": 2.0},
        trigger={"name": text, "state": "Violated", "value": 0.5, "load": 3.0},
    )
