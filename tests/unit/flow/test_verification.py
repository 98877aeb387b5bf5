"""What a verification compares with."""

from datetime import UTC, datetime

import pytest

from homeostat.act.operations import intend
from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.operations import Operation, OperationAction, OperationKind
from homeostat.flow.facts import Workload
from homeostat.flow.verification import meant_to_stay
from tests.unit.record.samples import PCSCF, plan


def operations(*actions: OperationAction) -> list[Operation]:
    return [
        intend(
            step="s", attempt=1, kind=OperationKind.APPLY, number=number, action=action, target=PCSCF,
            resource_version="1", field="", before="", intended="", at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        for number, action in enumerate(actions, start=1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("action", "done", "intended", "stay"),
    [
        (ActionType.SCALE, [OperationAction.SCALE], "6", 4),
        (ActionType.SCALE, [OperationAction.SCALE], "2", 2),
        (ActionType.EVICT, [OperationAction.EVICT] * 3, "", 3),
        (ActionType.RESTART, [OperationAction.RESTART], "", 3),
        (ActionType.RECONFIGURE, [OperationAction.EDIT_CONFIG, OperationAction.RESTART], "5", 3),
        (ActionType.RECONFIGURE, [OperationAction.EDIT_CONFIG, OperationAction.HOT_RELOAD], "5", 4),
    ],
)
def test_what_an_act_ends_itself_is_not_harm(
    action: ActionType, done: list[OperationAction], intended: str, stay: int
) -> None:
    workload = Workload("pcscf", exists=True, ready_replicas=4, unavailable_in_rollout=1)

    assert meant_to_stay(plan(action=action, intended=intended), workload, operations(*done)) == stay
