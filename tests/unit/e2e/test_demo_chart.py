"""The chart's data, and that it is drawn at all."""

import io

from e2e.acts.scene import Curve, Mark, marks
from e2e.chart import Pair, draw, line, shown, steps
from e2e.timeline import Timeline, Who
from e2e.truth import Moment

MOMENTS = [Moment(1000 + at, 30, 30 - at, at, 0, None if at == 1 else 0.25 * at) for at in range(4)]
CURVE = Curve(1000.0, MOMENTS, [(1000.5, 1), (1002.0, 3)], [Mark(1001.0, "detected"), Mark(1002.0, "acted")])


def test_a_line_leaves_out_seconds_without_a_value():
    assert line(CURVE, lambda moment: moment.setup_p95).at == (0.0, 2.0, 3.0)
    assert line(CURVE, lambda moment: float(moment.failed)).values == (0.0, 1.0, 2.0, 3.0)


def test_replicas_are_counted_from_the_fault():
    assert steps(CURVE).at == (0.5, 2.0)
    assert steps(CURVE).values == (1.0, 3.0)


def test_set_up_times_beyond_the_last_class_stay_on_the_chart():
    assert shown(float("inf")) == 6.0
    assert shown(None) is None


def test_marks_come_from_the_record():
    status = {
        "times": {"detected": "2026-11-22T14:15:11.500Z", "acted": "2026-11-22T14:15:12Z"},
        "release": {"state": "Released", "at": "2026-11-22T14:16:00Z"},
    }
    found = marks({"status": status})
    assert [mark.text for mark in found] == ["detected", "acted", "released"]
    assert found[0].at % 60 == 11.5


def test_the_chart_is_drawn_with_one_curve_missing(tmp_path):
    files = draw([Pair("Congestion", CURVE, CURVE), Pair("Misconfiguration", CURVE, None)], tmp_path)
    assert [file.suffix for file in files] == [".png", ".svg"]
    assert all(file.stat().st_size > 10_000 for file in files)


def test_the_timeline_is_plain_where_no_terminal_is(tmp_path):
    screen = io.StringIO()
    timeline = Timeline(tmp_path / "timeline.txt", screen)
    timeline.say(Who.OPERATOR, "one\ntwo")
    timeline.close()
    assert screen.getvalue() == (tmp_path / "timeline.txt").read_text()
    first, second = screen.getvalue().splitlines()
    assert first.endswith("operator  one")
    assert second.index("two") == first.index("one")
