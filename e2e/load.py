"""How much calling it takes: a steady background, and surges in units of what one replica carries."""

import itertools
import math
import time
from dataclasses import dataclass, field

from e2e.cnf import queries
from e2e.prometheus_api import Prometheus
from e2e.subscribers import Load, Second, Step
from e2e.subscribers.load import Kubectl
from e2e.truth import Moment, together

BACKGROUND = 10
"""Calls per second all the time: well below what one replica carries on any machine."""

_EASY = 40

LIMIT_CORES = 0.1
_LONGEST_DEMO = 1500
CLEARLY_MORE = 2.5
"""Times the capacity by CPU time at an easy rate: a busy proxy batches its work and carries 1.4 to 1.8 times that."""

_SETTLE = 6.0
_MEASUREMENT = 14
_PATIENCE = 150.0
"""Seconds: where the machine has other work, callers fall behind and catch up for a while."""
_CORES = f"sum({queries.cpu_share('5s', 1.0)})"
_HOLD = 4.0


def _settled(prometheus: Prometheus, rate: int) -> tuple[float, float]:
    """Calls per second and Kamailio's CPU cores, once the calls have been as many as placed for a while."""
    end = time.monotonic() + _PATIENCE
    since: float | None = None
    while time.monotonic() < end:
        calls, cores = prometheus.now(f"{queries.total('5s')} or vector(0)"), prometheus.now(_CORES)
        is_there = abs(calls - rate) <= rate / 5 and not math.isnan(cores)
        since = (since or time.monotonic()) if is_there else None
        if since is not None and time.monotonic() - since > _SETTLE:
            return calls, cores
        time.sleep(0.5)
    raise TimeoutError(f"{rate} calls/s are placed, but Prometheus sees {calls:.1f} calls/s and {cores} cores of CPU")


@dataclass
class Subscribers:
    """All who call during the demo."""

    kubectl: Kubectl
    capacity: int = 0
    _loads: list[Load] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def begin(self, prometheus: Prometheus) -> None:
        """Start the background, and learn from the CPU time at two easy rates what one replica carries with ease."""
        self._start("background", Step(BACKGROUND, _LONGEST_DEMO))
        few, little = _settled(prometheus, BACKGROUND)
        self._start("measurement", Step(_EASY - BACKGROUND, _MEASUREMENT))
        many, more = _settled(prometheus, _EASY)
        self.capacity = round(few + (LIMIT_CORES - little) * (many - few) / (more - little))

    def calm(self) -> None:
        """End every surge that is still on; the background goes on."""
        for load in self._loads[1:]:
            if not load.finished():
                load.stop()
                self._loads.remove(load)

    def end(self) -> None:
        """Let nobody call any more."""
        for load in self._loads:
            load.stop()

    def surge(self, seconds: int, replicas: int = 1, times: float = CLEARLY_MORE) -> "Surge":
        """Let calls rise for a while to so many times what the replicas carry with ease, and return when they do."""
        rate = math.ceil(times * self.capacity * replicas) - BACKGROUND
        load = self._start(f"surge-{next(self._numbers)}", Step(rate, seconds))
        return Surge(load, BACKGROUND + rate, time.time())

    def moments(self) -> list[Moment]:
        """What all callers lived through so far."""
        return together(*(load.experience() for load in self._loads))

    def _start(self, name: str, step: Step) -> Load:
        load = Load(self.kubectl, name, [step], hold=_HOLD)
        load.start()
        self._loads.append(load)
        return load


@dataclass
class Surge:
    """A time of many calls."""

    load: Load
    rate: int
    began: float

    def rise(self) -> int:
        """Let calls rise by a quarter; return how many there are per second now, the background with them."""
        self.rate = math.ceil(self.rate * 1.25)
        self.load.set_rate(self.rate - BACKGROUND)
        return self.rate

    def wait(self) -> list[Second]:
        """Wait until its last call has ended."""
        return self.load.wait()
