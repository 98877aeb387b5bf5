"""What still stands of what was done."""

import pytest

from homeostat.contracts.operations import OperationAction, OperationKind, OperationState
from homeostat.flow.standing import as_left_by_undo, may_stand, standing
from tests.unit.record.samples import operation

ACT = operation(before="1", intended="4")


def undo(before: str, intended: str, state: OperationState = OperationState.APPLIED, number: int = 1):
    return operation(
        id=f"add-capacity.1.undo.{number}", kind=OperationKind.UNDO, before=before, intended=intended, state=state
    )


@pytest.mark.parametrize(
    ("after", "left"),
    [
        ([], ["4"]),
        ([undo("4", "1")], []),
        ([undo("4", "1", OperationState.INTENDED)], []),
        ([undo("4", "1", OperationState.VOID)], ["4"]),
        # What was pending was taken back; what was ready stands, until it is taken back too.
        ([undo("4", "3")], ["3"]),
        ([undo("4", "3", OperationState.INTENDED)], []),
        ([undo("4", "3"), undo("3", "1", number=2)], []),
        ([undo("4", "3"), operation(id="r", kind=OperationKind.RELEASE, before="3", intended="1")], []),
    ],
)
def test_an_act_stands_until_it_is_or_may_be_taken_back(after, left):
    assert [o.intended for o in standing([ACT, *after])] == left


def test_only_replicas_are_taken_back_in_part():
    edit = operation(action=OperationAction.EDIT_CONFIG, before="5", intended="500")
    back = operation(id="u", action=OperationAction.EDIT_CONFIG, kind=OperationKind.UNDO, before="500", intended="7")
    assert standing([edit, back]) == ()


def test_what_is_not_known_may_stand_and_is_not_taken_back_by_itself():
    uncertain = operation(state=OperationState.UNKNOWN)
    assert may_stand([uncertain]) == (uncertain,)
    assert standing([uncertain]) == ()


def test_a_release_begins_from_what_an_undo_left():
    assert as_left_by_undo(ACT, [ACT, undo("4", "3")]).intended == "3"
    release = operation(id="r", kind=OperationKind.RELEASE, before="3", intended="1", state=OperationState.INTENDED)
    assert as_left_by_undo(ACT, [ACT, undo("4", "3"), release]).intended == "3"
    assert as_left_by_undo(ACT, [ACT]) == ACT
