"""The state of a target: the object of any kind, its replicas through /scale, and its pods."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from homeostat.contracts.operations import TargetIdentity
from homeostat.contracts.quantities import quantity
from homeostat.contracts.target import Target
from homeostat.contracts.verification import MOST_DOMAINS
from homeostat.flow.facts import Pod, Workload
from homeostat.flow.ports import Cluster, NotFoundError
from homeostat.flow.resources import Body

ZONE = "topology.kubernetes.io/zone"
"""Well-known label of nodes; and of what runs in that zone only."""

_GONE_PHASES = frozenset({"Succeeded", "Failed"})
_COUNTED = {
    "Deployment": ("updatedReplicas", "readyReplicas", "replicas"),
    "StatefulSet": ("updatedReplicas", "readyReplicas", "replicas"),
    "ReplicaSet": ("readyReplicas", "replicas"),
}
"""Counters in the status of the apps group that equal spec.replicas once a rollout is done; absent means 0."""


class KubernetesWorkloads:
    """State of targets, read from the API server at each look."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def look(self, namespace: str, target: Target) -> Workload:
        """Read one target and its pods.

        Raises:
            KubernetesError: the API server refused, or could not be asked; nothing is known then.
        """
        ref = target.ref
        try:
            body = await self._cluster.get(ref.api_version, ref.kind, namespace, ref.name)
        except NotFoundError as error:
            return Workload(target=target.name, exists=False, message=error.message)
        scale = await self._scale(namespace, target)
        pod_bodies = await self._pods(namespace, selector_of(body, scale))
        pods = tuple(map(pod_of, pod_bodies))
        replicas = _replicas(body, scale)
        return Workload(
            target=target.name,
            exists=True,
            identity=TargetIdentity(
                api_version=ref.api_version, kind=ref.kind, name=ref.name, uid=body["metadata"]["uid"]
            ),
            resource_version=body["metadata"]["resourceVersion"],
            replicas=replicas,
            ready_replicas=sum(pod.ready and not pod.terminating for pod in pods),
            settled=is_settled(body, replicas, pods),
            scalable=scale is not None,
            unavailable_in_rollout=unavailable_in_rollout(body, len(pods) if replicas is None else replicas),
            pods=pods,
            failure_domains=failure_domains(target, body, pod_bodies),
        )

    async def _scale(self, namespace: str, target: Target) -> Body | None:
        ref = target.ref
        try:
            return await self._cluster.get(ref.api_version, ref.kind, namespace, ref.name, "scale")
        except NotFoundError:
            return None

    async def _pods(self, namespace: str, selector: str) -> tuple[Body, ...]:
        if not selector:
            return ()
        bodies = await self._cluster.list("v1", "Pod", namespace, selector)
        return tuple(b for b in bodies if b.get("status", {}).get("phase") not in _GONE_PHASES)


def selector_of(body: Body, scale: Body | None) -> str:
    """Label selector of a workload's pods as text; empty if it states none."""
    stated = ((scale or {}).get("status") or {}).get("selector")
    if isinstance(stated, str) and stated:
        return stated
    selector = (body.get("spec") or {}).get("selector") or {}
    labels = selector.get("matchLabels") or {}
    expressions = selector.get("matchExpressions") or ()
    return ",".join([*(f"{k}={v}" for k, v in sorted(labels.items())), *map(_requirement, expressions)])


def failure_domains(target: Target, workload: Body, pods: Sequence[Body]) -> tuple[str, ...]:
    """What a target fails with: as stated, else as its workload is labelled, else its pods; empty where one is not.

    The API server gives a pod the zone of its node when it is bound (KEP-4742, on by default from Kubernetes 1.35).
    """
    labelled = [_labels(workload).get(ZONE, "")]
    if target.failure_domain is not None:
        labelled = [target.failure_domain]
    elif not labelled[0]:
        labelled = [_labels(pod).get(ZONE, "") for pod in pods if (pod.get("spec") or {}).get("nodeName")]
    return tuple(sorted(set(labelled))[:MOST_DOMAINS]) if all(labelled) else ()


