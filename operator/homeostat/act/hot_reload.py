"""The hot reload: each ready pod is told to take up its configuration, and asked which one it runs.

The kubelet may take a minute to bring a changed ConfigMap into a pod's mounted file, so the reload is asked for again
and again. That is harmless: a pod that reloads what it already has stays as it is.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from homeostat.act.operations import opposite
from homeostat.act.pods import ready_pods
from homeostat.act.preflight import describe, read_same, version_of
from homeostat.cluster.clock import SystemClock
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, OperationState
from homeostat.contracts.target import HotReload, Target
from homeostat.flow.facts import Receipt
from homeostat.flow.ports import Clock, Cluster, KubernetesError, NotFoundError, PlanStaleError

_SHOWN_PODS = 5
_SHOWN_TEXT = 80


class HotReloadEffect:
    """Has pods reload, at most every ``every_seconds``, until all report the intended digest or the time is over."""

    action = OperationAction.HOT_RELOAD

    def __init__(
        self,
        cluster: Cluster,
        *,
        limit_seconds: float = 90.0,
        every_seconds: float = 2.0,
        clock: Clock | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._cluster, self._clock, self._sleep = cluster, clock or SystemClock(), sleep
        self._limit, self._every = limit_seconds, every_seconds

    async def apply(self, namespace: str, operation: Operation, target: Target) -> Receipt:
        """Ask for reloads until every ready pod reports the intended configuration."""
        hot = target.hot_reload
        if hot is None:
            message = f"target {target.name} has no hotReload: it is not known where its pods reload"
            return Receipt(OperationState.VOID, message=message)
        end = self._clock.monotonic() + self._limit
        while True:
            try:
                behind = await self._behind(namespace, operation, hot)
            except PlanStaleError as stale:
                return Receipt(OperationState.VOID, message=str(stale))
            except KubernetesError as error:
                behind = {"": f"the pods could not be listed: {error.message}"}
            if not behind:
                return Receipt(OperationState.APPLIED, message="every ready pod reports the intended configuration")
            if self._clock.monotonic() >= end:
                return Receipt(
                    OperationState.UNKNOWN,
                    message=f"After {self._limit:g} s not every pod of {describe(operation.target)} reports the "
                    f"intended configuration: {_listed(behind)}. Look whether the file has arrived in the pods.",
                )
            await asyncio.gather(*(self._reload(namespace, pod, hot) for pod in behind if pod))
            await self._sleep(self._every)

    async def happened(self, namespace: str, operation: Operation, target: Target) -> Receipt:
        """What the pods report tells; to ask for a reload again is harmless."""
        if target.hot_reload is None:
            return Receipt(OperationState.UNKNOWN, message=f"target {target.name} has no hotReload to ask its pods by")
        try:
            behind = await self._behind(namespace, operation, target.hot_reload)
        except PlanStaleError as stale:
            return Receipt(OperationState.VOID, message=str(stale))
        if behind:
            return Receipt(OperationState.INTENDED, message=_listed(behind))
        return Receipt(OperationState.APPLIED)

    async def in_force(self, namespace: str, operation: Operation, target: Target) -> str:
        """Empty once every ready pod reports the intended configuration."""
        receipt = await self.happened(namespace, operation, target)
        if receipt.state is OperationState.APPLIED:
            return ""
        return f"the pods of {describe(operation.target)} to run the new configuration ({receipt.message})"

    async def reverse(
        self,
        namespace: str,
        operation: Operation,
        target: Target,  # noqa: ARG002 - the signature is the port's
        kind: OperationKind,
        number: int,
        at: datetime,
    ) -> Operation | None:
        """Another reload, which takes up what was restored.

        Raises:
            PlanStaleError: the workload is another one.
        """
        workload = await read_same(self._cluster, namespace, operation.target)
        return opposite(operation, kind, number, version_of(workload), at)

    async def _behind(self, namespace: str, operation: Operation, hot: HotReload) -> Mapping[str, str]:
        """Ready pods that do not report the intended digest, and what they report; an entry without a name: no pods."""
        workload = await read_same(self._cluster, namespace, operation.target)
        pods = await ready_pods(self._cluster, namespace, workload)
        answers = await asyncio.gather(*(self._report(namespace, pod, hot) for pod in pods))
        reports = {pod: answer for pod, answer in zip(pods, answers, strict=True) if answer is not None}
        if not reports:
            return {"": "no pod is ready"}
        return {pod: report for pod, report in reports.items() if report != operation.digest_intended}

    async def _report(self, namespace: str, pod: str, hot: HotReload) -> str | None:
        """The digest that a pod reports, or what it says instead; None for a pod that has gone meanwhile."""
        try:
            answer = await self._cluster.call_pod(namespace, pod, hot.port, "GET", hot.digest_path)
        except NotFoundError as error:
            return None if error.reason == "NotFound" else f"{hot.digest_path}: {error}"
        except KubernetesError as error:
            return str(error)
        return answer.strip().lower()

    async def _reload(self, namespace: str, pod: str, hot: HotReload) -> None:
        try:
            await self._cluster.call_pod(namespace, pod, hot.port, "POST", hot.reload_path)
        except KubernetesError:
            return  # the pod's own report tells whether it was of any use


def _listed(behind: Mapping[str, str]) -> str:
    shown = [f"{pod}: {said[:_SHOWN_TEXT]}" if pod else said for pod, said in list(behind.items())[:_SHOWN_PODS]]
    more = len(behind) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
