"""Pause, stop and resume, as they are written and told."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from homeostat.cli.records import ClusterRefusalError
from homeostat.cli.switches import pause, resume, scope_of, stop
from homeostat.contracts.operations import OperationState
from homeostat.contracts.remediation import Phase
from tests.unit.record.samples import operation, record

NOW = datetime(2026, 11, 22, 20, 0, 0, 5, tzinfo=UTC)


class Cluster:
    """What is read, and what was sent."""

    namespace = "ims"

    def __init__(self, annotations: Mapping[str, str] | None = None, *records: Mapping[str, Any]) -> None:
        self.annotations, self.records = annotations, records
        self.sent: list[tuple[str, str, bool, Mapping[str, Any]]] = []

    def read_object(self, version: str, path: str, namespaced: bool) -> Mapping[str, Any]:
        if path == "namespaces/ims/remediations":
            return {"items": self.records}
        assert (version, path, namespaced) == ("homeostat.dev/v1alpha1", "serviceintents/call-setup", True)
        return {"metadata": {"annotations": self.annotations}}

    def merge(self, version: str, path: str, namespaced: bool, patch: Mapping[str, Any]) -> None:
        self.sent.append((version, path, namespaced, patch["metadata"]["annotations"]))

    def user_name(self) -> str:
        return "alice"


@pytest.mark.parametrize(
    ("target", "version", "path", "namespaced"),
    [
        ("call-setup", "homeostat.dev/v1alpha1", "serviceintents/call-setup", True),
        ("intent/call-setup", "homeostat.dev/v1alpha1", "serviceintents/call-setup", True),
        ("policy/call-setup", "homeostat.dev/v1alpha1", "remediationpolicies/call-setup", True),
        ("namespace/ims", "v1", "namespaces/ims", False),
    ],
)
def test_a_pause_is_written_where_it_was_asked_for(target, version, path, namespaced):
    cluster = Cluster()
    told = pause(cluster, scope_of(target), "1h30m", "match day", NOW)
    annotations = {
        "homeostat.dev/paused-until": "2026-11-22T21:30:00Z",
        "homeostat.dev/paused-reason": "alice: match day",
    }
    assert cluster.sent == [(version, path, namespaced, annotations)]
    assert "paused until 2026-11-22T21:30:00Z" in told


@pytest.mark.parametrize("target", ["", "policy/", "deployment/pcscf", "policy/a/b", "/x"])
def test_what_cannot_be_paused_is_told(target):
    with pytest.raises(ClusterRefusalError, match="is not INTENT, policy/NAME or namespace/NAME"):
        scope_of(target)


@pytest.mark.parametrize("lasting", ["2 hours", "", "0s", "31d", "-1h"])
def test_a_pause_has_an_end_in_sight(lasting):
    cluster = Cluster()
    with pytest.raises(ClusterRefusalError):
        pause(cluster, scope_of("call-setup"), lasting, "match day", NOW)
    assert not cluster.sent


def stored(phase: Phase, **more: Any) -> dict[str, Any]:
    body = record(phase=phase, **more).model_dump(mode="json", by_alias=True)
    return {"metadata": {"name": "call-setup-1"}, **body}


def test_a_stop_tells_how_open_acts_are_taken_back_by_hand():
    cluster = Cluster(None, stored(Phase.VERIFYING))
    told = stop(cluster, scope_of("call-setup"), "hands off")
    ((_, _, _, annotations),) = cluster.sent
    assert annotations == {"homeostat.dev/stopped": "true", "homeostat.dev/stopped-reason": "alice: hands off"}
    assert "kubectl homeostat resume call-setup -n ims" in told
    assert told.splitlines()[1:] == [
        "call-setup-1 (Verifying); by hand, what takes its acts back:",
        "  kubectl scale deployment/pcscf -n ims --replicas=2",
    ]


def test_a_stop_tells_what_was_about_to_be_done():
    intended = operation(state=OperationState.INTENDED, finished_at=None)
    cluster = Cluster(None, stored(Phase.EXECUTING, operations=[intended]))
    told = stop(cluster, scope_of("policy/call-setup"), "hands off")
    assert told.splitlines()[1:] == [
        "call-setup-1 (Executing); by hand, what it was about to do:",
        "  kubectl scale deployment/pcscf -n ims --replicas=3",
    ]


@pytest.mark.parametrize(("target", "phase"), [("other", Phase.VERIFYING), ("call-setup", Phase.FAILED)])
def test_a_stop_tells_nothing_of_what_it_does_not_stop(target, phase):
    assert "call-setup-1" not in stop(Cluster(None, stored(phase)), scope_of(target), "hands off")


def test_a_record_of_another_version_is_named():
    unreadable = {"metadata": {"name": "odd"}, "spec": {}}
    assert "odd cannot be read" in stop(Cluster(None, unreadable), scope_of("namespace/ims"), "hands off")


def test_to_resume_takes_away_what_is_set_and_nothing_else():
    cluster = Cluster({"homeostat.dev/paused-until": "x", "homeostat.dev/stopped": "true", "other": "y"})
    resume(cluster, scope_of("call-setup"))
    ((_, _, _, annotations),) = cluster.sent
    assert annotations == {"homeostat.dev/paused-until": None, "homeostat.dev/stopped": None}


@pytest.mark.parametrize("annotations", [None, {}, {"homeostat.dev/paused-reason": "x"}])
def test_there_is_nothing_to_resume_where_nothing_is_set(annotations):
    cluster = Cluster(annotations)
    with pytest.raises(ClusterRefusalError, match="neither paused nor stopped"):
        resume(cluster, scope_of("call-setup"))
    assert not cluster.sent
