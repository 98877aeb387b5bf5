"""Which configuration a service runs by: its recent changes, and which content the promise was kept under."""

import logging
from datetime import datetime

from homeostat.contracts.remediation_policy import RemediationPolicySpec
from homeostat.contracts.service_intent import ExpectationStateName
from homeostat.flow.facts import ConfigChange
from homeostat.flow.memory import IntentMemory
from homeostat.flow.ports import KubernetesError
from homeostat.flow.resources import CompiledIntent
from homeostat.flow.stages import Stages

log = logging.getLogger(__name__)

ConfigKey = tuple[str, str]
"""ConfigMap and key."""


def watched(policies: tuple[RemediationPolicySpec, ...]) -> tuple[ConfigKey, ...]:
    """The keys that the policies' steps and causes name, each once."""
    steps = [s.action.reconfigure for p in policies for s in p.steps if s.action.reconfigure is not None]
    named = [(r.config_map, r.key) for r in steps]
    changes = [e.change for p in policies for c in p.causes for e in c.evidence if e.change is not None]
    named += [(c.config_map, c.key) for c in changes if c.key is not None]
    return tuple(dict.fromkeys(named))


async def watch_config(
    stages: Stages, intent: CompiledIntent, policies: tuple[RemediationPolicySpec, ...], memory: IntentMemory
) -> None:
    """Remember new contents, and mark the present one good once the promise was kept long enough under it.

    A history that cannot be kept costs a restore later; it must not cost the look that is being made.
    """
    changes: list[ConfigChange] = []
    for config_map, key in watched(policies):
        try:
            changes += await _watch_key(stages, intent.stamp.namespace, config_map, key, memory)
        except KubernetesError as error:
            stages.metrics.fault("config history")
            log.warning("the history of %s in ConfigMap %s is not kept: %s", key, config_map, error)
    memory.changes = tuple(sorted(changes, key=lambda change: change.at))


async def _watch_key(
    stages: Stages, namespace: str, config_map: str, key: str, memory: IntentMemory
) -> tuple[ConfigChange, ...]:
    note = await stages.history.note(namespace, config_map, key, stages.clock.now())
    if not note.good and _kept_since(memory, note.since, stages):
        await stages.history.mark_good(namespace, config_map, key, note.digest)
    return note.changes


def _kept_since(memory: IntentMemory, since: datetime, stages: Stages) -> bool:
    """Whether every promise has been Met for the whole time that makes a content one that works."""
    tracks = memory.tracks.values()
    if not tracks or any(t.state is not ExpectationStateName.MET or t.since is None for t in tracks):
        return False
    kept = max([since, *(t.since for t in tracks if t.since is not None)])
    return stages.clock.now() - kept >= stages.settings.known_good_after
