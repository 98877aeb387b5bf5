"""The actions under contract: a new one is one module and one line here; those of extensions are found."""

from tests.contract.cases import evict, http, job, patch, reconfigure, resize, restart, rollback, scale
from tests.contract.cases.case import ActionCase
from tests.contract.installed import installed_cases

CASES: tuple[ActionCase, ...] = (
    *scale.CASES,
    *reconfigure.CASES,
    *resize.CASES,
    *restart.CASES,
    *rollback.CASES,
    *evict.CASES,
    *patch.CASES,
    *job.CASES,
    *http.CASES,
    *installed_cases(),
)
