"""Kubernetes Events (events.k8s.io/v1), aggregated and paced: a storm of trouble must not become a storm of writes."""

import asyncio
import hashlib
import logging
import socket
from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from homeostat.contracts.common import GROUP
from homeostat.contracts.operations import TargetIdentity
from homeostat.flow.ports import Clock, Cluster, ConflictError, KubernetesError, NotFoundError
from homeostat.flow.resources import Body
from homeostat.flow.wording import clip

log = logging.getLogger(__name__)

EVENTS_API = "events.k8s.io/v1"
REPORTING_CONTROLLER = f"{GROUP}/operator"

_SERIES = timedelta(minutes=6)
"""The same Event within this time is counted, not created, as client-go does it."""

_LARGEST_QUEUE = 1000
_LARGEST_MEMORY = 2000
_BURST = 25
_PER_SECOND = 10.0
_LONGEST_NOTE = 1024
_LONGEST_NAME = 230
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class _Happening:
    """What is told; equal ones are one series."""

    namespace: str
    regarding: TargetIdentity
    reason: str
    action: str
    note: str
    warning: bool
    related: TargetIdentity | None


@dataclass(slots=True)
class _Series:
    """An Event that was written, and how often it happened."""

    name: str
    resource_version: str
    count: int
    last: datetime


class KubernetesEvents:
    """Writes Events in the background; ``run`` is the task that does it.

    When the API server cannot keep up, the oldest are dropped and counted in the log: the record is the evidence.
    """

    def __init__(self, cluster: Cluster, clock: Clock, instance: str | None = None) -> None:
        self._cluster, self._clock = cluster, clock
        self._instance = clip(instance or socket.gethostname(), 128)
        self._queue: deque[tuple[_Happening, datetime]] = deque()
        self._filled = asyncio.Event()
        self._written: OrderedDict[_Happening, _Series] = OrderedDict()
        self._dropped = 0
        self._tokens, self._tokens_at = float(_BURST), clock.monotonic()

    def emit(
        self,
        namespace: str,
        regarding: TargetIdentity,
        reason: str,
        action: str,
        note: str,
        *,
        warning: bool = False,
        related: TargetIdentity | None = None,
    ) -> None:
        """Queue one Event; never blocks, drops the oldest when the queue is full."""
        if len(self._queue) >= _LARGEST_QUEUE:
            self._queue.popleft()
            self._dropped += 1
        happening = _Happening(namespace, regarding, reason, action, clip(note, _LONGEST_NOTE), warning, related)
        self._queue.append((happening, self._clock.now()))
        self._filled.set()

    async def run(self) -> None:
        """Write what is queued, until cancelled."""
        while True:
            while self._queue:
                await self._wait_for_turn()
                await self._tell(*self._queue.popleft())
            self._filled.clear()
            await self._filled.wait()

    async def _wait_for_turn(self) -> None:
        now = self._clock.monotonic()
        self._tokens = min(float(_BURST), self._tokens + (now - self._tokens_at) * _PER_SECOND)
        self._tokens_at = now
        if self._tokens < 1:
            await asyncio.sleep((1 - self._tokens) / _PER_SECOND)
        self._tokens -= 1
        if self._dropped:
            log.warning("%d Events were dropped: the API server does not keep up", self._dropped)
            self._dropped = 0

    async def _tell(self, happening: _Happening, at: datetime) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                await self._write(happening, at)
            except (ConflictError, NotFoundError):
                # Someone changed or removed the Event: begin a new one.
                self._written.pop(happening, None)
            except KubernetesError as error:
                if attempt == _ATTEMPTS or error.status not in {0, 429, 500, 503}:
                    log.warning("the Event %s on %s was not written: %s", happening.reason, happening.regarding, error)
                    return
                await asyncio.sleep(error.retry_after or 1.0)
            else:
                return

    async def _write(self, happening: _Happening, at: datetime) -> None:
        known = self._written.get(happening)
        if known is not None and at - known.last < _SERIES:
            await self._count(happening, known, at)
            return
        written = await self._cluster.create(self._event(happening, at))
        self._remember(happening, written.body, 1, at)

    async def _count(self, happening: _Happening, known: _Series, at: datetime) -> None:
        patch = {
            "metadata": {"resourceVersion": known.resource_version},
            "series": {"count": known.count + 1, "lastObservedTime": _micro_time(at)},
        }
        written = await self._cluster.merge_patch(EVENTS_API, "Event", happening.namespace, known.name, patch)
        self._remember(happening, written.body, known.count + 1, at)

    def _remember(self, happening: _Happening, body: Body, count: int, at: datetime) -> None:
        metadata = body["metadata"]
        self._written[happening] = _Series(metadata["name"], metadata["resourceVersion"], count, at)
        self._written.move_to_end(happening)
        if len(self._written) > _LARGEST_MEMORY:
            self._written.popitem(last=False)

    def _event(self, happening: _Happening, at: datetime) -> dict[str, Any]:
        unique = hashlib.sha256(f"{happening}{at.isoformat()}{self._instance}".encode()).hexdigest()[:16]
        event: dict[str, Any] = {
            "apiVersion": EVENTS_API,
            "kind": "Event",
            "metadata": {
                "name": f"{happening.regarding.name[:_LONGEST_NAME]}.{unique}",
                "namespace": happening.namespace,
            },
            "eventTime": _micro_time(at),
            "reportingController": REPORTING_CONTROLLER,
            "reportingInstance": self._instance,
            "action": happening.action,
            "reason": happening.reason,
            "regarding": _reference(happening.namespace, happening.regarding),
            "note": happening.note,
            "type": "Warning" if happening.warning else "Normal",
        }
        if happening.related is not None:
            event["related"] = _reference(happening.namespace, happening.related)
        return event


def _reference(namespace: str, identity: TargetIdentity) -> dict[str, str]:
    return {
        "apiVersion": identity.api_version,
        "kind": identity.kind,
        "namespace": namespace,
        "name": identity.name,
        "uid": identity.uid,
    }


def _micro_time(at: datetime) -> str:
    """Format a UTC time as the API server's MicroTime."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
