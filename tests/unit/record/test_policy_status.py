from datetime import timedelta
from typing import Any

import pytest

from homeostat.contracts.common import Condition
from homeostat.contracts.remediation import Phase
from homeostat.contracts.remediation_policy import NotActed, Outcomes, RemediationPolicySpec, RemediationPolicyStatus
from homeostat.contracts.telemetry_source import TelemetrySourceStatus
from homeostat.contracts.verification import OutcomeName
from homeostat.decide.levels import Autonomy
from homeostat.flow.resources import Refusal
from homeostat.record.aspects import record_conditions
from homeostat.record.policy_conditions import policy_status, source_status
from tests.unit.record.samples import AT, POLICY, status

LATER = AT + timedelta(minutes=1)


def made(previous: RemediationPolicyStatus | None = None, **changes: Any) -> RemediationPolicyStatus:
    known: dict[str, Any] = {
        "spec": RemediationPolicySpec.model_validate(POLICY),
        "generation": 2,
        "at": AT,
        "refusal": None,
        "matched_intents": 1,
        "unmatched_triggers": (),
        "outcomes": Outcomes(),
        "last_not_acted": None,
    }
    return policy_status(previous or RemediationPolicyStatus(conditions=[]), **{**known, **changes})


def reasons(conditions: list[Condition]) -> dict[str, tuple[str, str]]:
    return {c.type: (c.status, c.reason) for c in conditions}


@pytest.mark.parametrize(
    ("changes", "condition", "told"),
    [
        ({}, "Ready", ("True", "Shadow")),
        ({}, "Matched", ("True", "Matched")),
        ({"matched_intents": 0}, "Matched", ("False", "NoIntents")),
        ({"unmatched_triggers": ["calls-fail"]}, "Matched", ("False", "TriggersMatchNothing")),
        ({"refusal": Refusal("InvalidSpec", "bad")}, "Ready", ("False", "InvalidSpec")),
        ({"refusal": Refusal("InvalidSpec", "bad")}, "Stalled", ("True", "InvalidSpec")),
    ],
)
def test_conditions_of_a_policy(changes, condition, told):
    assert reasons(made(**changes).conditions)[condition] == told


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "for 1 intent"),
        ({"matched_intents": 0}, "NoIntents"),
        ({"outcomes": Outcomes(effective=41, ineffective=2)}, "for 1 intent; 41 effective; 2 ineffective"),
        (
            {"last_not_acted": NotActed(reason="Cooldown", at=AT)},
            "for 1 intent; last did nothing: Cooldown",
        ),
        ({"spec": None, "refusal": Refusal("InvalidSpec", "bad")}, "InvalidSpec: bad."),
    ],
)
def test_the_summary_of_a_policy(changes, line):
    assert made(**changes).summary == line


def test_an_unchanged_policy_status_is_equal():
    first = made()
    assert made(first, at=LATER) == first


@pytest.mark.parametrize(
    ("changes", "ready", "line"),
    [
        ({"answers": None}, ("Unknown", "NotYetObserved"), "not asked yet"),
        ({"answers": True}, ("True", "Answers"), "answers"),
        (
            {"answers": False, "reason": "TimedOut", "message": "no answer in 5 s"},
            ("False", "TimedOut"),
            "TimedOut: no answer in 5 s",
        ),
        ({"answers": True, "refusal": Refusal("InvalidSpec", "bad")}, ("False", "InvalidSpec"), "InvalidSpec: bad."),
    ],
)
def test_the_status_of_a_source(changes, ready, line):
    known: dict[str, Any] = {"generation": 1, "at": AT, "refusal": None}
    made_status = source_status(TelemetrySourceStatus(conditions=[]), **{**known, **changes})
    assert reasons(made_status.conditions)["Ready"] == ready
    assert made_status.summary == line


@pytest.mark.parametrize(
    ("changes", "closed", "succeeded"),
    [
        ({}, "True", ("True", "Effective")),
        ({"phase": Phase.VERIFYING, "outcome": None}, "False", ("Unknown", "Effective")),
        ({"phase": Phase.ESCALATED, "outcome": OutcomeName.INEFFECTIVE}, "True", ("False", "Ineffective")),
        ({"phase": Phase.EXPIRED, "outcome": None, "reason": "NobodyAnswered"}, "True", ("False", "NobodyAnswered")),
        ({"phase": Phase.RECORDED, "outcome": None, "reason": "Shadow"}, "True", ("Unknown", "Shadow")),
    ],
)
def test_conditions_of_a_record_for_kubectl_wait(changes, closed, succeeded):
    told = reasons(record_conditions([], status(**changes), AT))
    assert told["Closed"][0] == closed
    assert told["Succeeded"] == succeeded


def at(level: int, **more: Any) -> Autonomy:
    return Autonomy(level, 5, "LimitedByCeiling", f"autonomy level {level}, set by the AutonomyCeiling", **more)


@pytest.mark.parametrize(
    ("autonomy", "told"),
    [
        (at(4), ("True", "LimitedByCeiling")),
        (at(2), ("False", "LimitedByCeiling")),
        (at(1), ("False", "LimitedByCeiling")),
        (at(4, stopped="alice stopped all writes"), ("False", "Stopped")),
    ],
)
def test_how_far_a_policy_may_go_is_told_and_by_whom_it_is_limited(autonomy, told):
    seen = made(autonomy=autonomy)
    assert reasons(seen.conditions)["Autonomous"] == told
    assert seen.effective_autonomy_level == autonomy.level
    assert (autonomy.stopped or autonomy.message) in seen.summary


def test_a_policy_that_is_limited_by_itself_needs_no_mention_in_the_summary():
    own = Autonomy(1, 3, "LimitedByPolicy", "autonomy level 1, set by the policy (mode Shadow)")
    assert made(autonomy=own).summary == "for 1 intent"


def test_live_under_a_shadow_ceiling_is_not_told_as_acting():
    live = RemediationPolicySpec.model_validate(
        {**POLICY, "mode": "Live", "guardrails": {"frequency": {"limit": 1, "per": "1h"}}}
    )
    assert reasons(made(spec=live, autonomy=at(1)).conditions)["Ready"] == ("True", "HeldInShadow")
    assert reasons(made(spec=live, autonomy=at(2)).conditions)["Ready"] == ("True", "Live")
