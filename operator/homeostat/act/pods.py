"""The pods of a workload."""

from collections.abc import Mapping
from typing import Any

from homeostat.flow.facts import Body
from homeostat.flow.ports import Cluster, NotFoundError

_OPERATORS = {
    "In": "{key} in ({values})",
    "NotIn": "{key} notin ({values})",
    "Exists": "{key}",
    "DoesNotExist": "!{key}",
}


async def ready_pods(cluster: Cluster, namespace: str, workload: Body) -> tuple[str, ...]:
    """Names of the pods that are ready and not about to go, in order; none for a kind that selects no pods."""
    return tuple(sorted(pod["metadata"]["name"] for pod in await _pods(cluster, namespace, workload) if _serves(pod)))


async def running_pods(cluster: Cluster, namespace: str, workload: Body) -> tuple[Body, ...]:
    """Pods that run, whether ready or not, and are not about to go, by name; a pod itself is its own."""
    pods = (workload,) if workload["kind"] == "Pod" else await _pods(cluster, namespace, workload)
    return tuple(sorted((pod for pod in pods if _runs(pod)), key=lambda pod: str(pod["metadata"]["name"])))


async def _pods(cluster: Cluster, namespace: str, workload: Body) -> tuple[Body, ...]:
    selector = await _selector(cluster, namespace, workload)
    return await cluster.list("v1", "Pod", namespace, selector) if selector else ()


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
    return (pod.get("status") or {}).get("phase") == "Running" and not pod["metadata"].get("deletionTimestamp")


def _serves(pod: Body) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)
    return ready and not pod["metadata"].get("deletionTimestamp")
