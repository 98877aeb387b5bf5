"""Ids, victims, steps in replicas, and the order of undo."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.act.config_text import ConfigField
from homeostat.act.mark_for_removal import choose_victims
from homeostat.act.operations import intend, operation_id, opposite
from homeostat.act.plan_scale import replicas_after, stepped
from homeostat.act.registry import Registry
from homeostat.act.restart import cannot_restart
from homeostat.contracts.actions.reconfigure import ConfigFormat
from homeostat.contracts.actions.scale import ScaleAction
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, OperationState, TargetIdentity
from homeostat.flow.facts import Pod, Workload

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@given(
    step=st.from_regex(r"\A[a-z0-9]{1,52}\Z"),
    attempt=st.integers(1, 10),
    kind=st.sampled_from(OperationKind),
    number=st.integers(1, 64),
)
def test_an_id_fits_its_field(step: str, attempt: int, kind: OperationKind, number: int) -> None:
    made = operation_id(step, attempt, kind, number)

    assert len(made) <= 64
    assert made.endswith(f".{attempt}.{kind.value.lower()}.{number}")


@pytest.mark.parametrize(
    ("by", "low", "high", "present", "after", "message"),
    [
        ("+50%", None, 6, 2, 3, ""),
        ("+50%", None, 6, 3, 5, ""),
        ("+1%", None, None, 2, 3, ""),
        ("+50%", None, 6, 5, 6, "at max 6"),
        ("+50%", None, 6, 6, 6, "at max 6"),
        ("+50%", None, 6, 9, 9, "at max 6"),
        ("+2", None, None, 0, 2, ""),
        ("-2", 1, None, 5, 3, ""),
        ("-50%", None, None, 3, 1, ""),
        ("-2", 2, None, 3, 2, "at min 2"),
        ("-2", 2, None, 1, 1, "at min 2"),
        ("-5", None, None, 3, 0, "at min 0"),
    ],
)
def test_replicas_after_a_step(
    by: str, low: int | None, high: int | None, present: int, after: int, message: str
) -> None:
    action = ScaleAction(target="pcscf", by=by, min=low, max=high)

    assert replicas_after(action, present, stepped(by, present)) == (after, message)


@pytest.mark.parametrize(
    ("wanted", "low", "high", "present", "after", "message"),
    [
        (4, None, 6, 2, 4, ""),
        (9, None, 6, 2, 6, "at max 6"),
        (9, None, 6, 8, 8, "at max 6"),
        (5, None, 4, 8, 4, "at max 4"),
        (1, 2, 6, 4, 2, "at min 2"),
        (1, 3, 6, 2, 2, "at min 3"),
        (2, 3, 6, 1, 3, "at min 3"),
        (-3, None, 6, 4, 0, "at min 0"),
        (4, None, 6, 4, 4, ""),
    ],
)
def test_a_wanted_number_is_brought_within_the_bounds(
    wanted: int, low: int | None, high: int, present: int, after: int, message: str
) -> None:
    action = ScaleAction(target="pcscf", expression="target.replicas", min=low, max=high)

    assert replicas_after(action, present, wanted) == (after, message)


@given(st.integers(0, 1000), st.integers(1, 9999), st.sampled_from(["", "%"]), st.integers(1, 50))
def test_a_step_never_turns_round(present: int, amount: int, unit: str, bound: int) -> None:
    more, less = f"+{amount}{unit}", f"-{amount}{unit}"
    up, _ = replicas_after(ScaleAction(target="t", by=more, max=bound), present, stepped(more, present))
    down, _ = replicas_after(ScaleAction(target="t", by=less, min=bound), present, stepped(less, present))

    assert up >= present >= down >= 0


def _pod(name: str, minute: int, *, ready: bool = True, terminating: bool = False) -> Pod:
    return Pod(name, f"uid-{name}", ready, NOW, terminating, None, created=NOW + timedelta(minutes=minute))


def _workload(kind: str, *pods: Pod) -> Workload:
    identity = TargetIdentity(api_version="apps/v1", kind=kind, name="pcscf", uid="u")
    return Workload("pcscf", exists=True, identity=identity, pods=pods)


@pytest.mark.parametrize(
    ("kind", "keep", "victims"),
    [
        ("Deployment", 1, ["d-0", "a-9", "c-1"]),
        ("Deployment", 3, ["d-0"]),
        ("Deployment", 4, []),
        ("Deployment", 9, []),
        ("StatefulSet", 2, ["b-10", "a-9"]),
    ],
)
def test_victims_are_those_that_kubernetes_takes(kind: str, keep: int, victims: list[str]) -> None:
    pods = (_pod("a-9", 3), _pod("b-10", 1), _pod("c-1", 2), _pod("d-0", 0, ready=False),
            _pod("e-3", 9, terminating=True))  # fmt: skip

    assert [pod.name for pod in choose_victims(_workload(kind, *pods), keep)] == victims


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (ConfigField("tuning.yaml", "/limits/a~1b"), "data[tuning.yaml]/limits/a~1b"),
        (ConfigField("t.json", "/limits/0", ConfigFormat.JSON), "data[t.json]:Json/limits/0"),
        (ConfigField("k.cfg", "children=<value>", ConfigFormat.TEXT), "data[k.cfg]:Text/children=<value>"),
        (ConfigField("k.cfg", "/dev/x <value>", ConfigFormat.TEXT), "data[k.cfg]:Text//dev/x <value>"),
    ],
)
def test_a_field_of_a_config_map_reads_back(field: ConfigField, text: str) -> None:
    assert str(field) == text
    assert ConfigField.parse(str(field)) == field
    with pytest.raises(ValueError, match="JSON Pointer"):
        ConfigField.parse("spec.replicas")


@pytest.mark.parametrize(
    ("kind", "spec", "says"),
    [
        ("Deployment", {"template": {}}, ""),
        ("Deployment", {"template": {}, "paused": True}, "paused"),
        ("StatefulSet", {"template": {}, "updateStrategy": {"type": "OnDelete"}}, "OnDelete"),
        ("ReplicaSet", {"template": {}}, "rolls out"),
        ("Gateway", {}, "no pod template"),
    ],
)
def test_what_cannot_be_restarted_says_why(kind: str, spec: dict[str, object], says: str) -> None:
    why = cannot_restart({"kind": kind, "metadata": {"name": "x"}, "spec": spec})

    assert says in why
    assert bool(why) == bool(says)


def _operation(
    action: OperationAction,
    attempt: int,
    number: int,
    kind: OperationKind = OperationKind.APPLY,
    state: OperationState = OperationState.APPLIED,
) -> Operation:
    target = TargetIdentity(api_version="v1", kind="X", name="x", uid=f"uid-{action}")
    made = intend(
        step="s", attempt=attempt, kind=kind, number=number, action=action, target=target, resource_version="1",
        field="f", before="1", intended="2", at=NOW,
    )  # fmt: skip
    return made.model_copy(update={"state": state})


def test_undo_goes_backwards_and_reloads_after_the_edit() -> None:
    registry = Registry.__new__(Registry)
    edit, reload = (
        _operation(a, 1, n) for n, a in enumerate((OperationAction.EDIT_CONFIG, OperationAction.RESTART), 1)
    )
    scale = _operation(OperationAction.SCALE, 2, 1)
    void = _operation(OperationAction.SCALE, 3, 1, state=OperationState.VOID)

    assert registry.order_of_undo([edit, reload, scale, void]) == (scale, edit, reload)


@pytest.mark.parametrize("kind", [OperationKind.UNDO, OperationKind.RELEASE])
@pytest.mark.parametrize("state", OperationState)
def test_what_was_or_may_have_been_taken_back_is_not_taken_back_again(
    kind: OperationKind, state: OperationState
) -> None:
    registry = Registry.__new__(Registry)
    scale, back = _operation(OperationAction.SCALE, 1, 1), _operation(OperationAction.SCALE, 1, 1, kind, state)

    expected = (scale,) if state is OperationState.VOID else ()
    assert registry.order_of_undo([scale, back]) == expected


def test_the_opposite_swaps_all_that_was_before_and_after() -> None:
    done = _operation(OperationAction.EDIT_CONFIG, 1, 1).model_copy(
        update={"digest_before": "old", "digest_intended": "new"}
    )

    undo = opposite(done, OperationKind.UNDO, 1, "9", NOW)

    assert (undo.before, undo.intended, undo.digest_before, undo.digest_intended) == ("2", "1", "new", "old")
    assert (undo.state, undo.resource_version, undo.id) == (OperationState.INTENDED, "9", "s.1.undo.1")
