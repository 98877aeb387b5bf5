"""The pods of a workload, and those of them that serve."""

from collections.abc import Mapping
from typing import Any

from homeostat.flow.ports import Cluster, NotFoundError
from homeostat.flow.resources import Body

_OPERATORS = {
    "In": "{key} in ({values})",
    "NotIn": "{key} notin ({values})",
    "Exists": "{key}",
    "DoesNotExist": "!{key}",
}


async def ready_pods(cluster: Cluster, namespace: str, workload: Body) -> tuple[str, ...]:
    """Names of the pods that are ready and not about to go, in order; none for a kind that selects no pods."""
    return tuple(sorted(p["metadata"]["name"] for p in await pods_of(cluster, namespace, workload) if serves(p)))


async def running_pods(cluster: Cluster, namespace: str, workload: Body) -> tuple[Body, ...]:
    """Pods that run, whether ready or not, and are not about to go, by name; a pod itself is its own."""
    pods = (workload,) if workload["kind"] == "Pod" else await pods_of(cluster, namespace, workload)
    return tuple(sorted((pod for pod in pods if _runs(pod)), key=lambda pod: str(pod["metadata"]["name"])))


async def pods_of(cluster: Cluster, namespace: str, workload: Body) -> tuple[Body, ...]:
    """All pods that a workload selects; none for a kind that selects no pods."""
    selector = await _selector(cluster, namespace, workload)
    return await cluster.list("v1", "Pod", namespace, selector) if selector else ()


def is_ready(pod: Body) -> bool:
    """Whether the pod is ready, as its condition says."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def is_ending(pod: Body) -> bool:
    """Whether the pod is about to go."""
    return bool(pod["metadata"].get("deletionTimestamp"))


def serves(pod: Body) -> bool:
    """Whether the pod is ready and not about to go."""
    return is_ready(pod) and not is_ending(pod)


async def _selector(cluster: Cluster, namespace: str, workload: Body) -> str:
    selector = (workload.get("spec") or {}).get("selector") or {}
    if isinstance(selector, Mapping) and ("matchLabels" in selector or "matchExpressions" in selector):
        return selector_text(selector)
    try:
        scale = await cluster.get(
            workload["apiVersion"], workload["kind"], namespace, workload["metadata"]["name"], "scale"
        )
    except NotFoundError:
        return ""
    return str((scale.get("status") or {}).get("selector") or "")


def selector_text(selector: Mapping[str, Any]) -> str:
    """A label selector as the API server takes it in a query."""
    labels = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    expressions = [
        _OPERATORS[e["operator"]].format(key=e["key"], values=",".join(e.get("values") or ()))
        for e in selector.get("matchExpressions") or ()
    ]
    return ",".join([*labels, *expressions])


def _runs(pod: Body) -> bool:
    return (pod.get("status") or {}).get("phase") == "Running" and not is_ending(pod)
