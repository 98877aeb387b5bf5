"""What the stages need of the outside, as Protocols: a test hands in its own, the composition root the real ones."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, Plan, TargetIdentity
from homeostat.contracts.steps import Step
from homeostat.contracts.target import Target
from homeostat.contracts.telemetry_source import TelemetrySourceSpec
from homeostat.flow.facts import (
    Answer,
    CallAnswer,
    ConfigNote,
    Occasion,
    Ownership,
    Preview,
    Reading,
    Receipt,
    Workload,
)
from homeostat.flow.holds import Holds
from homeostat.flow.resources import Body, CompiledSource, StoredRecord


class Clock(Protocol):
    """Time as a value."""

    def now(self) -> datetime:
        """Wall-clock time in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back; for durations and waits."""
        ...


class Telemetry(Protocol):
    """A source of measurements."""

    async def query(self, source: TelemetrySourceSpec, promql: str) -> Answer:
        """Ask one instant query at the source's present; never raises for a fault of the source."""
        ...


class KubernetesError(Exception):
    """The API server refused, or could not be asked. ``status`` is the HTTP status, 0 where there was no answer."""

    def __init__(self, status: int, reason: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status, self.reason, self.message, self.retry_after = status, reason, message, retry_after


class NotFoundError(KubernetesError):
    """404: no such object, or no such kind."""


class ConflictError(KubernetesError):
    """409: the object is not as it was read, or exists already."""


class Written(Protocol):
    """Answer to a write."""

    @property
    def body(self) -> Body:
        """The object after the write."""
        ...

    @property
    def audit_id(self) -> str:
        """The API server's id of the request in its audit log."""
        ...


class Cluster(Protocol):
    """All Kubernetes traffic of the engine. Every call has a timeout; every write names the field manager.

    Raises:
        NotFoundError, ConflictError, KubernetesError: as the API server answered.
    """

    async def get(self, api_version: str, kind: str, namespace: str, name: str, subresource: str = "") -> Body:
        """Read one object, or one of its subresources, from the API server itself."""
        ...

    async def serves(self, api_version: str, kind: str, subresource: str) -> bool:
        """Whether the API server has a subresource of a kind."""
        ...

    async def list(self, api_version: str, kind: str, namespace: str, label_selector: str = "") -> tuple[Body, ...]:
        """Read all objects of a kind in a namespace; in all namespaces where that is empty."""
        ...

    async def create(self, body: Mapping[str, Any], dry_run: bool = False) -> Written:
        """Create one object, or have it checked only; ConflictError where it exists."""
        ...

    async def merge_patch(
        self,
        api_version: str,
        kind: str,
        namespace: str,
        name: str,
        patch: Mapping[str, Any],
        subresource: str = "",
        dry_run: bool = False,
    ) -> Written:
        """Change named fields. The patch carries metadata.resourceVersion: without it ValueError is raised."""
        ...

    async def delete(
        self, api_version: str, kind: str, namespace: str, name: str, uid: str, resource_version: str
    ) -> Written:
        """Delete one object if it still is the one that was read."""
        ...

    async def evict(self, namespace: str, pod: str, uid: str, resource_version: str) -> Written:
        """End one pod if it still is the one that was read and its disruption budget allows it now (else 429)."""
        ...

    async def call_pod(self, namespace: str, pod: str, port: int, method: str, path: str) -> str:
        """Make one HTTP call to a pod through the API server; gives the answer's text."""
        ...

    async def pod_log(self, namespace: str, pod: str, container: str, lines: int) -> str:
        """Read the last lines that a container of a pod wrote."""
        ...


class CallError(Exception):
    """A call outside the cluster that was not answered."""


class NotSentError(CallError):
    """It surely did not leave."""


class NoAnswerError(CallError):
    """It may have arrived."""


class Calls(Protocol):
    """Calls to systems outside the cluster, as far as the administrator allows them."""

    def refusal(self, url: str) -> str:
        """Why a URL may not be called; empty where its origin is allowed."""
        ...

    async def call(self, method: str, url: str, headers: Mapping[str, str], body: str | None) -> CallAnswer:
        """Make one call, once.

        Raises:
            NotSentError: it surely did not leave.
            NoAnswerError: it may have arrived; no answer came.
        """
        ...


class ConfigHistory(Protocol):
    """The last contents of a ConfigMap's key, and which of them the promise was kept under."""

    async def note(self, namespace: str, config_map: str, key: str, at: datetime) -> ConfigNote:
        """Read the key's present text, remember it if it is new, and give all changes still remembered."""
        ...

    async def mark_good(self, namespace: str, config_map: str, key: str, digest: str) -> None:
        """Mark a content as one under which the promise was kept."""
        ...

    async def last_good(self, namespace: str, config_map: str, key: str) -> str | None:
        """The newest content marked good that differs from the present one; None where none is known."""
        ...


class Actuator(Protocol):
    """One action a policy can name: reads and plans, changes nothing."""

    type: ActionType

    async def preview(self, step: Step, occasion: Occasion) -> Preview:
        """What the step would change now, or why it cannot; a read-only look at the cluster."""
        ...

    async def operations(self, plan: Plan, step: Step, occasion: Occasion, at: datetime) -> tuple[Operation, ...]:
        """The plan as operations in order, each Intended, with values before and preconditions as read now.

        Raises:
            PlanStaleError: the target is not what the plan was made for.
        """
        ...


class PlanStaleError(Exception):
    """The world moved under a plan; it must be decided afresh."""


class Effect(Protocol):
    """One kind of operation on one object: does it, tells whether it happened, and how it is taken back."""

    action: OperationAction

    async def apply(self, namespace: str, operation: Operation, target: Target) -> Receipt:
        """Make the change under the operation's preconditions.

        Applied: it is done. Void: the preconditions did not hold, nothing was changed. Unknown: no answer came.
        """
        ...

    async def happened(self, namespace: str, operation: Operation, target: Target) -> Receipt:
        """Compare an Intended operation with the world after a restart; reads only.

        Applied: it happened. Intended: it surely did not, and may be applied. Void: it did not, and the world moved.
        Unknown: someone may have done it, perhaps we.
        """
        ...

    async def in_force(self, namespace: str, operation: Operation, target: Target) -> str:
        """Empty once the change is in force in the running workload; otherwise what is still awaited."""
        ...

    async def reverse(
        self, namespace: str, operation: Operation, target: Target, kind: OperationKind, number: int, at: datetime
    ) -> Operation | None:
        """The operation that takes this one back, Intended; None where there is nothing to take back.

        Raises:
            PlanStaleError: someone else changed the field since; it is theirs now.
        """
        ...


@runtime_checkable
class Telling(Protocol):
    """An effect that has something to tell once it has ended: a runbook's exit and last lines."""

    async def result(self, namespace: str, operation: Operation, target: Target) -> str:
        """How it ended, as a sentence; empty while it has not."""
        ...


class Workloads(Protocol):
    """State of targets."""

    async def look(self, namespace: str, target: Target) -> Workload:
        """Read one target and its pods."""
        ...


class PodMeasurements(Protocol):
    """What telemetry tells of the pods of a target one by one."""

    async def by_pod(
        self, source: CompiledSource, query: str, namespace: str, workload: Workload
    ) -> Mapping[str, float] | Reading:
        """The query's value for each pod, by name, or a reading that says why they are not all known.

        Left out are pods so young that what is measured under their name may be a predecessor's.
        """
        ...


class Owners(Protocol):
    """Who else sets what an act would change."""

    async def of(
        self, namespace: str, action: ActionType, changed: TargetIdentity, field: str, target: Target
    ) -> Ownership:
        """Find the owners of a field, and of the workload where the act reaches it; never raises for a fault."""
        ...


class HoldReader(Protocol):
    """What people hold back."""

    async def read(
        self, namespace: str, intent: str, policy: str, targets: Sequence[Target], since: datetime | None = None
    ) -> Holds:
        """All that holds back acts for an intent under a policy now; never raises for a fault.

        With ``since``, a window counts too that has ended after that moment.
        """
        ...


class Events(Protocol):
    """Kubernetes Events, aggregated."""

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
        """Queue one Event; never blocks, drops the oldest when the bounded queue is full."""
        ...


class Effects(Protocol):
    """The registry of actions and effects."""

    def actuator(self, action: ActionType) -> Actuator:
        """The planner of an action."""
        ...

    def effect(self, operation: Operation, record: StoredRecord) -> Effect:
        """The executor of an operation of a record."""
        ...

    async def shrink_operations(
        self,
        kind: OperationKind,
        applied: Operation,
        standing: str,
        wanted: str,
        occasion: Occasion,
        number: int,
        at: datetime,
    ) -> tuple[Operation, ...]:
        """What makes a workload smaller again: marks on the pods that are to go, then the smaller size; numbered on.

        ``standing`` are the replicas, or the values of an autoscaler's fields, as this remediation left them: fewer
        than were added where some went already. ``wanted`` are those to go back to.

        Raises:
            PlanStaleError: the target is not as this remediation left it.
        """
        ...

    async def restart_again(
        self, namespace: str, undone: Operation, target: Target, number: int, at: datetime
    ) -> tuple[Operation, ...]:
        """The restarts by which instances that were evicted to take up an edit take up its undo; numbered on.

        Raises:
            NotFoundError: the workload is gone.
        """
        ...

    def order_of_undo(self, operations: Sequence[Operation]) -> tuple[Operation, ...]:
        """Applied operations that can be taken back, last first."""
        ...
