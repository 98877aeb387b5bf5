"""An edit of a policy holds back more of what is open, never less."""

from typing import Any

import pytest

from homeostat.contracts.guardrails import Guardrails
from homeostat.flow.tightening import tightened
from tests.unit.decide.building import terms

FREEZE = {"name": "freeze", "deny": "0 0 24 12 *", "duration": "48h"}
LONGER = {**FREEZE, "duration": "72h"}
NIGHT = {"name": "night", "allow": "0 1 * * *", "duration": "2h"}
ALWAYS = {"name": "always", "allow": "* * * * *", "duration": "2h"}
PLMN = {"configMap": "tuning", "key": "tuning.yaml", "path": "/plmn"}


def guardrails(**given: Any) -> Guardrails:
    return Guardrails.model_validate(given)


@pytest.mark.parametrize(
    ("copied", "present", "then"),
    [
        ([], [], []),
        ([], [FREEZE], [FREEZE]),
        ([FREEZE], [], [FREEZE]),
        ([FREEZE], [FREEZE], [FREEZE]),
        ([FREEZE], [LONGER], [FREEZE, LONGER]),
        ([], [NIGHT], [NIGHT]),
        ([NIGHT], [ALWAYS], [NIGHT]),
        ([NIGHT], [], [NIGHT]),
        ([NIGHT], [FREEZE, ALWAYS], [NIGHT, FREEZE]),
    ],
)
def test_windows(copied, present, then):
    recorded = terms().model_copy(update={"guardrails": guardrails(windows=copied)})
    assert tightened(recorded, guardrails(windows=present)).guardrails == guardrails(windows=then)


def test_disallowed_attributes_are_added_and_the_rest_stays():
    recorded = terms(cooldown="9m")
    after = tightened(recorded, guardrails(disallowed=[PLMN], cooldown="1s"))
    assert after.guardrails.disallowed == guardrails(disallowed=[PLMN]).disallowed
    assert after.guardrails.cooldown == "9m"
    assert tightened(after, guardrails()).guardrails == after.guardrails
