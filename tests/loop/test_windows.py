"""A freeze holds an act back until it ends; then it goes on by itself, if it still may."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.loop import manifests
from tests.loop.api import path
from tests.loop.stage import OVERLOAD, Stage, eventually, phase_of

HELD_FOR = timedelta(seconds=60)
"""Long enough for a slow machine to find the breach and to decide about it."""


def freeze(lasts: timedelta) -> tuple[dict[str, Any], datetime]:
    """Guardrails with a freeze that began with the present minute, and the moment at which it ends."""
    now = datetime.now(UTC)
    begun = now.replace(second=0, microsecond=0)
    seconds = round((now - begun + lasts).total_seconds())
    window = {"name": "match-day", "deny": f"{begun.minute} {begun.hour} * * *", "duration": f"{seconds}s"}
    guardrails = {"cooldown": "1s", "frequency": {"limit": 10, "per": "10m"}, "windows": [window]}
    return guardrails, begun + timedelta(seconds=seconds)


def test_an_act_waits_for_the_end_of_a_freeze_and_goes_on(stage: Stage):
    guardrails, end = freeze(HELD_FOR)
    stage.govern(manifests.policy(manifests.add_capacity(), guardrails=guardrails))
    stage.cnf.offer(OVERLOAD)

    held = stage.reach("Blocked", HELD_FOR.total_seconds())
    assert held["status"]["reason"] == "Frozen"
    assert f"it goes on by itself at {end:%Y-%m-%d %H:%M:%S} UTC" in held["status"]["message"]
    assert not stage.acts()

    record = stage.reach("Succeeded", 2 * HELD_FOR.total_seconds())
    assert datetime.fromisoformat(record["status"]["times"]["acted"]) >= end
    assert stage.replicas() == 2
    assert [w.resource for w in stage.acts()] == ["deployments/scale"]


def test_an_intent_that_loses_its_label_meanwhile_is_not_acted_on(stage: Stage):
    guardrails, _ = freeze(timedelta(hours=1))
    selector = {"matchLabels": {"domain": "ims"}}
    stage.govern(manifests.policy(manifests.add_capacity(), guardrails=guardrails, intentSelector=selector))
    stage.cnf.offer(OVERLOAD)
    stage.reach("Blocked")

    intent = path("serviceintents", stage.namespace, manifests.INTENT)
    stage.api.patch(intent, {"metadata": {"labels": {"domain": None}}})

    ended = eventually(stage.record, lambda record: phase_of(record) == "Cancelled")
    assert ended["status"]["reason"] == "PolicyChanged"
    assert not stage.acts()
