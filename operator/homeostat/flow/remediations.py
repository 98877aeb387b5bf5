"""The open remediations: one task each, begun at onset or resumed from the API server after a restart."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from pydantic import ValidationError

from homeostat.contracts.service_intent import AdminState, ServiceIntentSpec, TelemetrySourceRef
from homeostat.flow.correlation import correlated
from homeostat.flow.in_force import InForce, Key
from homeostat.flow.lifecycle import live
from homeostat.flow.memory import IntentMemory
from homeostat.flow.phases import is_open
from homeostat.flow.ports import KubernetesError
from homeostat.flow.readiness import source_of
from homeostat.flow.resources import Body, CompiledIntent, CompiledPolicy, CompiledSource, Stamp, StoredRecord
from homeostat.flow.run import RecordLostError, RecordMovedError, Run
from homeostat.flow.stages import Stages
from homeostat.record.remediations import stored_record

log = logging.getLogger(__name__)

_RESTART_AFTER = 5.0
"""Seconds until a remediation whose task failed is taken up again from its record."""


class OpenRemediations:
    """Tasks of open remediations by uid."""

    def __init__(
        self,
        stages: Stages,
        in_force: InForce,
        memory: Callable[[Key], IntentMemory],
        on_end: Callable[[Key], None],
    ) -> None:
        """``on_end`` is told the policy of each remediation that was begun or has ended."""
        self._stages = stages
        self._in_force = in_force
        self._memory = memory
        self._on_end = on_end
        self._latest: dict[str, StoredRecord] = {}
        self._runs: dict[str, Run] = {}
        self._begun: asyncio.Queue[Run] = asyncio.Queue()

    async def resume(self) -> None:
        """Take up every remediation that is open, or that guards still count, from its record."""
        for stored in await self._stages.records.list(""):
            if is_open(stored.record):
                log.info("resuming %s in phase %s", stored.name, stored.record.status.phase)
                self.begin(stored)
            elif stored.record.status.guards_until is not None:
                self._begun.put_nowait(self._run_of(stored))

    def announce(self, stored: StoredRecord) -> None:
        """Say in Events and in the log what phase a new record begins in, and begin its task if it is open."""
        status = stored.record.status
        with correlated(stored.name):
            self._run_of(stored).announce(status.phase, status.reason, status.message)
        self.begin(stored)

    def begin(self, stored: StoredRecord) -> None:
        """Begin the task of an open remediation; nothing happens if it has one."""
        if stored.uid in self._runs:
            return
        self._on_end((stored.namespace, stored.record.spec.policy.name))
        if not is_open(stored.record):
            self._remember(stored)
            return
        run = self._run_of(stored)
        self._runs[stored.uid] = run
        self._begun.put_nowait(run)

    def latest(self, intent_uid: str) -> StoredRecord | None:
        """The newest remediation of an intent that is open or has ended in this process, as last written."""
        runs = [r.stored for r in self._runs.values() if r.spec.intent.uid == intent_uid]
        ended = self._latest.get(intent_uid)
        known = [*runs, *([ended] if ended else [])]
        return max(known, key=lambda s: s.record.spec.episode.number, default=None)

    def wake(self, body: Body) -> None:
        """Wake the task of a record that someone changed; a closed one gets a task if a person has decided anew."""
        metadata = body["metadata"]
        run = self._runs.get(metadata["uid"])
        if run is not None:
            if run.stored.resource_version != metadata["resourceVersion"]:
                run.nudged.set()
                if _has_decisions_beyond(body, run.stored):
                    run.called.set()
        elif (body.get("spec") or {}).get("decisions"):
            try:
                stored = stored_record(body)
            except ValidationError:
                return  # named in the log by whoever lists the records
            if is_open(stored.record):
                log.info("%s is taken up again: a person has decided about it", stored.name)
                self.begin(stored)

    async def run(self) -> None:
        """Run the tasks until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                run = await self._begun.get()
                self._stages.metrics.open_remediations(len(self._runs))
                group.create_task(self._live(run))

    async def _live(self, run: Run) -> None:
        with correlated(run.stored.name):
            try:
                await live(run)
            except Exception:
                self._stages.metrics.fault("lifecycle")
                log.exception("the remediation failed inside; it is taken up again from its record")
                await asyncio.sleep(_RESTART_AFTER)
                self._begun.put_nowait(run)
                return
        self._runs.pop(run.stored.uid, None)
        if not run.is_lost:
            self._remember(run.stored)
        self._on_end((run.namespace, run.spec.policy.name))
        self._stages.metrics.open_remediations(len(self._runs))
        await self._give_free(run)

    def _remember(self, stored: StoredRecord) -> None:
        spec = stored.record.spec
        known = self._latest.get(spec.intent.uid)
        if known is None or known.record.spec.episode.number <= spec.episode.number:
            self._latest[spec.intent.uid] = stored

    async def _give_free(self, run: Run) -> None:
        """Say in the record when no guard counts it any more, so that it may be deleted."""
        while (until := run.status.guards_until) is not None:
            await asyncio.sleep(max(0.0, (until - run.now()).total_seconds()))
            try:
                await run.reread()
                if run.status.guards_until == until:
                    await run.write_after_effect(guards_until=None)
            except (RecordLostError, RecordMovedError):
                return
            except KubernetesError as error:
                log.warning("%s is not given free yet: %s", run.stored.name, error)
                await asyncio.sleep(_RESTART_AFTER)

    def _run_of(self, stored: StoredRecord) -> Run:
        spec = stored.record.spec
        intent_key = (stored.namespace, spec.intent.name)
        policy_key = (stored.namespace, spec.policy.name)

        def intent() -> CompiledIntent | None:
            return self._intent(intent_key, stored)

        def source() -> CompiledSource | None:
            known = intent()
            return source_of(self._stages, known) if known else None

        def policy() -> CompiledPolicy | None:
            return self._in_force.policy(policy_key) or self._stages.catalog.policies().get(policy_key)

        return Run(
            stages=self._stages,
            stored=stored,
            memory=self._memory(intent_key),
            intent=intent,
            policy=policy,
            source=source,
        )

    def _intent(self, key: Key, stored: StoredRecord) -> CompiledIntent | None:
        """The intent as it is in force; as the record says where its newest version is refused; None once gone."""
        body = self._stages.catalog.stored("ServiceIntent", *key)
        if body is None:
            return None
        known = self._in_force.intent(key) or self._stages.catalog.intents().get(key)
        if known is None:
            return _as_promised(stored, body["metadata"].get("labels") or {})
        if known.stamp.uid != stored.record.spec.intent.uid or known.spec.admin_state is AdminState.DEACTIVATED:
            return None
        return known


def _has_decisions_beyond(body: Body, stored: StoredRecord) -> bool:
    """Whether a record as told has decisions that it had not when it was last read."""
    decisions = (body.get("spec") or {}).get("decisions") or ()
    return {d["id"] for d in decisions} > {d.id for d in stored.record.spec.decisions}


def _as_promised(stored: StoredRecord, labels: Mapping[str, str]) -> CompiledIntent:
    spec = stored.record.spec
    source = spec.promise.telemetry_source
    return CompiledIntent(
        stamp=Stamp(stored.namespace, spec.intent.name, spec.intent.uid, spec.intent.generation),
        labels=labels,
        spec=ServiceIntentSpec(
            telemetry_source_ref=TelemetrySourceRef(name=source) if source else None,
            observation_period=spec.promise.observation_period,
            targets=spec.promise.targets,
            expectations=spec.promise.expectations,
        ),
    )
