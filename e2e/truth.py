"""The callers' own experience as the ground truth: SIPp's seconds, cut and summed over all loads of an act."""

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from e2e.subscribers import Second

PROMISE = 0.98
"""Share of the calls that must be effective; the intent's own value."""

_SETTLED = 4


@dataclass(frozen=True, slots=True)
class Moment:
    """One second of all callers together."""

    at: int
    attempted: int
    established: int
    failed: int
    dropped: int
    setup_p95: float | None

    @property
    def effectiveness(self) -> float | None:
        """Share of the calls decided in this second that were answered in time; None without calls."""
        decided = self.established + self.failed
        return self.established / decided if decided else None

    @property
    def is_good(self) -> bool:
        """Whether the promise was kept in this second."""
        return self.effectiveness is not None and self.effectiveness >= PROMISE


def together(*experiences: Iterable[Second]) -> list[Moment]:
    """Add up what several groups of callers lived through, second by second."""
    seconds: defaultdict[int, list[Second]] = defaultdict(list)
    for experience in experiences:
        for second in experience:
            seconds[round(second.at)].append(second)
    return [_moment(at, group) for at, group in sorted(seconds.items())]


def _moment(at: int, group: Sequence[Second]) -> Moment:
    setup: defaultdict[float, int] = defaultdict(int)
    for second in group:
        for bound, count in second.setup.items():
            setup[bound] += count
    return Moment(
        at=at,
        attempted=sum(s.attempted for s in group),
        established=sum(s.established for s in group),
        failed=sum(s.failed_at_setup for s in group),
        dropped=sum(s.dropped + s.broken for s in group),
        setup_p95=quantile(setup, 0.95),
    )


def quantile(setup: dict[float, int], share: float) -> float | None:
    """Upper bound of the set-up time of this share of the answered calls, in seconds."""
    total, seen = sum(setup.values()), 0
    for bound, count in sorted(setup.items()):
        seen += count
        if total and seen >= share * total:
            return bound
    return None


def between(moments: Iterable[Moment], start: float, end: float) -> list[Moment]:
    """The seconds that lie wholly after ``start``, up to ``end``."""
    return [moment for moment in moments if start < moment.at <= end]


def undisturbed(moments: Sequence[Moment], start: float, memory: float) -> list[Moment]:
    """The seconds after ``start`` in which, and for so long before which, no call failed at set-up.

    A call that is dropped while others cannot even be set up was dropped by the overload, not by what was done.
    """
    failing = [moment.at for moment in moments if moment.failed]
    return [m for m in moments if m.at > start and not any(m.at - memory <= at <= m.at for at in failing)]


def recovered_at(moments: Sequence[Moment], after: float) -> int | None:
    """The first second of the first unbroken stretch of good ones, once the promise was broken."""
    later = [moment for moment in moments if moment.at > after]
    broken = next((index for index, moment in enumerate(later) if not moment.is_good), None)
    if broken is None:
        return None
    stretch: list[Moment] = []
    for moment in later[broken:]:
        stretch = [*stretch, moment] if moment.is_good else []
        if len(stretch) == _SETTLED:
            return stretch[0].at
    return None


@dataclass(frozen=True, slots=True)
class Toll:
    """What a stretch of time cost the callers."""

    attempted: int
    failed: int
    dropped: int

    def __str__(self) -> str:
        return f"{self.attempted} calls attempted, {self.failed} failed, {self.dropped} dropped in progress"


def toll(moments: Iterable[Moment]) -> Toll:
    """Add up a stretch of time."""
    lived = list(moments)
    return Toll(sum(m.attempted for m in lived), sum(m.failed for m in lived), sum(m.dropped for m in lived))


def keep(moments: Iterable[Moment], file: Path) -> None:
    """Write all seconds as CSV, for whoever wants to draw other charts."""
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, [column.name for column in fields(Moment)])
        writer.writeheader()
        writer.writerows(asdict(moment) for moment in moments)