def _labels(body: Body) -> Mapping[str, str]:
    return body["metadata"].get("labels") or {}


def pod_of(body: Body) -> Pod:
    """A pod as its object tells it."""
    metadata, status = body["metadata"], body.get("status") or {}
    ready: Mapping[str, Any] = next((c for c in status.get("conditions") or () if c.get("type") == "Ready"), {})
    is_ready = ready.get("status") == "True"
    return Pod(
        name=metadata["name"],
        uid=metadata["uid"],
        ready=is_ready,
        ready_since=_moment(ready.get("lastTransitionTime")) if is_ready else None,
        terminating=bool(metadata.get("deletionTimestamp")),
        cpu_limit=cpu_limit((body.get("spec") or {}).get("containers") or ()),
        created=_moment(metadata.get("creationTimestamp")),
    )


def cpu_limit(containers: Sequence[Mapping[str, Any]]) -> float | None:
    """CPU limit of all containers in cores; None if any states none, for then the pod has none."""
    limits = [((c.get("resources") or {}).get("limits") or {}).get("cpu") for c in containers]
    if not limits or None in limits:
        return None
    return float(sum(quantity(limit) for limit in limits if limit is not None))


def is_settled(body: Body, replicas: int | None, pods: Sequence[Pod]) -> bool:
    """Whether no rollout or scaling is under way: its controller saw the last change, and every pod serves."""
    status = body.get("status") or {}
    generation = body["metadata"].get("generation", 0)
    if status.get("observedGeneration", generation) < generation:
        return False
    if any(pod.terminating or not pod.ready for pod in pods):
        return False
    if replicas is None:
        return True
    counted = _COUNTED.get(body.get("kind", ""), ()) if body.get("apiVersion", "").startswith("apps/") else ()
    return len(pods) == replicas and all(status.get(name, 0) == replicas for name in counted)


def unavailable_in_rollout(body: Body, replicas: int) -> int:
    """Most pods that a change of the template takes out of service at once; of a kind that does not say, one.

    Source: Kubernetes API reference. For a Deployment a share is rounded down and the default is 25 %, but where no pod
    may be added one is taken all the same; for a StatefulSet or DaemonSet it is rounded up and the default is 1.
    """
    spec, kind = body.get("spec") or {}, body.get("kind") if body.get("apiVersion") == "apps/v1" else ""
    strategy = spec.get("strategy" if kind == "Deployment" else "updateStrategy") or {}
    rolling = strategy.get("rollingUpdate") or {}
    match kind:
        case "Deployment" if strategy.get("type") == "Recreate":
            return replicas
        case "Deployment":
            adds = _of(rolling.get("maxSurge", "25%"), replicas) > 0
            return max(int(_of(rolling.get("maxUnavailable", "25%"), replicas)), 0 if adds else 1)
        case "StatefulSet" | "DaemonSet":
            return math.ceil(_of(rolling.get("maxUnavailable", 1), replicas))
        case _:
            return 1


def _of(stated: str | int, replicas: int) -> float:
    """A number of pods that is stated as such, or as a share of the replicas."""
    return float(stated) if isinstance(stated, int) else replicas * int(stated.rstrip("%")) / 100


def _replicas(body: Body, scale: Body | None) -> int | None:
    stated = ((scale or body).get("spec") or {}).get("replicas")
    if stated is None:
        return 0 if scale is not None else None  # /scale leaves a zero out
    return int(stated)


def _requirement(expression: Mapping[str, Any]) -> str:
    key, values = expression["key"], ",".join(expression.get("values") or ())
    match expression["operator"]:
        case "Exists":
            return str(key)
        case "DoesNotExist":
            return f"!{key}"
        case operator:
            return f"{key} {operator.lower()} ({values})"


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
