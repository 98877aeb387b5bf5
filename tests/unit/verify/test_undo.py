"""The verdict on an undo."""

from datetime import timedelta

import pytest

from homeostat.contracts.verification import UndoResult, UndoState
from homeostat.verify.baseline import baseline
from homeostat.verify.undo import UndoVerdict, judge_undo
from tests.unit.verify.test_judge import ACT, GUARD, TERMS, TRIGGER, Story, seconds

WINDOW_AND_STABILIZATION = 5 + 15


class UndoStory(Story):
    """The act was at second 0 and did harm; its undo began at second 20 and was in force at second 22."""

    def __init__(self, harmed: float = 0.5, guard: float = 0.99):
        super().__init__()
        for second in range(1, 23):
            self.look(second, harmed, guard)
        names = ("setup-success", "availability")
        baselines = [baseline(n, self.tracks[n].looks, seconds(20), since=ACT) for n in names]
        self.undo = UndoResult(state=UndoState.RUNNING, began_at=seconds(20), baselines=baselines)

    def watch(self, value: float | None, guard: float | None = 0.99, until: int = 120) -> tuple[int, UndoVerdict]:
        for second in range(23, until):
            self.look(second, value, guard)
            verdict = judge_undo(
                trigger=TRIGGER,
                guards=[GUARD],
                result=self.undo,
                in_force_at=seconds(22),
                terms=TERMS,
                tracks=self.tracks,
                now=seconds(second),
            )
            if verdict.state is not None:
                return second, verdict
        return until, verdict


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0.91, "setup-success 0.91 (was 0.5)"),
        (0.999, "setup-success 0.999 (was 0.5)"),
        (0.5, "setup-success 0.5 as before"),
    ],
)
def test_an_undo_need_not_help_but_is_watched_until_the_windows_show_only_the_time_since(value, told):
    second, verdict = UndoStory().watch(value)
    assert (second, verdict.state) == (22 + WINDOW_AND_STABILIZATION, UndoState.UNDONE)
    assert verdict.message == f"{told}; availability 0.99 as before."


def test_what_gets_worse_by_the_undo_is_said():
    _, verdict = UndoStory(harmed=0.995).watch(0.6)
    assert verdict.state is UndoState.WORSE
    assert verdict.message.startswith("setup-success 0.6 (was 0.995, promised >= 0.98): worse than before")


def test_a_guard_that_breaks_is_harm():
    _, verdict = UndoStory().watch(0.91, guard=0.5)
    assert verdict.state is UndoState.WORSE
    assert "availability 0.5" in verdict.message


def test_without_data_it_is_watched_until_the_deadline_and_said():
    second, verdict = UndoStory().watch(None, guard=None)
    assert second == (22 + timedelta(seconds=60).total_seconds())
    assert verdict == UndoVerdict(
        UndoState.UNDONE, "setup-success could not be measured; availability could not be measured."
    )
