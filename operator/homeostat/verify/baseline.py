"""What an expectation was like before an act, and whether it is worse now; pure."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from homeostat.contracts.expectation import Expectation
from homeostat.contracts.verification import Baseline
from homeostat.evaluate.conditions import is_higher_better, is_lower_better, is_met, shortfall
from homeostat.flow.facts import Look

BEFORE = timedelta(minutes=1)
"""Stretch before the act that is its baseline."""

ENOUGH_SAMPLES = 8
"""Known looks from which the noise of an indicator can be told; with fewer, only the promise is a yardstick."""

LOAD_ROSE = 1.1
"""Load, as a multiple of the baseline's, above which values are compared per unit of load."""

_ROUNDING = 1e-9
_SMALLEST_NOISE = 0.1
"""Least difference that counts, as a share of the baseline's distance from the promise: a value that stood perfectly
still has no interquartile range, and the next failed call must not look like harm."""


def baseline(
    expectation: str,
    looks: Sequence[Look],
    until: datetime,
    load_of: Callable[[Look], float | None] = lambda look: look.reading.load,
    since: datetime | None = None,
) -> Baseline:
    """Median, interquartile range and median load over the minute that ends with ``until``, which belongs to it.

    While the promise was being broken at the end of that minute, only breaching looks count: the trigger is broken
    within that minute more often than not, and a median of health and breach would make every recovery look worse
    than before. ``since`` is the onset of the breach that is acted on: what an earlier breach was like tells nothing
    of this one.
    """
    begin = until - BEFORE if since is None else max(until - BEFORE, since)
    known = [k for k in looks if begin < k.at <= until and k.reading.value is not None]
    if known and known[-1].met is False:
        known = [k for k in known if k.met is False]
    values = [k.reading.value for k in known if k.reading.value is not None]
    loads = [load for k in known if (load := load_of(k)) is not None]
    return Baseline(
        expectation=expectation,
        samples=len(values),
        median=_text(statistics.median(values)) if values else "",
        noise=_text(_interquartile_range(values)) if len(values) > 1 else "",
        load=_text(statistics.median(loads)) if loads else "",
    )


@dataclass(frozen=True, slots=True)
class Yardstick:
    """A promise with its baseline, and the load that is offered to the service at each look."""

    expectation: Expectation
    baseline: Baseline | None
    load_at: Mapping[datetime, float]
    base_load: float | None

    @property
    def was_kept(self) -> bool:
        """Whether the promise is known to have been kept before the act."""
        return self._median is not None and is_met(self.expectation, self._median)

    @property
    def before(self) -> float | None:
        """The value before the act."""
        return self._median

    def breaches(self, look: Look) -> bool:
        """Whether a look breaches the promise by more than its risen load explains."""
        value = look.reading.value
        return look.met is False and value is not None and not is_met(self.expectation, self.per_load(value, look))

    def is_worse(self, look: Look) -> bool:
        """Whether a known look is worse than the baseline by more than its noise, per unit of load where load rose.

        False where the baseline is too thin to tell.
        """
        value, median = look.reading.value, self._median
        if value is None or median is None or self.baseline is None or self.baseline.samples < ENOUGH_SAMPLES:
            return False
        before = shortfall(self.expectation, median)
        noise = max(float(self.baseline.noise), _SMALLEST_NOISE * abs(before))
        return shortfall(self.expectation, self.per_load(value, look)) - before > noise + _ROUNDING * abs(before)

    def per_load(self, value: float, look: Look) -> float:
        """The value as it would compare at the baseline's load, where the load rose by more than a tenth.

        A service at its limit serves as many as before while more are offered: its share of good events falls though
        it got no worse. So for a share of good events the good events per second are compared (share times load), for
        a share of bad events likewise through its complement, and for another ceiling, such as a delay, the value per
        unit of load. A floor that is not a share, a range and an equality do not scale with load. Where the load fell,
        the plain value is compared: the work became easier, which excuses nothing.
        """
        now = self.load_at.get(look.at) if look.reading.load is None else look.reading.load
        if now is None or self.base_load is None or self.base_load <= 0 or now <= LOAD_ROSE * self.base_load:
            return value
        rise = now / self.base_load
        is_share = self.expectation.ratio is not None
        if is_higher_better(self.expectation):
            return value * rise if is_share else value
        if is_lower_better(self.expectation):
            return 1 - (1 - value) * rise if is_share else value / rise
        return value

    @property
    def _median(self) -> float | None:
        return float(self.baseline.median) if self.baseline and self.baseline.median else None


def _interquartile_range(values: Sequence[float]) -> float:
    lower, _, upper = statistics.quantiles(values, n=4, method="inclusive")
    return upper - lower


def _text(value: float) -> str:
    return f"{value:.9g}"
