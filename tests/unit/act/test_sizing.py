"""The operations that bring a workload to another size."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from homeostat.act.mark_for_removal import choose_victims
from homeostat.act.registry import Registry
from homeostat.act.sizing import MOST_INSTANCES, Sizing
from homeostat.contracts.operations import OperationAction, OperationKind, OperationState, TargetIdentity
from homeostat.contracts.target import Target
from homeostat.flow.facts import Occasion, Pod, Workload

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
EDGE = TargetIdentity(api_version="apps/v1", kind="Deployment", name="pcscf", uid="uid-pcscf")
SESSIONS = {"query": 'sum(calls{pod=~"$pods"})'}


def occasion(pods: int, **more: object) -> Occasion:
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pcscf"}
    target = Target.model_validate({"name": "pcscf", "ref": ref, **more})
    known = tuple(
        Pod(f"pcscf-{n}", f"uid-{n}", True, AT, False, None, created=AT + timedelta(seconds=n)) for n in range(pods)
    )
    return Occasion("ims", target, Workload("pcscf", True, identity=EDGE, replicas=pods, pods=known))


def operations(on: Occasion, present: int, wanted: int):
    return Sizing("s", 1, OperationKind.RELEASE, EDGE, "7", AT).operations(on, present, wanted, 3)


def test_growing_is_one_operation_that_ends_nothing():
    (grown,) = operations(occasion(2, sessions=SESSIONS), 2, 5)
    assert (grown.before, grown.intended, grown.ends) == ("2", "5", [])


def test_without_sessions_all_go_at_once_after_the_marks():
    *marks, smaller = operations(occasion(3), 3, 1)
    assert [m.target.name for m in marks] == ["pcscf-2", "pcscf-1"]
    assert (smaller.before, smaller.intended, smaller.ends) == ("3", "1", [])
    assert [o.id for o in (*marks, smaller)] == ["s.1.release.3", "s.1.release.4", "s.1.release.5"]


@given(present=st.integers(1, 30), gone=st.integers(1, 30))
def test_instances_with_sessions_go_one_by_one_each_marked_before(present, gone):
    wanted = max(0, present - gone)
    on = occasion(present, sessions=SESSIONS)
    row = operations(on, present, wanted)
    marks, sizes = row[::2], row[1::2]
    assert all(o.action is OperationAction.MARK_FOR_REMOVAL for o in marks)
    assert [int(o.before) - int(o.intended) for o in sizes] == [1] * min(present - wanted, MOST_INSTANCES)
    assert [o.before for o in sizes[1:]] == [o.intended for o in sizes[:-1]]
    assert [o.ends for o in sizes] == [[m.target.name] for m in marks]
    assert [m.target.name for m in marks] == [p.name for p in choose_victims(on.workload, wanted)][: len(marks)]
    assert len({o.id for o in row}) == len(row)


def test_the_undo_of_a_size_that_was_lowered_one_by_one_is_one_operation():
    row = Sizing("s", 1, OperationKind.APPLY, EDGE, "7", AT).operations(occasion(4, sessions=SESSIONS), 4, 1, 1)
    applied = [o.model_copy(update={"state": OperationState.APPLIED}) for o in row]
    back = [o for o in NO_EFFECTS.order_of_undo(applied) if o.action is OperationAction.SCALE]
    assert [(o.before, o.intended) for o in back] == [("4", "1")]


class _Nothing:
    type = None


NO_EFFECTS = Registry(_Nothing(), _Nothing(), [], [])  # type: ignore[arg-type]
