"""The actions under contract: a new one is one module and one line here."""

from tests.contract.cases import patch, reconfigure, resize, rollback, scale
from tests.contract.cases.case import ActionCase

CASES: tuple[ActionCase, ...] = (*scale.CASES, *reconfigure.CASES, *resize.CASES, *rollback.CASES, *patch.CASES)
