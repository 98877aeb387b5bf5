"""What people wrote to hold the operator back, and when it holds."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.common import ObjectRef
from homeostat.contracts.maintenance_window import MaintenanceWindowSpec
from homeostat.contracts.remediation import CandidateVerdict
from homeostat.contracts.remediation_policy import Mode
from homeostat.contracts.steps import Follow
from homeostat.decide.holds import annotated_work, concerns, moment, rollout, switches, told, window_work
from homeostat.flow.facts import Ruling
from homeostat.flow.holds import NO_HOLDS, Hold, HoldKind, HoldReason, Holds, Marked
from tests.unit.decide.building import ANYTHING_GOES, ask, finding, restart, scale, terms

NOW = datetime(2026, 11, 22, 22, tzinfo=UTC)
SETTLE = timedelta(minutes=2)
DEPLOYMENT = ObjectRef(api_version="apps/v1", kind="Deployment", name="pcscf")


def marked(**annotations: str) -> Marked:
    given_as = {f"homeostat.dev/{name.replace('_', '-')}": value for name, value in annotations.items()}
    by = dict.fromkeys(given_as, "written by kubectl-annotate at 2026-11-22T21:00:00Z")
    return Marked("ServiceIntent call-setup", "call-setup", given_as, by)


def window(**more: Any) -> MaintenanceWindowSpec:
    spec = {
        "workloads": [DEPLOYMENT],
        "from": NOW,
        "to": NOW + timedelta(hours=1),
        "changeId": "CHG0031337",
        **more,
    }
    return MaintenanceWindowSpec.model_validate(spec)


def reasons(*holds: Hold) -> list[str]:
    return [str(hold.reason) for hold in holds]


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({}, []),
        ({"paused_until": "2026-11-22T22:00:01Z"}, ["Paused"]),
        ({"paused_until": "2026-11-22T22:00:00Z"}, []),
        ({"paused_until": "2026-11-22T23:30:00+01:00"}, ["Paused"]),
        ({"paused_until": "2026-11-22T23:00:00+01:00"}, []),
        ({"paused_until": "2026-11-22T22:30:00"}, ["PauseUnreadable"]),
        ({"paused_until": "2026-11-23"}, ["PauseUnreadable"]),
        ({"paused_until": "2026-02-30T00:00:00Z"}, ["PauseUnreadable"]),
        ({"paused_until": "0001-01-01T00:00:00+14:00"}, ["PauseUnreadable"]),
        ({"paused_until": ""}, ["PauseUnreadable"]),
        ({"paused_until": "forever"}, ["PauseUnreadable"]),
        ({"stopped": "true"}, ["Stopped"]),
        ({"stopped": "false"}, []),
        ({"stopped": ""}, ["StopUnreadable"]),
        ({"stopped": "False"}, ["StopUnreadable"]),
        ({"stopped": "yes", "paused_until": "soon"}, ["StopUnreadable", "PauseUnreadable"]),
    ],
)
def test_a_switch_holds_unless_it_clearly_does_not(annotations, expected):
    assert reasons(*switches(marked(**annotations), NOW)) == expected


def test_a_pause_says_until_when_why_and_by_whom():
    until = {"paused_until": "2026-11-23T00:00:00+01:00", "paused_reason": "alice: match day"}
    (hold,) = switches(marked(**until), NOW)
    assert hold.message == (
        "ServiceIntent call-setup is paused until 2026-11-22T23:00:00Z (alice: match day; "
        "written by kubectl-annotate at 2026-11-22T21:00:00Z)"
    )
    assert hold.until == NOW + timedelta(hours=1)


def test_a_stop_says_how_it_is_lifted_and_a_wrong_value_what_is_wrong_with_it():
    (hold,) = switches(marked(stopped="true"), NOW)
    assert hold.message.endswith("lift it with: kubectl homeostat resume call-setup")
    (hold,) = switches(marked(paused_until="tomorrow"), NOW)
    assert '"tomorrow", not a moment such as 2026-11-22T22:00:00Z: it counts as paused' in hold.message


offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=offsets)


@given(moments)
def test_a_moment_is_the_same_in_every_offset(at):
    assert moment(at.isoformat()) == at.astimezone(UTC)
    assert moment(told(at)) == at.astimezone(UTC).replace(microsecond=0)


@given(st.text(max_size=40))
def test_any_other_text_is_no_moment_and_pauses(text):
    if moment(text) is None:
        assert reasons(*switches(marked(paused_until=text), NOW)) == ["PauseUnreadable"]


@given(moments, st.timedeltas(timedelta(seconds=1), timedelta(days=9)))
def test_a_pause_holds_up_to_its_end_and_not_at_it(until, length):
    pause = marked(paused_until=until.isoformat())
    assert reasons(*switches(pause, until - length)) == ["Paused"]
    assert reasons(*switches(pause, until)) == []
    assert reasons(*switches(pause, until + length)) == []


@given(moments, st.timedeltas(timedelta(seconds=1), timedelta(days=9)), st.timedeltas(timedelta(0), timedelta(days=1)))
def test_planned_work_holds_from_its_begin_until_it_has_settled(begin, length, settle):
    planned, end = window(**{"from": begin, "to": begin + length}), begin.astimezone(UTC) + length

    def at(now: datetime) -> list[str]:
        return reasons(*window_work("upgrade", planned, now, now, settle))

    instant = timedelta(microseconds=1)
    assert at(begin - instant) == []
    assert at(begin) == at(end - instant) == ["UnderMaintenance"]
    if settle:
        assert at(end) == at(end + settle - instant) == ["SettlingAfterMaintenance"]
    assert at(end + settle) == []


def test_a_window_has_a_settle_time_of_its_own_and_names_its_change():
    (hold,) = window_work("upgrade", window(settle="10m", reason="new kernel"), NOW, NOW, SETTLE)
    assert hold.until == NOW + timedelta(hours=1, minutes=10)
    expected = "planned work CHG0031337 (MaintenanceWindow upgrade: new kernel) goes on until 2026-11-22T23:00:00Z"
    assert hold.message == expected


def test_a_window_counts_for_all_that_happened_while_it_was_open():
    judged = NOW + timedelta(hours=3)
    begun = NOW + timedelta(minutes=30)
    assert reasons(*window_work("w", window(), judged, judged, SETTLE)) == []
    assert reasons(*window_work("w", window(), begun, judged, SETTLE)) == ["UnderMaintenance"]
    assert reasons(*window_work("w", window(), NOW - SETTLE, NOW - SETTLE / 2, SETTLE)) == []


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, True),
        ({"workloads": [{"apiVersion": "apps/v1beta2", "kind": "Deployment", "name": "pcscf"}]}, True),
        ({"workloads": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "pcscf"}]}, False),
        ({"workloads": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "scscf"}]}, False),
        ({"workloads": [], "intents": {"matchNames": ["call-setup"]}}, True),
        ({"workloads": [], "intents": {"matchNames": ["other"]}}, False),
        ({"workloads": [], "intents": {"matchLabels": {"domain": "ims"}}}, True),
        ({"workloads": [], "intents": {"matchLabels": {"domain": "ims", "site": "west"}}}, False),
        ({"workloads": [], "intents": {"matchNames": ["call-setup"], "matchLabels": {"domain": "core"}}}, False),
        ({"workloads": [], "intents": {}}, False),
    ],
)
def test_a_window_is_for_what_it_names(chosen, expected):
    assert concerns(window(**chosen), "call-setup", {"domain": "ims"}, [DEPLOYMENT]) is expected


@pytest.mark.parametrize(
    ("value", "now", "expected"),
    [
        ("2026-11-22T22:00:00Z", NOW - timedelta(seconds=1), ["UnderMaintenance"]),
        ("2026-11-22T22:00:00Z", NOW, ["SettlingAfterMaintenance"]),
        ("2026-11-22T22:00:00Z", NOW + SETTLE, []),
        ("tonight", NOW, ["MaintenanceUnreadable"]),
    ],
)
def test_an_annotation_tells_of_planned_work(value, now, expected):
    assert reasons(*annotated_work(marked(maintenance_until=value), now, SETTLE)) == expected


def test_an_annotation_names_the_change():
    (hold,) = annotated_work(marked(maintenance_until=told(NOW), maintenance_change="CHG7"), NOW - SETTLE, SETTLE)
    assert hold.message.startswith("planned work CHG7 on ServiceIntent call-setup (written by kubectl-annotate")


def deployment(replicas: int, updated: int, reason: str = "ReplicaSetUpdated", revision: str = "2") -> dict[str, Any]:
    progressing = {"type": "Progressing", "reason": reason, "lastUpdateTime": told(NOW)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "pcscf", "annotations": {"deployment.kubernetes.io/revision": revision}},
        "status": {"replicas": replicas, "updatedReplicas": updated, "conditions": [progressing]},
    }


def stateful_set(updated: int, strategy: dict[str, Any] | None = None, target: str = "b") -> dict[str, Any]:
    status = {"replicas": 3, "updatedReplicas": updated, "currentRevision": "a", "updateRevision": target}
    spec = {"updateStrategy": strategy or {"type": "RollingUpdate"}}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": spec, "status": status}


AVAILABLE = "NewReplicaSetAvailable"


@pytest.mark.parametrize(
    ("body", "by", "after", "expected"),
    [
        (deployment(3, 1), "helm", 0, ["UnderMaintenance"]),
        (deployment(3, 1), "homeostat", 0, []),
        (deployment(3, 1), "", 0, []),
        (deployment(3, 1, "ProgressDeadlineExceeded"), "helm", 0, []),
        (deployment(3, 3), "helm", 0, []),
        (deployment(3, 3, AVAILABLE), "helm", 0, ["SettlingAfterMaintenance"]),
        (deployment(3, 3, AVAILABLE), "helm", 120, []),
        (deployment(3, 3, AVAILABLE), "homeostat", 0, []),
        (deployment(3, 3, AVAILABLE, revision="1"), "helm", 0, []),
        (stateful_set(1), "argocd-controller", 60, ["UnderMaintenance"]),
        (stateful_set(1), "argocd-controller", 600, []),
        (stateful_set(1), "homeostat", 60, []),
        (stateful_set(3), "helm", 60, []),
        (stateful_set(1, target="a"), "helm", 60, []),
        (stateful_set(1, {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}), "helm", 60, []),
        (stateful_set(0, {"type": "OnDelete"}), "helm", 60, []),
    ],
)
def test_a_rollout_by_others_is_planned_work_while_it_moves(body, by, after, expected):
    assert reasons(*rollout(body, by, NOW, NOW + timedelta(seconds=after), SETTLE)) == expected


def hold(kind: HoldKind, until: datetime | None = None, **more: Any) -> Hold:
    reason = {"Stop": "Stopped", "Pause": "Paused", "Maintenance": "UnderMaintenance"}[kind]
    return Hold(kind, HoldReason(reason), f"{kind} until {until}", until, **more)


def test_joined_holds_hold_back_where_one_of_them_does():
    pause, stop = Holds((hold(HoldKind.PAUSE, NOW),)), Holds((hold(HoldKind.STOP),))
    assert NO_HOLDS.joined(NO_HOLDS).first() is None
    first = pause.joined(NO_HOLDS, stop).first()
    assert first is not None
    assert first.kind is HoldKind.STOP
    unknown = NO_HOLDS.joined(Holds(unknown="no answer"))
    assert [str(found.reason) for kind in HoldKind if (found := unknown.of(kind))] == ["HoldsUnknown"] * 3


def test_the_hold_that_lasts_longest_is_told():
    short, long, endless = (hold(HoldKind.PAUSE, until) for until in (NOW, NOW + SETTLE, None))
    assert Holds((short, long)).of(HoldKind.PAUSE) is long
    assert Holds((short, endless, long)).of(HoldKind.PAUSE) is endless


def test_a_rollback_is_the_answer_to_a_rollout_and_not_held_back_by_it():
    rolling = Holds((hold(HoldKind.MAINTENANCE, is_rollout=True),))
    assert rolling.first(ActionType.ROLLBACK) is None
    assert rolling.first(ActionType.SCALE) is not None


@pytest.mark.parametrize(
    ("kind", "guard"), [(HoldKind.STOP, "Stop"), (HoldKind.PAUSE, "Pause"), (HoldKind.MAINTENANCE, "Maintenance")]
)
@pytest.mark.parametrize("mode", [Mode.LIVE, Mode.SHADOW])
def test_what_is_held_back_is_blocked_with_the_reason_and_what_it_would_have_been(kind, guard, mode):
    held = hold(kind)
    decision = ask(terms(scale(), autonomous=ANYTHING_GOES), finding("Saturated"), mode=mode, holds=Holds((held,)))
    assert (decision.ruling, decision.reason) == (Ruling.NOTHING, str(held.reason))
    (candidate,) = decision.candidates
    assert candidate.message == f"{held.message}; otherwise: scale Deployment/pcscf 2 -> 3"
    assert [g.name for g in decision.guards if g.reason] == [guard]


def test_an_episode_under_maintenance_is_told_as_such_whatever_its_cause():
    held = Holds((hold(HoldKind.MAINTENANCE),))
    decision = ask(terms(scale(), autonomous=ANYTHING_GOES), finding("Misconfigured"), holds=held)
    assert decision.reason == "UnderMaintenance"
    assert decision.candidates[0].verdict is CandidateVerdict.BLOCKED
    assert "besides, the evidence does not support Saturated" in decision.candidates[0].message


def test_what_people_hold_back_waits_although_the_policy_would_call_a_person():
    step = restart().model_copy(update={"then": scale().then.model_copy(update={"blocked": "Escalate"})})
    under = terms(step, autonomous=ANYTHING_GOES)
    held = ask(under, finding("Saturated"), holds=Holds((hold(HoldKind.PAUSE, NOW),)))
    assert (held.ruling, held.held) == (Ruling.NOTHING, Follow.WAIT)
