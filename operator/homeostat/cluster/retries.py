"""How reads are repeated when the API server is busy or away. Writes never are: see ``client``."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from homeostat.cluster.clock import SystemClock
from homeostat.flow.ports import Clock, KubernetesError

T = TypeVar("T")

NO_CONNECTION = "NoConnection"
"""Reason of an error where no answer came because the connection could not be made or broke."""

TOO_MANY_REQUESTS = 429
SERVER_ERRORS = range(500, 600)


@dataclass(frozen=True, slots=True)
class ReadRetries:
    """Limited repetition with exponential waits and full jitter.

    A time-out is not repeated: a server that is too slow is not helped by another question.
    ``limit_seconds`` bounds the time from the first question to the last wait's end.
    """

    attempts: int = 4
    first_wait_seconds: float = 0.2
    limit_seconds: float = 15.0
    clock: Clock = field(default_factory=SystemClock)
    chance: Callable[[], float] = random.random
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def run(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask until there is an answer, or raise the last error."""
        end = self.clock.monotonic() + self.limit_seconds
        for attempt in range(1, self.attempts):
            try:
                return await ask()
            except KubernetesError as error:
                wait = self.wait_after(error, attempt)
                if wait is None or self.clock.monotonic() + wait > end:
                    raise
            await self.sleep(wait)
        return await ask()

    def wait_after(self, error: KubernetesError, attempt: int) -> float | None:
        """Seconds to wait after the first, second, ... failure; None for an error that repetition does not cure."""
        busy = error.status == TOO_MANY_REQUESTS or error.status in SERVER_ERRORS
        if not busy and error.reason != NO_CONNECTION:
            return None
        jittered = self.first_wait_seconds * 2.0 ** (attempt - 1) * (0.5 + self.chance())
        return max(jittered, error.retry_after or 0.0)
