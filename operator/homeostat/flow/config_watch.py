"""Which configuration a service runs by: its recent changes, and which content the promise was kept under."""

from datetime import datetime

from homeostat.contracts.remediation_policy import RemediationPolicySpec
from homeostat.contracts.service_intent import ExpectationStateName
from homeostat.flow.facts import CompiledIntent, ConfigChange
from homeostat.flow.memory import IntentMemory
from homeostat.flow.ports import KubernetesError
from homeostat.flow.stages import Stages

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
    """Remember new contents, and mark the present one good once the promise was kept long enough under it."""
    changes: list[ConfigChange] = []
    for config_map, key in watched(policies):
        try:
            note = await stages.history.note(intent.stamp.namespace, config_map, key, stages.clock.now())
        except KubernetesError:
            continue
        changes += note.changes
        if not note.good and _kept_since(memory, note.since, stages):
            await stages.history.mark_good(intent.stamp.namespace, config_map, key, note.digest)
    memory.changes = tuple(sorted(changes, key=lambda change: change.at))


def _kept_since(memory: IntentMemory, since: datetime, stages: Stages) -> bool:
    """Whether every promise has been Met for the whole time that makes a content one that works."""
    tracks = memory.tracks.values()
    if not tracks or any(t.state is not ExpectationStateName.MET or t.since is None for t in tracks):
        return False
    kept = max([since, *(t.since for t in tracks if t.since is not None)])
    return stages.clock.now() - kept >= stages.settings.known_good_after
