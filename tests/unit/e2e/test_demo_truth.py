"""The callers' experience, cut and summed."""

from pathlib import Path

import pytest

from e2e.subscribers import Second, parse
from e2e.truth import Moment, between, keep, quantile, recovered_at, together, toll, undisturbed


def second(at: float, **counts: int) -> Second:
    names = ("attempted", "established", "limited", "gave_up", "silent", "refused", "dropped", "completed", "broken")
    zeros = dict.fromkeys((*names, "in_progress", "retransmissions"), 0)
    return Second(at=at, **{**zeros, **counts}, setup={0.25: counts.get("established", 0)})


def moment(at: int, good: int, failed: int) -> Moment:
    return Moment(at, good + failed, good, failed, 0, None)


def test_groups_of_callers_are_added_up_by_the_second():
    background = [second(100.1, attempted=30, established=30), second(101.1, attempted=30, established=29, limited=1)]
    surge = [second(101.4, attempted=100, established=60, gave_up=30, silent=5, refused=5, dropped=2, broken=1)]
    first, both = together(background, surge)
    assert first == Moment(100, 30, 30, 0, 0, 0.25)
    assert (both.attempted, both.established, both.failed, both.dropped) == (130, 89, 41, 3)
    assert both.effectiveness == pytest.approx(89 / 130)


def test_a_second_without_calls_is_neither_good_nor_bad():
    idle = moment(1, 0, 0)
    assert idle.effectiveness is None
    assert not idle.is_good


def test_recovery_is_the_first_unbroken_stretch_after_the_breach():
    good = [moment(at, 100, 0) for at in range(10)]
    broken = [moment(at, 50, 50) for at in (10, 11, 13)]
    flicker = [moment(12, 100, 0)]
    again = [moment(at, 99, 1) for at in range(14, 20)]
    lived = sorted([*good, *broken, *flicker, *again], key=lambda one: one.at)
    assert recovered_at(lived, after=5) == 14
    assert recovered_at(lived[:16], after=5) is None
    assert recovered_at(good, after=0) is None


def test_the_toll_of_a_stretch():
    lived = [moment(1, 10, 0), moment(2, 5, 5), moment(3, 1, 9)]
    assert str(toll(between(lived, 1, 3))) == "20 calls attempted, 14 failed, 0 dropped in progress"


@pytest.mark.parametrize(
    ("setup", "expected"),
    [({}, None), ({0.25: 95, 0.5: 5}, 0.25), ({0.25: 94, 0.5: 6}, 0.5), ({0.25: 1, float("inf"): 1}, float("inf"))],
)
def test_quantile_is_the_upper_bound_of_its_class(setup, expected):
    assert quantile(setup, 0.95) == expected


def test_statistics_as_a_real_sipp_wrote_them_become_moments():
    lines = Path(__file__).with_name("sipp-statistics.csv").read_text().splitlines()
    moments = together(parse([*lines, lines[-1][:200]]))  # the last line cut short, as a running SIPp leaves it
    assert [m.at for m in moments] == sorted({m.at for m in moments})
    assert [(m.attempted, m.established, m.failed) for m in moments[1:]] == [(30, 29, 15), (30, 36, 10), (31, 32, 9)]


def test_seconds_are_kept_as_csv(tmp_path):
    keep([moment(7, 3, 1)], tmp_path / "seconds.csv")
    assert (tmp_path / "seconds.csv").read_text().splitlines() == [
        "at,attempted,established,failed,dropped,setup_p95",
        "7,4,3,1,0,",
    ]


def test_seconds_with_failing_calls_and_those_right_after_them_are_not_undisturbed():
    lived = [moment(at, 10, 1 if at == 5 else 0) for at in range(12)]
    assert [m.at for m in undisturbed(lived, 2, 3)] == [3, 4, 9, 10, 11]
