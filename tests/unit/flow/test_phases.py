from datetime import UTC, datetime, timedelta

import pytest

from homeostat.contracts.guardrails import Guardrails
from homeostat.contracts.operations import OperationKind, OperationState
from homeostat.contracts.remediation import Phase
from homeostat.flow.phases import counted_until, first_status, is_open
from tests.unit.record.samples import record, spec, status

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
OPERATION = record().status.operations[0]


@pytest.mark.parametrize(
    ("state", "kind", "counted"),
    [
        (OperationState.APPLIED, OperationKind.APPLY, True),
        (OperationState.UNKNOWN, OperationKind.APPLY, True),
        (OperationState.INTENDED, OperationKind.APPLY, True),
        (OperationState.VOID, OperationKind.APPLY, False),
        (OperationState.APPLIED, OperationKind.RELEASE, False),
    ],
)
def test_only_what_may_have_been_done_is_counted(state, kind, counted):
    operation = OPERATION.model_copy(update={"state": state, "kind": kind})
    assert (counted_until(spec(), [operation], NOW) is not None) is counted
    assert counted_until(spec(), [], NOW) is None


@pytest.mark.parametrize(
    ("guardrails", "span"),
    [
        ({"cooldown": "5m", "flapping": {"per": "1m"}}, timedelta(minutes=5)),
        ({"cooldown": "5m"}, timedelta(hours=1)),
        ({"cooldown": "5m", "frequency": {"limit": 4, "per": "3h"}}, timedelta(hours=3)),
        ({"cooldown": "2h", "frequency": {"limit": 4, "per": "1h"}}, timedelta(hours=2)),
        ({"cooldown": "2h", "frequency": {"limit": 4, "per": "3h"}, "flapping": {"per": "4h"}}, timedelta(hours=4)),
    ],
)
def test_the_longest_guard_counts(guardrails, span):
    terms = spec().terms.model_copy(update={"guardrails": Guardrails.model_validate(guardrails)})
    assert counted_until(spec(terms=terms), [OPERATION], NOW) == NOW + span


def test_a_new_record_comes_to_the_same_phase_each_time():
    first = first_status("ims", "call-setup-1", spec(), NOW)
    assert first == first_status("ims", "call-setup-1", spec(), NOW)
    assert first.plan == spec().plan


@pytest.mark.parametrize(
    ("phase", "still_open"), [(Phase.PLANNED, True), (Phase.BLOCKED, True), (Phase.ESCALATED, False)]
)
def test_a_closed_phase_is_the_end(phase, still_open):
    assert is_open(record(**status(phase=phase).model_dump())) is still_open
