"""How much of a stretch of time an expectation was really seen in; pure."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from homeostat.evaluate.sustain import MEMORY
from homeostat.flow.facts import Look


@dataclass(frozen=True, slots=True)
class Coverage:
    """Looks with data, of those that were made or should have been."""

    known: int
    expected: int

    @property
    def is_enough(self) -> bool:
        """At most a third is Unknown, and something was seen."""
        return self.known > 0 and 3 * (self.expected - self.known) <= self.expected

    @property
    def is_mostly_unknown(self) -> bool:
        """More than half is Unknown."""
        return 2 * (self.expected - self.known) > self.expected or not self.known


def coverage(looks: Sequence[Look], start: datetime, end: datetime) -> Coverage:
    """Coverage of the stretch after ``start`` up to ``end``, as far back as looks are remembered.

    Looks that were not made, since the operator was away, count as Unknown: as many are expected as fit at the usual
    spacing of the looks remembered. A single look has no spacing, and is never enough.
    """
    start = max(start, end - MEMORY)
    inside = [look for look in looks if start < look.at <= end]
    known = sum(look.met is not None for look in inside)
    gaps = [gap for earlier, later in pairwise(looks) if (gap := (later.at - earlier.at).total_seconds()) > 0]
    if not gaps:
        return Coverage(known, len(inside) + 1)
    return Coverage(known, max(len(inside), int((end - start).total_seconds() / statistics.median(gaps)), 1))
