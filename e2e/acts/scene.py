"""What every act is made of: a beginning in good order, checks that are said aloud, and a result for the report."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from e2e import truth
from e2e.stage import Stage
from e2e.timeline import Who
from e2e.truth import Moment, Toll
from hack.witness import Write

Record = dict[str, Any]

WORKLOAD = ("deployments", "deployments/scale")
TUNING = ("configmaps",)
_STATISTICS_DELAY = 2.5


class ActError(AssertionError):
    """An act did not go as it should."""


@dataclass
class Result:
    """What an act showed, for the report."""

    title: str
    lines: list[str] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    began: float | None = None
    """When an act with the operator began, in seconds since the epoch."""


@dataclass(frozen=True)
class Mark:
    """What the operator did, and when, for the chart."""

    at: float
    text: str


@dataclass(frozen=True)
class Curve:
    """What the callers lived through from a moment on, with the replicas that served them."""

    began: float
    moments: Sequence[Moment]
    replicas: Sequence[tuple[float, int]]
    marks: Sequence[Mark] = ()


class Scene:
    """One act on the stage."""

    def __init__(self, stage: Stage, title: str) -> None:
        self.stage = stage
        self.result = Result(title)
        self.fault_at = time.time()
        self._mark = stage.witness.mark()
        self._known: set[str] = set()

    def begin(self, policy: str | None, *, replicas: int = 1, words: Mapping[str, str] | None = None) -> None:
        """Put the stage in order, put the act's policy in force, and note where things stand."""
        self.stage.in_order(replicas)
        self._known = {record["metadata"]["name"] for record in self.stage.api.records()} if policy else set()
        self._mark = self.stage.witness.mark()
        if policy:
            self.stage.apply(policy, words)
            self.stage.wait(self._policy_is_in_force, f"{policy} is in force", 30)

    def fault(self, text: str) -> None:
        """Say what goes wrong now; times are counted from here."""
        self.fault_at = time.time()
        self.stage.timeline.say(Who.FAULT, text)

    def say(self, who: Who, text: str) -> None:
        """Say a line."""
        self.stage.timeline.say(who, text)

    def check(self, holds: bool, text: str) -> None:
        """Say what was checked; end the act when it does not hold."""
        if not holds:
            raise ActError(text)
        self.stage.timeline.say(Who.CHECK, f"ok: {text}")

    def wait(self, condition: Callable[[], bool], what: str, deadline: float) -> None:
        """Wait until something is so; the act fails when it is not in time."""
        self.stage.wait(condition, what, deadline)

    def new_record(self, deadline: float = 40) -> str:
        """Wait for the record of this act's episode; return its name."""
        self.wait(lambda: bool(self._new()), "a new Remediation", deadline)
        return str(self._new()[0]["metadata"]["name"])

    def wait_phase(self, name: str, *phases: str, deadline: float) -> Record:
        """Wait until a record is in one of these phases; a final phase that is none of them fails the act at once."""

        def is_there() -> bool:
            status = self.stage.api.record(name).get("status") or {}
            phase = status.get("phase", "")
            if phase in _FINAL - set(phases):
                raise ActError(f"{name} is {phase}, not {' or '.join(phases)}: {status.get('message', '')}")
            return phase in phases

        self.wait(is_there, f"{name} is {' or '.join(phases)}", deadline)
        return self.stage.api.record(name)

    def wait_applied(self, name: str) -> None:
        """Wait until the record's act is done, not yet judged; kill the operator there if that is asked for."""

        self.wait(lambda: _has_acted(self.stage.api.record(name)), f"{name} has acted", 40)
        self.kill_here("between act and verification")

    def acting_record(self, deadline: float = 60) -> str:
        """Wait for the record that acts; one whose breach went away by itself before an act was made is not it."""
        self.wait(lambda: bool(self._acting()), "a Remediation has acted", deadline)
        return str(self._acting()[0]["metadata"]["name"])

    def kill_here(self, why: str) -> None:
        """Kill and restart the operator, if every act is to be survived."""
        if self.stage.kill_each_act:
            self.stage.restart_after_kill(why)

    def operator_writes(self, *resources: str) -> list[Write]:
        """What the operator wrote since the act began, as the witness tells it."""
        return self.stage.witness.writes(*resources, since=self._mark)

    def check_writes(self, expected: int, what: str, *resources: str) -> None:
        """Check how often the operator wrote to these resources in this act."""
        writes = self.operator_writes(*resources)
        listed = "".join(f"\n  {write}" for write in writes)
        self.check(len(writes) == expected, f"{what}: {len(writes)} by {self.stage.witness.name}{listed}")

    def moments(self) -> list[Moment]:
        """What the callers lived through since the fault, up to now."""
        time.sleep(_STATISTICS_DELAY)  # SIPp writes a line per second, and kubectl logs follows
        return truth.between(self.stage.subscribers.moments(), self.fault_at, time.time())

    def toll(self, start: float | None = None, end: float | None = None) -> Toll:
        """What a stretch of the act cost the callers."""
        return truth.toll(truth.between(self.moments(), start or self.fault_at, end or time.time()))

    def finish(self, name: str | None = None) -> Result:
        """Add what the record says of its times, and close the act."""
        self.result.began = self.fault_at
        if name:
            record = self.stage.api.record(name)
            self.result.records.append(record)
            self.result.lines.insert(0, self._times(record))
        return self.result

    def _times(self, record: Record) -> str:
        told = (record.get("status") or {}).get("times") or {}
        since = [f"{stage} {seconds(told[stage]) - self.fault_at:.1f} s" for stage in _STAGES if told.get(stage)]
        return "after the fault, by the record: " + ", ".join(since)

    def _new(self) -> list[Record]:
        return [record for record in self.stage.api.records() if record["metadata"]["name"] not in self._known]

    def _acting(self) -> list[Record]:
        return [record for record in self._new() if _has_acted(record)]

    def _policy_is_in_force(self) -> bool:
        policies = self.stage.api.get("/apis/homeostat.dev/v1alpha1/namespaces/ims/remediationpolicies")["items"]
        return all(_is_ready(policy) for policy in policies)


def _has_acted(record: Record) -> bool:
    return any(operation["state"] == "Applied" for operation in (record.get("status") or {}).get("operations", []))


def _is_ready(policy: Record) -> bool:
    status = policy.get("status") or {}
    ready = [c for c in status.get("conditions", []) if c["type"] == "Ready" and c["status"] == "True"]
    return bool(ready) and status.get("observedGeneration") == policy["metadata"]["generation"]


def seconds(timestamp: str) -> float:
    """Seconds since the epoch."""
    return datetime.fromisoformat(timestamp).timestamp()


def marks(record: Record) -> list[Mark]:
    """What the operator did, as its record tells it."""
    status = record.get("status") or {}
    told = status.get("times") or {}
    found = [Mark(seconds(told[stage]), stage) for stage in ("detected", "acted", "verified") if told.get(stage)]
    release = status.get("release") or {}
    if release.get("state") == "Released" and release.get("at"):
        found.append(Mark(seconds(release["at"]), "released"))
    return found


_STAGES = ("detected", "decided", "approved", "acted", "inForce", "recovered", "verified", "closed")
_FINAL = {
    "Recorded",
    "Succeeded",
    "RolledBack",
    "Failed",
    "Escalated",
    "Rejected",
    "Expired",
    "Superseded",
    "Cancelled",
}
