"""The chart: what callers lived through without the operator and with it, on one axis, with its marks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e2e.acts.scene import Curve
from e2e.truth import PROMISE, Moment

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LONGEST_SETUP = 6.0
"""Shown for set-up times beyond SIPp's last bound, in seconds."""

_WITHOUT: Mapping[str, Any] = {"color": "#c0392b", "linestyle": "--", "linewidth": 1.4, "label": "without the operator"}
_WITH: Mapping[str, Any] = {"color": "#1f5fa8", "linestyle": "-", "linewidth": 1.8, "label": "with the operator"}


@dataclass(frozen=True)
class Pair:
    """One fault, lived through twice."""

    title: str
    control: Curve | None
    operated: Curve | None


@dataclass(frozen=True)
class Line:
    """Points ready to be drawn: seconds since the fault, and values; seconds without a value are left out."""

    at: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class _Row:
    label: str
    value: Callable[[Moment], float | None]


_ROWS = (
    _Row("effective calls\n(share, by SIPp)", lambda moment: moment.effectiveness),
    _Row("failed calls\nper second (SIPp)", lambda moment: float(moment.failed)),
    _Row("set-up time p95\nin seconds (SIPp)", lambda moment: shown(moment.setup_p95)),
)


def shown(setup: float | None) -> float | None:
    """A set-up time as it is drawn: bounded."""
    return None if setup is None else min(setup, _LONGEST_SETUP)


def line(curve: Curve, value: Callable[[Moment], float | None]) -> Line:
    """One quantity of a curve over the seconds since its fault."""
    points = [(moment.at - curve.began, found) for moment in curve.moments if (found := value(moment)) is not None]
    return Line(tuple(at for at, _ in points), tuple(found for _, found in points))


def steps(curve: Curve) -> Line:
    """Ready replicas over the seconds since the fault."""
    return Line(tuple(at - curve.began for at, _ in curve.replicas), tuple(float(ready) for _, ready in curve.replicas))


def draw(pairs: Sequence[Pair], folder: Path) -> list[Path]:
    """Draw the chart as PNG and SVG; return the files."""
    import matplotlib as mpl  # noqa: PLC0415 - takes a second to import, and is wanted at the end only

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the choice of the backend

    figure, axes = plt.subplots(
        len(_ROWS) + 1, len(pairs), figsize=(7.5 * len(pairs), 11), sharex="col", squeeze=False, layout="constrained"
    )
    figure.suptitle("A SIP edge under the same calls and faults, without and with Homeostat", fontsize=14)
    for column, pair in enumerate(pairs):
        axes[0][column].set_title(pair.title, fontsize=11, pad=34)
        for row, quantity in enumerate(_ROWS):
            _draw_row(axes[row][column], pair, quantity)
        _draw_replicas(axes[-1][column], pair)
        _draw_marks([axes[row][column] for row in range(len(_ROWS) + 1)], pair)
        axes[0][column].set_ylim(0, 1.05)
        axes[0][column].axhline(PROMISE, color="grey", linewidth=0.8, linestyle=":")
        axes[0][column].legend(loc="lower right", fontsize=8)
    files = [folder / "control-and-operator.png", folder / "control-and-operator.svg"]
    for file in files:
        figure.savefig(file, dpi=130)
    plt.close(figure)
    return files


def _styled(pair: Pair) -> list[tuple[Curve, Mapping[str, Any]]]:
    both = ((pair.control, _WITHOUT), (pair.operated, _WITH))
    return [(curve, style) for curve, style in both if curve is not None]


def _draw_row(axes: "Axes", pair: Pair, row: _Row) -> None:
    for curve, style in _styled(pair):
        points = line(curve, row.value)
        axes.plot(points.at, points.values, **style)
    axes.set_ylabel(row.label, fontsize=9)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.25)


def _draw_replicas(axes: "Axes", pair: Pair) -> None:
    for curve, style in _styled(pair):
        points = steps(curve)
        axes.step(points.at, points.values, where="post", **style)
    axes.set_ylabel("ready replicas", fontsize=9)
    axes.set_ylim(bottom=0)
    axes.locator_params(axis="y", integer=True)
    axes.set_xlabel("seconds since the fault")
    axes.grid(alpha=0.25)


def _draw_marks(column: Sequence["Axes"], pair: Pair) -> None:
    if pair.operated is None:
        return
    for number, mark in enumerate(sorted(pair.operated.marks, key=lambda mark: mark.at)):
        at = mark.at - pair.operated.began
        for axes in column:
            axes.axvline(at, color="#2e7d32", linewidth=1, alpha=0.7)
        column[0].annotate(
            f"{mark.text} {at:.1f} s",
            xy=(at, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(2, 3 + 11 * (number % 2)),
            textcoords="offset points",
            fontsize=8,
            color="#2e7d32",
            annotation_clip=False,
        )
