"""Whether a change is in force in the running pods, and if not, what is awaited.

The sentences continue "waiting for ...". One that begins with ``NoCapacity:`` says that the cluster cannot give what
was asked for: for want of a node, or because it refuses. One that begins with ``Failed:`` says that the object itself
gives up.
"""

from collections.abc import Mapping
from typing import Any

from homeostat.evaluate.health import HealthState, health
from homeostat.flow.ports import Cluster, NotFoundError
from homeostat.flow.resources import Body

NO_CAPACITY = "NoCapacity: "
"""A refusal, by a quota or by admission, that no waiting lifts."""
NO_NODE = f"{NO_CAPACITY}no node takes "
"""Pods find no node; an autoscaler may bring one."""
GIVES_UP = "Failed: "
"""The object says that it cannot go on."""


def replicas_of(scale: Body) -> int:
    """Replicas that a Scale asks for; the field is left out where it is 0."""
    return int((scale.get("spec") or {}).get("replicas") or 0)


async def scale_of(cluster: Cluster, namespace: str, workload: Body) -> Body | None:
    """The workload's /scale; None for a kind that has none."""
    try:
        return await cluster.get(
            workload["apiVersion"], workload["kind"], namespace, workload["metadata"]["name"], "scale"
        )
    except NotFoundError:
        return None


def name_of(body: Body) -> str:
    """The object as it is named in sentences."""
    return f"{body['kind']}/{body['metadata']['name']}"


def object_awaited(body: Body) -> str:
    """Empty once an object of any kind is current by its own words; at once for a kind that says nothing of itself."""
    found = health(body)
    if found.state is HealthState.CURRENT:
        return ""
    gives_up = GIVES_UP if found.state is HealthState.FAILED else ""
    return f"{gives_up}{name_of(body)} to be current: {found.message}"


async def replicas_awaited(cluster: Cluster, namespace: str, body: Body, scale: Body, intended: int) -> str:
    """Empty once the intended replicas are there and ready; a kind that reports no status is in force at once."""
    status = body.get("status") or {}
    if not status:
        return ""
    if not _is_observed(body):
        return f"the controller of {name_of(body)} to see the change"
    failure = _replica_failure(status)
    if failure:
        return f"{NO_CAPACITY}{failure}"
    ready = _ready(body, scale)
    present = int((scale.get("status") or {}).get("replicas") or 0)
    if present <= intended and ready is not None and ready < intended:
        unschedulable = await _unschedulable(cluster, namespace, scale)
        return unschedulable or f"{intended} ready pods of {name_of(body)} ({ready} are)"
    if present != intended:
        return f"{intended} pods of {name_of(body)} (there are {present})"
    return "" if _is_built_in(body) else object_awaited(body)


async def ready_awaited(
    cluster: Cluster, namespace: str, body: Body, scale: Body | None, ready: int, intended: int
) -> str:
    """Empty once as many pods are ready as are intended, or fewer where the workload wants no more by now.

    ``ready`` is counted on the pods: the workload's status does not know at once that one has ended.
    """
    wanted = min(intended, _rollout(body)[0] if scale is None else replicas_of(scale))
    if ready >= wanted:
        return ""
    failure = _replica_failure(body.get("status") or {})
    if failure:
        return f"{NO_CAPACITY}{failure}"
    return await _unschedulable(cluster, namespace, scale) or f"{wanted} ready pods of {name_of(body)} ({ready} are)"


async def rollout_awaited(cluster: Cluster, namespace: str, body: Body) -> str:
    """Empty once every pod runs the present template and is ready; at once for a kind that reports no status."""
    status = body.get("status") or {}
    if not _is_built_in(body) and (not status or "updatedReplicas" not in status):
        return object_awaited(body)
    if not _is_observed(body):
        return f"the controller of {name_of(body)} to see the change"
    failure = _replica_failure(status)
    if failure:
        return f"{NO_CAPACITY}{failure}"
    wanted, updated, ready, present = _rollout(body)
    if updated >= wanted and ready >= wanted and present <= wanted:
        return ""
    scale = await scale_of(cluster, namespace, body)
    return await _unschedulable(cluster, namespace, scale) or (
        f"{wanted} ready pods of {name_of(body)} with the new template ({updated} have it, {ready} are ready, "
        f"{max(0, present - wanted)} more than wanted)"
    )


def _is_built_in(body: Body) -> bool:
    return str(body["apiVersion"]).startswith("apps/")


def _is_observed(body: Body) -> bool:
    generation = body["metadata"].get("generation") or 0
    status = body.get("status") or {}
    # A status without the field belongs to a controller that does not report it; an empty one to a controller to come.
    return int(status.get("observedGeneration") or (0 if not status else generation)) >= generation


def _ready(body: Body, scale: Body) -> int | None:
    status = body["status"]
    if "readyReplicas" in status or _is_built_in(body):
        return int(status.get("readyReplicas") or 0)
    # Of another kind only the number that it reports through /scale is known, if it reports one.
    reported = (scale.get("status") or {}).get("replicas")
    return None if reported is None else int(reported)


def _rollout(body: Body) -> tuple[int, int, int, int]:
    """Pods wanted, pods of the present template, ready pods, pods that exist."""
    spec, status = body.get("spec") or {}, body.get("status") or {}
    if "desiredNumberScheduled" in status:
        wanted = int(status["desiredNumberScheduled"])
        updated = int(status.get("updatedNumberScheduled") or 0)
        return wanted, updated, int(status.get("numberReady") or 0), wanted
    replicas = spec.get("replicas")
    wanted = 1 if replicas is None else int(replicas)
    updated = int(status.get("updatedReplicas") or 0)
    return wanted, updated, int(status.get("readyReplicas") or 0), int(status.get("replicas") or 0)


def _replica_failure(status: Mapping[str, Any]) -> str:
    """Quota or an admission refusal, as a Deployment or ReplicaSet reports it."""
    return next(
        (
            str(condition.get("message") or condition.get("reason") or "pods cannot be created")
            for condition in status.get("conditions") or ()
            if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True"
        ),
        "",
    )


async def _unschedulable(cluster: Cluster, namespace: str, scale: Body | None) -> str:
    selector = ((scale or {}).get("status") or {}).get("selector")
    if not selector:
        return ""
    for pod in await cluster.list("v1", "Pod", namespace, selector):
        for condition in (pod.get("status") or {}).get("conditions") or ():
            if condition.get("type") == "PodScheduled" and condition.get("reason") == "Unschedulable":
                return f"{NO_NODE}{pod['metadata']['name']}: {condition.get('message', '')}"
    return ""
