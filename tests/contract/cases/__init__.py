"""The actions under contract: a new one is one module and one line here."""

from tests.contract.cases import evict, job, patch, reconfigure, resize, restart, rollback, scale
from tests.contract.cases.case import ActionCase

CASES: tuple[ActionCase, ...] = (
    *scale.CASES,
    *reconfigure.CASES,
    *resize.CASES,
    *restart.CASES,
    *rollback.CASES,
    *evict.CASES,
    *patch.CASES,
    *job.CASES,
)
