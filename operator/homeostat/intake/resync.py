"""The sweep beside the watch: lists everything, takes in what the watch lost and drops what it missed the end of."""

import asyncio
import logging
from datetime import timedelta

from homeostat.contracts.common import API_VERSION
from homeostat.flow.ports import Cluster, KubernetesError
from homeostat.intake.catalog import KINDS, Catalog

log = logging.getLogger(__name__)

_FIRST_TRIES_APART = 1.0
"""Seconds between tries until the first sweep succeeds."""


class Resync:
    """Sweeps at once, and then each period."""

    def __init__(self, cluster: Cluster, catalog: Catalog, period: timedelta) -> None:
        self._cluster, self._catalog, self._period = cluster, catalog, period.total_seconds()
        self._synced = asyncio.Event()

    def is_synced(self) -> bool:
        """Whether the catalog has once been complete."""
        return self._synced.is_set()

    async def wait_synced(self) -> None:
        """Wait until the catalog has once been complete."""
        await self._synced.wait()

    async def run(self) -> None:
        """Sweep until cancelled; a sweep that fails is tried again."""
        while True:
            try:
                await self.sweep()
            except KubernetesError as error:
                log.warning("the sweep of declared resources failed, it is tried again: %s", error)
            await asyncio.sleep(self._period if self.is_synced() else _FIRST_TRIES_APART)

    async def sweep(self) -> None:
        """List every kind once.

        Raises:
            KubernetesError: a list failed; kinds before it are done, nothing is dropped for want of an answer.
        """
        for kind in KINDS:
            await self._sweep(kind)
        self._synced.set()

    async def _sweep(self, kind: str) -> None:
        # What comes in by the watch after the list was asked for may be missing from it.
        before = {key: self._catalog.stored(kind, *key) for key in self._catalog.keys(kind)}
        listed = await self._cluster.list(API_VERSION, kind, "")
        for body in listed:
            self._catalog.put(kind, body)
        present = {body["metadata"]["uid"] for body in listed}
        for (namespace, name), known in before.items():
            if known is not None and known["metadata"]["uid"] not in present:
                log.warning("%s %s/%s is gone without the watch telling so", kind, namespace, name)
                self._catalog.remove(kind, namespace, name, known["metadata"]["uid"])
