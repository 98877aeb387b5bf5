"""When each key is due for its next look; knows nothing of intents.

Due times are seconds on the monotonic clock. The first look of a key is spread over its period by a digest of the key,
so that a start with many intents does not ask everything at once, and the same key always gets the same place.
"""

import hashlib
import heapq

_FIRST_LOOK_WITHIN = 5.0
"""Longest wait for a first look, in seconds, however long the period."""


def spread(key: str, period: float) -> float:
    """Seconds into the period at which a key has its place: 0 to period, the same for the same key."""
    share = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) / 2**32
    return share * period


class Schedule:
    """Due times of keys, one entry per key."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, str]] = []
        self._due: dict[str, float] = {}
        self._period: dict[str, float] = {}

    def plan(self, key: str, period: float, now: float) -> None:
        """Have a key looked at each ``period`` seconds; a key that has this period already keeps its place."""
        if self._period.get(key) == period:
            return
        self._period[key] = period
        self._push(key, now + spread(key, min(period, _FIRST_LOOK_WITHIN)))

    def forget(self, key: str) -> None:
        """Look at a key no more."""
        self._period.pop(key, None)
        self._due.pop(key, None)

    def take_due(self, now: float) -> tuple[tuple[str, float], ...]:
        """Keys that are due, each with the seconds it is late; each is put back one period after it was due.

        A key that is later than a whole period skips what it missed: looks are not made up for.
        """
        taken: list[tuple[str, float]] = []
        while self._heap and self._heap[0][0] <= now:
            due, key = heapq.heappop(self._heap)
            if self._due.get(key) != due:
                continue
            taken.append((key, now - due))
            period = self._period[key]
            self._push(key, due + period if due + period > now else now + period)
        return tuple(taken)

    def seconds_to_next(self, now: float) -> float | None:
        """Seconds until the next key is due, 0 if one is; None if there is none."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return max(0.0, self._heap[0][0] - now) if self._heap else None

    def _push(self, key: str, due: float) -> None:
        self._due[key] = due
        heapq.heappush(self._heap, (due, key))
