"""Waiting for a condition, with a deadline and what was seen last."""

import time
from collections.abc import Callable


def wait_for(condition: Callable[[], bool], seconds: float, seen: Callable[[], object]) -> None:
    """Wait until a condition holds.

    Raises:
        AssertionError: it did not in time; the message shows what was seen.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s; last seen: {seen()}")
        time.sleep(0.2)
