"""How much of what is promised is kept at present, as last looked at; the storm guard counts it.

Kept in memory alone: after a restart nothing is known until each intent has been looked at, and the guard says so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from homeostat.contracts.common import parse_duration
from homeostat.contracts.guardrails import StormIn, StormOf
from homeostat.contracts.service_intent import AdminState, Fulfilment
from homeostat.flow.facts import Assessment, Workload
from homeostat.flow.past_acts import Health, Population
from homeostat.flow.resources import CompiledIntent

Key = tuple[str, str]
"""Namespace and name of an intent."""

_FRESH_PERIODS = 3
_LEAST_FRESH = timedelta(seconds=60)
"""A look counts for three observation periods, and for a minute at least: a telemetry source may be slow to answer."""


@dataclass(frozen=True, slots=True)
class _Seen:
    uid: str
    at: datetime
    fulfilment: Fulfilment
    workloads: tuple[Workload, ...]


class HealthBoard:
    """The last look at each intent."""

    def __init__(self) -> None:
        self._seen: dict[Key, _Seen] = {}

    def note(self, intent: CompiledIntent, assessment: Assessment, workloads: Iterable[Workload]) -> None:
        """Take in a look."""
        stamp = intent.stamp
        self._seen[stamp.namespace, stamp.name] = _Seen(
            stamp.uid, assessment.at, assessment.fulfilment, tuple(workloads)
        )

    def count(self, intents: Mapping[Key, CompiledIntent], namespace: str, now: datetime) -> Health:
        """Count the activated ones of these intents, and what carries them; what is stored of others is forgotten."""
        self._seen = {key: seen for key, seen in self._seen.items() if key in intents}
        active = {key: i for key, i in intents.items() if i.spec.admin_state is AdminState.ACTIVATED}
        here = {key: intent for key, intent in active.items() if key[0] == namespace}
        return {
            (of, where): count
            for where, counted in ((StormIn.NAMESPACE, here), (StormIn.CLUSTER, active))
            for of, count in (
                (StormOf.INTENTS, self._intents(counted, now)),
                (StormOf.REPLICAS, self._replicas(counted, now)),
            )
        }

    def _fresh(self, key: Key, intent: CompiledIntent, now: datetime) -> _Seen | None:
        seen = self._seen.get(key)
        lasts = max(_LEAST_FRESH, _FRESH_PERIODS * parse_duration(intent.spec.observation_period))
        return seen if seen and seen.uid == intent.stamp.uid and now - seen.at <= lasts else None

    def _intents(self, intents: Mapping[Key, CompiledIntent], now: datetime) -> Population:
        states = [
            seen.fulfilment if (seen := self._fresh(key, intent, now)) else Fulfilment.UNKNOWN
            for key, intent in intents.items()
        ]
        return Population(len(states), states.count(Fulfilment.NOT_FULFILLED), states.count(Fulfilment.UNKNOWN))

    def _replicas(self, intents: Mapping[Key, CompiledIntent], now: datetime) -> Population:
        """Replicas of the targets, each target once.

        A target that was not seen counts as one replica that is not known; one that does not exist as one not ready.
        """
        total = unhealthy = unknown = 0
        counted: set[tuple[str, ...]] = set()
        for key, intent in intents.items():
            seen = self._fresh(key, intent, now)
            workloads = {workload.target: workload for workload in seen.workloads} if seen else {}
            for target in intent.spec.targets:
                ref = target.ref
                identity = (key[0], ref.api_version, ref.kind, ref.name)
                if identity in counted:
                    continue
                counted.add(identity)
                wanted, ready = _size(workloads.get(target.name))
                total += wanted
                unhealthy += max(0, wanted - ready) if ready is not None else 0
                unknown += wanted if ready is None else 0
        return Population(total, unhealthy, unknown)


def _size(workload: Workload | None) -> tuple[int, int | None]:
    """Replicas that are wanted and that are ready; None: not known."""
    if workload is None:
        return 1, None
    if not workload.exists:
        return 1, 0
    wanted = len(workload.pods) if workload.replicas is None else workload.replicas
    return wanted, workload.ready_replicas
