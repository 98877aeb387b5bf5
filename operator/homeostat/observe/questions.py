"""The questions of one look: each different query is asked once, however many need its answer."""

import asyncio

from homeostat.contracts.telemetry_source import TelemetrySourceSpec
from homeostat.flow.facts import Answer
from homeostat.flow.ports import Telemetry


class Questions:
    """Queries to one source that belong together in time."""

    def __init__(self, telemetry: Telemetry, source: TelemetrySourceSpec) -> None:
        self._telemetry, self.source = telemetry, source
        self._asked: dict[str, asyncio.Future[Answer]] = {}

    async def ask(self, promql: str) -> Answer:
        """The answer to a query, shared by all who ask it in this look."""
        if promql not in self._asked:
            self._asked[promql] = asyncio.ensure_future(self._telemetry.query(self.source, promql))
        return await asyncio.shield(self._asked[promql])

    def abandon(self) -> None:
        """Give up what is still being asked; for a look that is cancelled."""
        for asked in self._asked.values():
            asked.cancel()
