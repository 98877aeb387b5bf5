"""The actions under contract: a new one is one module and one line here."""

from tests.contract.cases import evict, reconfigure, restart, scale
from tests.contract.cases.case import ActionCase

CASES: tuple[ActionCase, ...] = (*scale.CASES, *reconfigure.CASES, *restart.CASES, *evict.CASES)
