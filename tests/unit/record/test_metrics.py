import pytest

from homeostat.contracts.remediation import Phase
from homeostat.contracts.verification import OutcomeName
from homeostat.flow.facts import Ruling
from homeostat.flow.ports import ConflictError
from homeostat.record.metrics import Metrics


def test_what_is_counted_is_exposed():
    metrics = Metrics()
    with metrics.stage("observe"):
        pass
    metrics.lateness(-0.1)
    metrics.decision(Ruling.ACT)
    metrics.outcome(OutcomeName.WORSE)
    metrics.phase(Phase.EXECUTING)
    metrics.open_remediations(3)
    metrics.source_answers("ims", "west", answers=False)
    metrics.fault("engine")
    told = metrics.exposition().decode()
    for line in (
        'homeostat_stage_duration_seconds_count{stage="observe"} 1.0',
        "homeostat_loop_lateness_seconds_sum 0.0",
        'homeostat_decisions_total{ruling="Act"} 1.0',
        'homeostat_verification_outcomes_total{outcome="Worse"} 1.0',
        'homeostat_remediation_phases_total{phase="Executing"} 1.0',
        "homeostat_remediations_open 3.0",
        'homeostat_telemetry_source_up{namespace="ims",source="west"} 0.0',
        'homeostat_faults_total{part="engine"} 1.0',
    ):
        assert line in told


def test_a_refusal_of_the_api_server_ends_the_stage_and_is_counted():
    metrics = Metrics()
    with pytest.raises(ConflictError), metrics.stage("act"):
        raise ConflictError(409, "Conflict", "someone else was first")
    assert 'homeostat_api_errors_total{status="409"} 1.0' in metrics.exposition().decode()


def test_two_operators_in_one_process_do_not_share_counts():
    first, second = Metrics(), Metrics()
    first.fault("engine")
    assert 'part="engine"' not in second.exposition().decode()


def test_a_source_that_is_gone_is_told_of_no_longer():
    metrics = Metrics()
    metrics.source_answers("ims", "west", answers=False)
    metrics.source_gone("ims", "west")
    assert b'source="west"' not in metrics.exposition()
