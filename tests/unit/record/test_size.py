from homeostat.contracts.remediation import Evidence, RemediationStatus, Says
from homeostat.record.size import LARGEST_RECORD, RESERVED_FOR_STATUS, fit_spec, fit_status, size
from tests.unit.record.samples import operation, spec, status


def evidence(count: int) -> list[Evidence]:
    return [
        Evidence(name=f"e{i}", cause="Saturated", says=Says.SUPPORTS, message="é" * 500, query="q" * 2000)
        for i in range(count)
    ]


def test_a_small_record_is_left_alone():
    assert fit_spec(spec()) == spec()
    assert fit_status(status(), LARGEST_RECORD) == status()


def test_evidence_beyond_the_size_is_cut_and_says_so():
    fitted = fit_spec(spec(evidence=evidence(40)))
    assert size(fitted) <= LARGEST_RECORD - RESERVED_FOR_STATUS
    kept, notice = fitted.evidence[:-1], fitted.evidence[-1]
    assert kept == evidence(40)[: len(kept)]
    assert notice.message.startswith(f"{40 - len(kept)} observations were left out")


def test_a_spec_that_is_too_large_without_evidence_loses_nothing_else():
    fitted = fit_spec(spec(evidence=evidence(2)), largest=10)
    assert [e.name for e in fitted.evidence] == ["left-out"]
    assert fitted.terms == spec().terms


def test_a_status_loses_its_report_before_anything_else_and_never_an_operation():
    full: RemediationStatus = status(report=["x" * 240] * 60, operations=[operation()])
    fitted = fit_status(full, largest=size(full) - 1)
    assert len(fitted.report) == 12
    assert fitted.report[-1].startswith("(cut")
    assert fitted.operations == full.operations
    assert fit_status(full, largest=10).operations == full.operations
