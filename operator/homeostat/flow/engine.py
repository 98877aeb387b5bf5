"""The single loop: what is due is looked at, and what a look finds is carried on.

No intent is looked at twice at once; an intent whose look fails is looked at again when it is next due, and no other
intent notices.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from homeostat.contracts.common import parse_duration
from homeostat.contracts.decisions import DecisionType
from homeostat.contracts.service_intent import AdminState
from homeostat.flow.episodes import Episodes
from homeostat.flow.in_force import InForce, Key
from homeostat.flow.memory import IntentMemory
from homeostat.flow.pipeline import look
from homeostat.flow.ports import KubernetesError
from homeostat.flow.readiness import source_of
from homeostat.flow.remediations import OpenRemediations
from homeostat.flow.reporting import Reporting
from homeostat.flow.resources import Body
from homeostat.flow.schedule import Schedule
from homeostat.flow.stages import Stages

log = logging.getLogger(__name__)

_LONGEST_SLEEP = 1.0
"""Seconds after which the loop shows that it is alive even if nothing is due."""


class Engine:
    """Looks at every intent in time, and carries on every open remediation."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages
        self._in_force = InForce(stages)
        self._moved: set[Key] = set()
        self._policies: set[Key] = set()
        self._open = OpenRemediations(stages, self._in_force, self.memory, self._on_policy_moved)
        self._reporting = Reporting(stages, self._in_force, self._open)
        self._episodes = Episodes(stages, self._in_force, self._reporting, self._open)
        self._schedule = Schedule()
        self._memories: dict[Key, IntentMemory] = {}
        self._looking: set[str] = set()
        self._gate = asyncio.Semaphore(stages.settings.concurrent_looks)
        self._changed = asyncio.Event()
        self._beat = stages.clock.monotonic()
        self._ready = False
        self._catalog_changed = False

    def heartbeat_age(self) -> float:
        """Seconds since the loop last went round; for the liveness probe."""
        return self._stages.clock.monotonic() - self._beat

    def is_ready(self) -> bool:
        """Whether open remediations were resumed and intents are looked at."""
        return self._ready

    def memory(self, key: Key) -> IntentMemory:
        """Memory of an intent, begun from its stored status."""
        known = self._memories.get(key)
        if known is None:
            known = IntentMemory.from_status(self._stages.statuses.stored_intent(*key))
            self._memories[key] = known
        return known

    def on_record(self, event: str, body: Body) -> None:
        """Wake the remediation of a record that someone changed; a review of it may lift what its policy has lost."""
        if event != "DELETED":
            self._open.wake(body)
        if any(decision.get("type") == DecisionType.REVIEW for decision in body["spec"].get("decisions", ())):
            self._on_policy_moved((body["metadata"]["namespace"], body["spec"]["policy"]["name"]))

    async def run(self) -> None:
        """Run until cancelled; every open remediation is resumed from its record first."""
        self._stages.catalog.subscribe(self._on_catalog_changed)
        await self._take_up_all()
        await self._open.resume()
        self._ready = True
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_up())
            group.create_task(self._keep_looking(group))
            group.create_task(self._open.run())

    def _on_catalog_changed(self) -> None:
        self._catalog_changed = True
        self._changed.set()

    def _on_policy_moved(self, key: Key) -> None:
        self._moved.add(key)
        self._changed.set()

    async def _keep_up(self) -> None:
        """Bring changed resources into force, and check references again from time to time."""
        while True:
            due = not await self._change_within(self._stages.settings.readiness_every.total_seconds())
            moved, self._moved = self._moved, set()
            for key in moved:
                await self._guarded(f"policy {'/'.join(key)}", self._reporting.policy(key))
            if due or self._catalog_changed:
                self._catalog_changed = False
                await self._take_up_all()

    async def _change_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        self._changed.clear()
        return True

    async def _take_up_all(self) -> None:
        catalog = self._stages.catalog
        await self._guarded("proof of the approval guard", self._stages.approvals.prove())
        self._reporting.forget_gone_sources()
        for key in catalog.keys("TelemetrySource"):
            await self._guarded(f"source {'/'.join(key)}", self._reporting.source(key))
        for key in {*catalog.keys("ServiceIntent"), *self._memories}:
            await self._guarded(f"intent {'/'.join(key)}", self._take_up_intent(key))
        for key in {*catalog.keys("RemediationPolicy"), *self._policies}:
            await self._guarded(f"policy {'/'.join(key)}", self._take_up_policy(key))
        self._policies = set(catalog.keys("RemediationPolicy"))

    async def _take_up_intent(self, key: Key) -> None:
        await self._in_force.take_intent(key)
        intent = self._in_force.intent(key)
        if intent is None or intent.spec.admin_state is AdminState.DEACTIVATED:
            self._schedule.forget("/".join(key))
        else:
            period = parse_duration(intent.spec.observation_period).total_seconds()
            self._schedule.plan("/".join(key), period, self._stages.clock.monotonic())
        if self._stages.catalog.stored("ServiceIntent", *key) is None:
            self._memories.pop(key, None)
            return
        if intent is not None:
            self.memory(key).follow(intent.spec)
        await self._reporting.intent(key, self.memory(key))

    async def _take_up_policy(self, key: Key) -> None:
        await self._in_force.take_policy(key)
        await self._reporting.policy(key)

    async def _keep_looking(self, group: asyncio.TaskGroup) -> None:
        while True:
            now = self._stages.clock.monotonic()
            self._beat = now
            for key, late in self._schedule.take_due(now):
                self._stages.metrics.lateness(late)
                if key in self._looking:
                    continue
                self._looking.add(key)
                group.create_task(self._look(key))
            wait = self._schedule.seconds_to_next(self._stages.clock.monotonic())
            await asyncio.sleep(min(_LONGEST_SLEEP, _LONGEST_SLEEP if wait is None else wait))

    async def _look(self, name: str) -> None:
        namespace, _, intent = name.partition("/")
        try:
            async with self._gate:
                await self._guarded(f"look at {name}", self._look_at((namespace, intent)))
        finally:
            self._looking.discard(name)

    async def _look_at(self, key: Key) -> None:
        intent = self._in_force.intent(key)
        source = source_of(self._stages, intent) if intent else None
        if intent is None or source is None:
            return
        memory = self.memory(key)
        assessment = await look(self._stages, intent, source, memory)
        if memory.observation is not None:
            self._reporting.heard(source, memory.observation)
        await self._episodes.carry_on(key, intent, source, memory, assessment)
        await self._reporting.intent(key, memory)

    async def _guarded(self, what: str, work: Coroutine[Any, Any, None]) -> None:
        """Let no fault of one resource reach another; it is logged and tried again when next due."""
        try:
            await work
        except KubernetesError as error:
            log.warning("%s: the API server did not serve it: %s", what, error)
        except Exception:
            self._stages.metrics.fault("engine")
            log.exception("%s failed; it is tried again", what)
