"""One open remediation in hand: its record as last written, and what every phase needs to move it on."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from homeostat.contracts.common import parse_duration
from homeostat.contracts.expectation import Expectation
from homeostat.contracts.operations import Operation, OperationKind, OperationState, Plan, TargetIdentity
from homeostat.contracts.remediation import (
    CLOSED_PHASES,
    Diagnosis,
    Phase,
    RemediationSpec,
    RemediationStatus,
    Terms,
    Times,
)
from homeostat.contracts.service_intent import ExpectationStateName
from homeostat.contracts.steps import Step
from homeostat.contracts.target import Target
from homeostat.contracts.verification import Baseline, ReleaseState
from homeostat.decide.variables import variables_for
from homeostat.flow.facts import NOTHING_KNOWN, Track, Variables, Workload
from homeostat.flow.memory import IntentMemory
from homeostat.flow.past_acts import PromiseRef
from homeostat.flow.people import ending_decision
from homeostat.flow.phases import counted_until
from homeostat.flow.ports import ConflictError, NotFoundError
from homeostat.flow.resources import CompiledIntent, CompiledPolicy, CompiledSource, StoredRecord
from homeostat.flow.stages import Stages
from homeostat.flow.tightening import tightened
from homeostat.flow.wording import clip
from homeostat.record.kubectl import by_hand
from homeostat.verify.baseline import baseline
from homeostat.verify.judge import InARow

log = logging.getLogger(__name__)

LOOKS_THAT_STAY_FRESH = 3
"""A breach is confirmed by a look at most so many observation periods old."""

Changes = Mapping[str, Any]
"""Fields of a status that a transition sets beside its phase, reason and message."""

NO_CHANGES: Changes = MappingProxyType({})

_WRITE_ATTEMPTS = 5


class RecordMovedError(Exception):
    """The record is not as it was read; the phase must be entered again with what it says now."""


class RecordLostError(Exception):
    """The record is gone; without it nothing may be done."""


@dataclass(slots=True)
class Run:
    """One open remediation. Only its own task touches it."""

    stages: Stages
    stored: StoredRecord
    memory: IntentMemory
    intent: Callable[[], CompiledIntent | None]
    policy: Callable[[], CompiledPolicy | None]
    source: Callable[[], CompiledSource | None]
    recorded_here: set[str] = field(default_factory=set)
    decided_at: float = float("-inf")
    diagnosis: Diagnosis | None = None
    """That of the last decision in this process; the record has the first."""
    in_a_row: InARow = field(default_factory=InARow)
    withheld: tuple[str, str] = ("", "")
    """Reason and message of what holds back what was to be sent last."""
    is_lost: bool = False
    nudged: asyncio.Event = field(default_factory=asyncio.Event)
    """Somebody changed the record."""
    called: asyncio.Event = field(default_factory=asyncio.Event)
    """A person decided something that ends a wait."""

    @property
    def spec(self) -> RemediationSpec:
        """What was known and decided."""
        return self.stored.record.spec

    @property
    def status(self) -> RemediationStatus:
        """How far it has come."""
        return self.stored.record.status

    @property
    def namespace(self) -> str:
        """Namespace of the record and of all it touches."""
        return self.stored.namespace

    @property
    def plan(self) -> Plan:
        """The current plan."""
        plan = self.status.plan or self.spec.plan
        if plan is None:
            raise RuntimeError(f"remediation {self.stored.name} has no plan in phase {self.status.phase}")
        return plan

    @property
    def step(self) -> Step:
        """The step of the current plan, as copied into the record."""
        return next(s for s in self.spec.terms.steps if s.name == self.plan.step)

    @property
    def target(self) -> Target:
        """The target that the current plan acts on, as copied into the record."""
        return self._target(self.step)

    def target_of(self, operation: Operation) -> Target:
        """The target that an operation of any step acts on."""
        return self._target(next(s for s in self.spec.terms.steps if s.name == operation.step))

    def _target(self, step: Step) -> Target:
        return next(t for t in self.spec.promise.targets if t.name == step.action.target)

    @property
    def period(self) -> timedelta:
        """Time from look to look."""
        return parse_duration(self.spec.promise.observation_period)

    @property
    def track(self) -> Track:
        """Memory of the expectation that triggered this."""
        return self.memory.tracks.get(self.spec.trigger.expectation, Track())

    @property
    def terms(self) -> Terms:
        """The terms of the record, tightened by what its policy says now."""
        policy = self.policy()
        if policy is None or policy.stamp.uid != self.spec.policy.uid:
            return self.spec.terms
        return tightened(self.spec.terms, policy.spec.guardrails)

    @property
    def promise(self) -> PromiseRef:
        """What it is to restore."""
        return PromiseRef(self.spec.intent.uid, self.spec.trigger.expectation)

    @property
    def identity(self) -> TargetIdentity:
        """The record itself, for Events."""
        return TargetIdentity(
            api_version="homeostat.dev/v1alpha1",
            kind="Remediation",
            name=self.stored.name,
            uid=self.stored.uid,
        )

    @property
    def intent_identity(self) -> TargetIdentity:
        """The intent, for Events."""
        return TargetIdentity(
            api_version="homeostat.dev/v1alpha1",
            kind="ServiceIntent",
            name=self.spec.intent.name,
            uid=self.spec.intent.uid,
        )

    def now(self) -> datetime:
        """Wall-clock time."""
        return self.stages.clock.now()

    def workload(self) -> Workload | None:
        """The target as last seen."""
        seen = self.memory.observation
        return seen.workloads.get(self.target.name) if seen else None

    def variables(self, workload: Workload) -> Variables:
        """What the expressions of the plan's step may speak of now; the cause is that of the last decision."""
        intent = self.intent()
        if intent is None:
            return NOTHING_KNOWN
        return variables_for(
            self.step,
            intent=intent,
            trigger=self.spec.trigger.expectation,
            tracks=self.memory.tracks,
            diagnosis=self.diagnosis or self.spec.diagnosis,
            workload=workload,
            now=self.now(),
        )

    def is_confirmed(self) -> bool:
        """Whether the breach stands now: Violated, and the last look is known, breaching and fresh."""
        track = self.track
        return track.state is ExpectationStateName.VIOLATED and self.is_seen() and track.looks[-1].met is False

    def is_over(self) -> bool:
        """Whether the promise is kept again, by fresh looks."""
        track = self.track
        return track.state is ExpectationStateName.MET and bool(track.looks)

    def is_seen(self) -> bool:
        """Whether the last look is known and fresh."""
        looks = self.track.looks
        if not looks or looks[-1].met is None:
            return False
        return self.now() - looks[-1].at <= LOOKS_THAT_STAY_FRESH * self.period

    def operations(self, kind: OperationKind, *states: OperationState) -> tuple[Operation, ...]:
        """Operations of the current attempt, of a kind and in some states, in order."""
        plan = self.plan
        return tuple(
            o
            for o in self.status.operations
            if o.kind is kind and o.step == plan.step and o.attempt == plan.attempt and o.state in states
        )

    def expectation(self, name: str) -> Expectation:
        """An expectation as it was promised when the record was made."""
        return next(e for e in self.spec.promise.expectations if e.name == name)

    def guard_expectations(self) -> list[Expectation]:
        """What must not get worse."""
        return [self.expectation(name) for name in self.spec.terms.verification.guard]

    def baselines(self, since: Mapping[str, datetime]) -> list[Baseline]:
        """The trigger and the guards as they are now; of those named in ``since``, by what was seen after it."""
        now = self.now()
        return [
            baseline(name, self.memory.tracks[name].looks, now, since=since.get(name))
            for name in self.watched
            if name in self.memory.tracks
        ]

    @property
    def watched(self) -> tuple[str, ...]:
        """Names of the trigger's expectation and of those that must not get worse."""
        return self.spec.trigger.expectation, *self.spec.terms.verification.guard

    async def wait(self, longest: timedelta | None = None) -> None:
        """Wait for the next look, or for one period, or for no longer than this; a person's decision ends it."""
        period = max(self.period, timedelta(seconds=1))
        look = self.memory.next_look(min(period, longest or period).total_seconds())
        waits = [asyncio.create_task(look), asyncio.create_task(self.called.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def hear(self) -> None:
        """Read the record again if somebody changed it.

        Raises:
            RecordLostError: it is gone.
        """
        if self.nudged.is_set():
            self.nudged.clear()
            await self.reread()

    async def heed(self) -> None:
        """Read the record live, right before an effect.

        Raises:
            RecordMovedError: a person has ended it, or another process has written it; no effect follows.
            RecordLostError: it is gone.
        """
        ours = self.status
        await self.reread()
        if self.status != ours or ending_decision(self.stored.record) is not None:
            raise RecordMovedError(self.stored.name)

    async def wait_for_person(self, longest: timedelta) -> None:
        """Wait until someone changes the record, or for so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(longest.total_seconds()):
                await self.nudged.wait()
        self.nudged.clear()

    async def write(self, **changes: object) -> None:
        """Write a transition of the status, if the record is still as it was read.

        Raises:
            RecordMovedError: someone wrote it first; it has been read again.
            RecordLostError: it is gone.
        """
        try:
            self.stored = await self.stages.records.update(self.stored, self._changed(changes))
        except ConflictError as conflict:
            await self.reread()
            raise RecordMovedError(self.stored.name) from conflict
        except NotFoundError as gone:
            raise RecordLostError(self.stored.name) from gone

    async def write_after_effect(self, **changes: object) -> None:
        """Write what an effect became; a decision that a person added meanwhile does not hinder it.

        Raises:
            RecordMovedError: the status itself was written by another process.
            RecordLostError: the record is gone.
        """
        ours = self.status
        for _ in range(_WRITE_ATTEMPTS):
            try:
                self.stored = await self.stages.records.update(self.stored, self._changed(changes))
            except NotFoundError as gone:
                raise RecordLostError(self.stored.name) from gone
            except ConflictError:
                await self.reread()
                if self.status != ours:
                    break
            else:
                return
        raise RecordMovedError(self.stored.name)

    async def reread(self) -> None:
        """Read the record again.

        Raises:
            RecordLostError: it is gone, or another object has its name.
        """
        self.called.clear()
        stored = await self.stages.records.read(self.namespace, self.stored.name)
        if stored is None or stored.uid != self.stored.uid:
            raise RecordLostError(self.stored.name)
        self.stored = stored

    async def enter(
        self, phase: Phase, reason: str, message: str, times: Times | None = None, **changes: object
    ) -> None:
        """Move to a phase, say it in Events, and note the time where it is the last one."""
        times = times or self.status.times
        message = clip(message)
        if phase in CLOSED_PHASES:
            times = times.model_copy(update={"closed": self.now()})
            changes["guards_until"] = counted_until(self.spec, self.status.operations, self.now())
        elif self.status.phase in CLOSED_PHASES:
            times = times.model_copy(update={"closed": None})
            changes["guards_until"] = None
        await self.write(phase=phase, reason=reason, message=message, times=times, **changes)
        self.announce(phase, reason, message)

    def lose(self) -> None:
        """Note that the record is gone, for the intent that speaks of it."""
        self.is_lost = True
        episode = self.memory.episode
        if episode is not None and episode.record is not None and episode.record.name == self.stored.name:
            self.memory.record_lost = True

    def announce(self, phase: Phase, reason: str, message: str) -> None:
        """Say that a phase was entered: in the log, in the metrics, and in Events on the record, intent and target."""
        log.info("%s (%s): %s", phase, reason, message)
        self.stages.metrics.phase(phase)
        did = by_hand(self.namespace, self._done(), self.spec)
        note = f"{self.stored.name}: {message}{f' {did}' if did else ''}"
        warning = phase in {Phase.ESCALATED, Phase.FAILED, Phase.BLOCKED, Phase.EXPIRED, Phase.ROLLING_BACK}
        workload = self.workload() if self.status.plan or self.spec.plan else None
        related = workload.identity if workload else None
        for regarding in (self.intent_identity, self.identity, related):
            if regarding is not None:
                self.stages.events.emit(
                    self.namespace,
                    regarding,
                    str(phase),
                    "Remediate",
                    note,
                    warning=warning,
                    related=related if regarding is not related else self.identity,
                )

    def _done(self) -> tuple[Operation, ...]:
        """What the current attempt did to the service itself, last of all: the act, else its undo."""
        if self.status.plan is None and self.spec.plan is None:
            return ()
        undone = self.operations(OperationKind.UNDO, OperationState.APPLIED)
        return undone or self.operations(OperationKind.APPLY, OperationState.APPLIED)

    def announce_remark(self, reason: str, message: str) -> None:
        """Say in Events on the record and the intent what a person has remarked."""
        for regarding in (self.intent_identity, self.identity):
            self.stages.events.emit(self.namespace, regarding, reason, "Decide", f"{self.stored.name}: {message}")

    def announce_undo_refused(self, message: str) -> None:
        """Say in Events on the record and the intent that nothing is taken back, and why."""
        for regarding in (self.intent_identity, self.identity):
            note = f"{self.stored.name}: {message}"
            self.stages.events.emit(self.namespace, regarding, "UndoRefused", "Undo", note, warning=True)

    def announce_release(self, state: ReleaseState, message: str) -> None:
        """Emit the Event of a release on the record and the intent."""
        did = by_hand(self.namespace, self.operations(OperationKind.RELEASE, OperationState.APPLIED), self.spec)
        for regarding in (self.intent_identity, self.identity):
            self.stages.events.emit(
                self.namespace,
                regarding,
                "Released" if state is ReleaseState.RELEASED else "ReleaseSuperseded",
                "Release",
                f"{self.stored.name}: {message}{f' {did}' if did else ''}",
            )

    def with_times(self, **moments: datetime) -> Times:
        """The times of the record with some set."""
        return self.status.times.model_copy(update=moments)

    def replaced(self, operations: Sequence[Operation]) -> list[Operation]:
        """All operations of the record with these put in place of, or after, those of the same id."""
        new = {o.id: o for o in operations}
        kept = [new.pop(o.id, o) for o in self.status.operations]
        return [*kept, *new.values()]

    def _changed(self, changes: dict[str, object]) -> RemediationStatus:
        return self.status.model_copy(update=changes)
