"""One act at a time is checked and recorded in a namespace, so that each check counts the acts before it."""

import asyncio
from weakref import WeakValueDictionary


class Turnstile:
    """A lock per namespace, between the reading of the records by the guards and the record of the act."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, namespace: str) -> asyncio.Lock:
        """The lock of a namespace; whoever waits for it keeps it alive."""
        return self._locks.setdefault(namespace, asyncio.Lock())
