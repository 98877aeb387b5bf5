"""A remedy that does not help, or does harm, is taken back byte for byte, and a person is called."""

from typing import Any

import pytest

from tests.loop import manifests
from tests.loop.stage import CALM, Stage, eventually

CAUSE = "CalleesRefuse"
NO_HELP = {"path": "/timers/noReactionMs", "value": "8000"}
HARM = {"path": "/limits/invitesPerSecond", "value": "5"}
GUARDED = {**manifests.VERIFICATION, "guard": [manifests.SHED]}

CASES = [
    pytest.param(NO_HELP, ("2000", "8000"), {"undo": "OnIneffective"}, "Ineffective", id="no help"),
    pytest.param(HARM, ("  400 ", "  5 "), {"undo": "OnWorse"}, "Worse", id="harm"),
]


@pytest.mark.parametrize(("change", "edit", "terms", "outcome"), CASES)
def test_a_change_that_does_not_help_is_undone_and_escalated(
    stage: Stage, change: dict[str, str], edit: tuple[str, str], terms: dict[str, Any], outcome: str
):
    calls = f'cnf_calls_total{{namespace="{stage.namespace}",outcome="failed"}}'
    evidence = {"name": "calls-refused", "query": f"sum(rate({calls}[$window])) > 1"}
    step = manifests.reconfigure("try-it", CAUSE, {"set": change}, then={"ineffective": "Escalate"}, **terms)
    causes = [{"name": CAUSE, "evidence": [evidence]}]
    stage.govern(manifests.policy(step, causes=causes, verification=GUARDED))
    stage.cnf.offer(CALM, refused=0.4)

    record = stage.reach("Escalated", seconds=90)
    assert record["status"]["outcome"] == outcome
    assert stage.tuning() == manifests.TUNING
    sent = [w.sent["data"][manifests.KEY] for w in stage.writes("configmaps")]
    assert sent == [manifests.TUNING.replace(*edit), manifests.TUNING]
    assert len(stage.writes("deployments")) == 2, "one restart for the change, one for its undo"
    assert len(stage.acts()) == 4
    (event, *_) = eventually(lambda: stage.events("Escalated"), bool)
    assert event["type"] == "Warning"
