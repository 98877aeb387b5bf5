"""The restart of instances that have sessions: evicted one at a time, each drained first, by nobody's rollout."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from homeostat.act.evict import READY_PODS
from homeostat.act.operations import intend
from homeostat.act.pods import is_ready, running_pods, serves
from homeostat.act.preflight import version_of
from homeostat.cluster.identity import identity_of
from homeostat.contracts.operations import Operation, OperationAction, OperationKind
from homeostat.contracts.target import Target
from homeostat.flow.ports import Cluster
from homeostat.flow.resources import Body


def evictions(
    victims: Sequence[Body], ready: int, *, step: str, attempt: int, kind: OperationKind, first: int, at: datetime
) -> tuple[Operation, ...]:
    """One operation per pod, in this order, numbered from ``first``.

    Each says how many pods are to be ready once it is replaced: ``ready``, and one more for each that was not.
    """
    sizes = [ready]
    for pod in victims:
        sizes.append(sizes[-1] + (not is_ready(pod)))
    return tuple(
        intend(
            step=step,
            attempt=attempt,
            kind=kind,
            number=number,
            action=OperationAction.EVICT,
            target=identity_of(pod),
            resource_version=version_of(pod),
            field=READY_PODS,
            before=str(before),
            intended=str(after),
            at=at,
            ends=[pod["metadata"]["name"]],
        )
        for number, (pod, (before, after)) in enumerate(zip(victims, pairwise(sizes), strict=True), start=first)
    )


async def instance_restarts(
    cluster: Cluster,
    namespace: str,
    workload: Body,
    target: Target,
    *,
    step: str,
    attempt: int,
    kind: OperationKind,
    first: int,
    at: datetime,
) -> tuple[Operation, ...]:
    """Evictions of all running pods; none where the target has no sessions, or no second pod to serve meanwhile.

    A lone pod is left to its controller's rollout, which brings the new one before the old one goes.
    """
    pods = await running_pods(cluster, namespace, workload) if target.sessions is not None else ()
    if len(pods) < 2:  # noqa: PLR2004 - one that goes and one that serves
        return ()
    return evictions(pods, sum(map(serves, pods)), step=step, attempt=attempt, kind=kind, first=first, at=at)
