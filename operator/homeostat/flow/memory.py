"""What the engine remembers of one intent between looks; lost in a restart and rebuilt from data.

Nothing here is needed for safety: episodes, acts and outcomes stand in the API server.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from homeostat.contracts.expectation import Expectation
from homeostat.contracts.service_intent import Episode, ServiceIntentSpec, ServiceIntentStatus
from homeostat.flow.facts import Assessment, ConfigChange, Observation, Track
from homeostat.flow.holds import NO_HOLDS, Holds


@dataclass(slots=True)
class IntentMemory:
    """Tracks and the last observation of one intent, with a signal for those who wait for the next look."""

    tracks: Mapping[str, Track] = field(default_factory=dict)
    observation: Observation | None = None
    assessment: Assessment | None = None
    changes: tuple[ConfigChange, ...] = ()
    definitions: Mapping[str, Expectation] = field(default_factory=dict)
    episode: Episode | None = None
    holds: Holds = NO_HOLDS
    record_seen: bool = False
    record_lost: bool = False
    config_due: float = float("-inf")
    looked: asyncio.Condition = field(default_factory=asyncio.Condition)

    @classmethod
    def from_status(cls, status: ServiceIntentStatus) -> "IntentMemory":
        """Begin from what was last written, so that a restart makes no new onset of an old violation."""
        return cls(
            tracks={
                e.name: Track(state=e.state, since=e.since, reason=e.reason, message=e.message)
                for e in status.expectations
            },
            episode=status.episode,
        )

    def follow(self, spec: ServiceIntentSpec) -> None:
        """Forget the looks at expectations whose definition is no longer that of the looks."""
        defined = {e.name: e for e in spec.expectations}
        known = self.definitions
        self.tracks = {n: t for n, t in self.tracks.items() if n in defined and defined[n] == known.get(n, defined[n])}
        self.definitions = defined

    def lost_record(self) -> str:
        """Name of the record of the present episode that is gone; empty if none is."""
        record = self.episode.record if self.episode else None
        return record.name if self.record_lost and record else ""

    async def publish(self, observation: Observation, assessment: Assessment) -> None:
        """Take in a new look and wake those who wait for it."""
        async with self.looked:
            self.observation, self.assessment, self.tracks = observation, assessment, assessment.tracks
            self.looked.notify_all()

    async def next_look(self, timeout: float) -> None:
        """Wait for the next look, or for so many seconds."""
        try:
            async with asyncio.timeout(timeout), self.looked:
                await self.looked.wait()
        except TimeoutError:
            return
