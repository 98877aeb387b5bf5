from datetime import timedelta
from typing import Any

import pytest

from homeostat.contracts.common import ConditionStatus
from homeostat.contracts.remediation import Phase
from homeostat.contracts.service_intent import Episode, ExpectationStateName, Fulfilment, ServiceIntentStatus
from homeostat.flow.facts import Assessment, Look, Reading, Track, Unknown
from homeostat.flow.holds import Hold, HoldKind, HoldReason
from homeostat.flow.resources import Refusal
from homeostat.record.conditions import intent_status
from tests.unit.record.samples import AT, intent_spec, record

FRESH = ServiceIntentStatus(conditions=[])
LATER = AT + timedelta(minutes=1)


def assessed(state: ExpectationStateName, value: float | None, reason: str = "") -> Assessment:
    reading = Reading(value=value) if value is not None else Reading(value=None, unknown=Unknown(reason))
    met = None if value is None else state is ExpectationStateName.MET
    fulfilments = {
        ExpectationStateName.MET: Fulfilment.FULFILLED,
        ExpectationStateName.VIOLATED: Fulfilment.NOT_FULFILLED,
        ExpectationStateName.UNKNOWN: Fulfilment.UNKNOWN,
    }
    track = Track(state=state, since=AT, reason=reason, looks=(Look(at=AT, reading=reading, met=met, cleared=met),) * 3)
    return Assessment(at=AT, fulfilment=fulfilments[state], tracks={"setup-success": track})


def made(previous: ServiceIntentStatus = FRESH, **changes: Any) -> ServiceIntentStatus:
    known: dict[str, Any] = {
        "spec": intent_spec(),
        "generation": 4,
        "at": AT,
        "assessment": None,
        "refusal": None,
        "episode": None,
        "record": None,
    }
    return intent_status(previous, **{**known, **changes})


def condition(status: ServiceIntentStatus, kind: str) -> tuple[str, str]:
    found = next(c for c in status.conditions if c.type == kind)
    return found.status, found.reason


MET = assessed(ExpectationStateName.MET, 0.9961)
VIOLATED = assessed(ExpectationStateName.VIOLATED, 0.91, "Breached")
STALE = assessed(ExpectationStateName.UNKNOWN, None, "Stale")
REFUSAL = Refusal("TargetNotFound", "Deployment pcscf is not there: create it", "spec.targets[pcscf].ref")


@pytest.mark.parametrize(
    ("assessment", "fulfilled", "telemetry", "summary"),
    [
        (MET, ("True", "AllMet"), ("True", "Fresh"), "setup-success 0.9961, promised >= 0.98"),
        (VIOLATED, ("False", "ExpectationViolated"), ("True", "Fresh"), "setup-success 0.91 < 0.98"),
        (STALE, ("Unknown", "Stale"), ("False", "Stale"), "setup-success unknown: Stale"),
        (None, ("Unknown", "NotYetObserved"), ("Unknown", "NotYetObserved"), "not looked at yet"),
    ],
)
def test_a_look_becomes_conditions_and_one_line(assessment, fulfilled, telemetry, summary):
    status = made(assessment=assessment)
    assert condition(status, "Fulfilled") == fulfilled
    assert condition(status, "TelemetryAvailable") == telemetry
    assert condition(status, "Remediating") == ("False", "NothingToDo")
    assert status.summary == summary
    assert status.observed_generation == 4


def test_what_people_hold_back_is_a_condition_and_ends_the_line():
    hold = Hold(HoldKind.PAUSE, HoldReason.PAUSED, "ServiceIntent call-setup is paused until 2026-11-22T22:00:00Z")
    status = made(assessment=MET, hold=hold)
    assert condition(status, "Held") == ("True", "Paused")
    assert status.summary.endswith(f"; {hold.message}")
    assert condition(made(assessment=MET), "Held") == ("False", "NothingHeld")


def test_the_message_of_a_violation_is_that_of_the_api_page():
    status = made(assessment=VIOLATED)
    found = next(c for c in status.conditions if c.type == "Fulfilled")
    assert found.message == "setup-success 0.91, promised >= 0.98 (3 of 5 looks)"


def test_too_few_events_is_no_fault_of_the_telemetry():
    status = made(assessment=assessed(ExpectationStateName.UNKNOWN, None, "TooFewEvents"))
    assert condition(status, "TelemetryAvailable") == ("Unknown", "TooFewEvents")


@pytest.mark.parametrize(
    ("changes", "ready"),
    [
        ({"assessment": MET}, ("True", "Evaluating")),
        ({"assessment": VIOLATED}, ("True", "Evaluating")),
        ({}, ("Unknown", "NotYetObserved")),
        ({"refusal": REFUSAL}, ("False", "TargetNotFound")),
        ({"spec": None, "refusal": Refusal("InvalidSpec", "bad")}, ("False", "InvalidSpec")),
        ({"spec": intent_spec(adminState="Deactivated"), "assessment": MET}, ("False", "Deactivated")),
    ],
)
def test_ready_means_that_it_is_being_evaluated(changes, ready):
    assert condition(made(**changes), "Ready") == ready


def test_a_refusal_says_where_and_that_the_last_good_version_stays_in_force():
    status = made(assessment=MET, refusal=REFUSAL)
    ready = next(c for c in status.conditions if c.type == "Ready")
    assert ready.message == (
        "spec.targets[pcscf].ref: Deployment pcscf is not there: create it. The last good version stays in force."
    )
    assert condition(status, "Stalled") == ("True", "TargetNotFound")
    assert condition(status, "Fulfilled") == ("True", "AllMet")
    assert status.summary.startswith("TargetNotFound: ")


def test_a_value_that_moves_within_its_state_changes_nothing():
    first = made(assessment=MET)
    second = made(first, assessment=assessed(ExpectationStateName.MET, 0.999), at=LATER)
    assert second == first


def test_a_transition_has_its_own_time_and_keeps_that_of_the_others():
    first = made(assessment=MET)
    second = made(first, assessment=VIOLATED, at=LATER)
    times = {c.type: c.last_transition_time for c in second.conditions}
    assert times["Fulfilled"] == LATER
    assert times["Ready"] == AT
    assert second.expectations[0].observed == "0.91"


def test_before_the_first_look_after_a_restart_what_was_last_seen_stands():
    before = made(assessment=VIOLATED, episode=Episode(number=1, since=AT))
    after = made(before, assessment=None, at=LATER, episode=before.episode)
    assert after == before


def test_the_open_record_is_told():
    status = made(assessment=VIOLATED, record=record(phase=Phase.VERIFYING, outcome=None))
    assert condition(status, "Remediating") == ("True", "Verifying")
    assert status.summary == "setup-success 0.91 < 0.98; scale Deployment/pcscf 2 -> 3, verifying"


def test_a_lost_record_is_told():
    status = made(assessment=VIOLATED, record_lost="call-setup-9f2c1ab07d")
    assert condition(status, "Remediating") == (ConditionStatus.UNKNOWN, "RecordLost")
    assert "call-setup-9f2c1ab07d is gone" in status.summary
