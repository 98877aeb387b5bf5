"""What a look means for the intent's episode: it begins, goes on, ends, or waits for its record."""

import logging

from homeostat.contracts.common import API_VERSION
from homeostat.contracts.operations import TargetIdentity
from homeostat.contracts.service_intent import Episode, RecordRef
from homeostat.flow.config_watch import watch_config
from homeostat.flow.correlation import correlated
from homeostat.flow.episode import is_onset, is_over
from homeostat.flow.facts import Assessment
from homeostat.flow.in_force import InForce, Key
from homeostat.flow.memory import IntentMemory
from homeostat.flow.onset import Onset, governed, new_episode, record_onset, taken_up
from homeostat.flow.remediations import OpenRemediations
from homeostat.flow.reporting import Reporting
from homeostat.flow.resources import CompiledIntent, CompiledSource
from homeostat.flow.stages import Stages

log = logging.getLogger(__name__)


class Episodes:
    """Carries the episodes of all intents on, look by look."""

    def __init__(
        self, stages: Stages, in_force: InForce, reporting: Reporting, open_remediations: OpenRemediations
    ) -> None:
        self._stages = stages
        self._in_force = in_force
        self._reporting = reporting
        self._open = open_remediations

    async def carry_on(
        self, key: Key, intent: CompiledIntent, source: CompiledSource, memory: IntentMemory, assessment: Assessment
    ) -> None:
        """Begin, end or record the episode as this look says; a begun one is written before anything else."""
        policies = self._in_force.policies(key[0])
        await self._watch_config(intent, memory)
        episode = memory.episode
        if is_over(episode, assessment) and episode is not None:
            memory.episode = episode.model_copy(update={"open": False})
            self._say(intent, "Fulfilled", "The promise is kept again.", warning=False)
        elif is_onset(episode, assessment):
            memory.episode = await new_episode(self._stages, intent, policies, assessment, episode)
            memory.record_seen = memory.record_lost = False
            await self._reporting.intent(key, memory)
            self._say(intent, "ExpectationViolated", assessment.tracks[memory.episode.trigger].message, warning=True)
        if memory.episode is not None and memory.episode.open and assessment.violated():
            await self._record(key, intent, source, memory, assessment, memory.episode)

    async def _watch_config(self, intent: CompiledIntent, memory: IntentMemory) -> None:
        now = self._stages.clock.monotonic()
        if now < memory.config_due:
            return
        memory.config_due = now + self._stages.settings.config_look_every.total_seconds()
        policies = self._in_force.policies(intent.stamp.namespace)
        await watch_config(self._stages, intent, tuple(p.spec for p in policies), memory)

    async def _record(
        self,
        key: Key,
        intent: CompiledIntent,
        source: CompiledSource,
        memory: IntentMemory,
        assessment: Assessment,
        episode: Episode,
    ) -> None:
        if episode.record is not None and episode.record.uid:
            await self._hold_record(key, intent, memory, episode.record)
            return
        found = governed(intent, self._in_force.policies(key[0]), assessment, episode)
        if found is None:
            return
        onset = Onset(intent, source, episode, found)
        memory.episode = taken_up(onset)
        if memory.episode != episode:
            await self._reporting.intent(key, memory)
        with correlated(onset.name):
            stored = await record_onset(self._stages, onset, memory)
        if stored is not None:
            record = RecordRef(name=stored.name, uid=stored.uid)
            memory.episode = memory.episode.model_copy(update={"record": record})
            memory.record_seen = True
            self._open.announce(stored)

    async def _hold_record(self, key: Key, intent: CompiledIntent, memory: IntentMemory, record: RecordRef) -> None:
        """After a restart, make sure once that the record of the open episode is still there."""
        if memory.record_seen:
            return
        stored = await self._stages.records.read(key[0], record.name)
        memory.record_seen = True
        if stored is None or stored.uid != record.uid:
            memory.record_lost = True
            self._say(
                intent,
                "RecordLost",
                f"The record {record.name} of this episode is gone. Nothing is done for it; a person must look.",
                warning=True,
            )
        else:
            self._open.begin(stored)

    def _say(self, intent: CompiledIntent, reason: str, note: str, *, warning: bool) -> None:
        identity = TargetIdentity(
            api_version=API_VERSION, kind="ServiceIntent", name=intent.stamp.name, uid=intent.stamp.uid
        )
        self._stages.events.emit(intent.stamp.namespace, identity, reason, "Evaluate", note, warning=warning)
