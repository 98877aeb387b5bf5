"""How a runbook's Job stands: what it waits for, and how it ended.

What a runbook prints is shown to everyone who may read the record. Which of it is secret cannot be known here: a
runbook must print no secrets.
"""

from collections.abc import Mapping
from typing import Any

from homeostat.act.in_force import NO_NODE, name_of
from homeostat.act.job_manifest import CONTAINER
from homeostat.flow.ports import Cluster, KubernetesError
from homeostat.flow.resources import Body

LAST_LINES = 10
LONGEST_LINE = 200
LONGEST_RESULT = 1000
"""Characters of a whole result: it must fit into a message of the record."""


def is_complete(job: Body) -> bool:
    """Whether the Job has ended well."""
    return _condition(job, "Complete") is not None


def ended(job: Body) -> bool:
    """Whether the Job has ended, well or not."""
    return is_complete(job) or _condition(job, "Failed") is not None


async def awaited_of(cluster: Cluster, namespace: str, job: Body) -> str:
    """What a Job that has not ended waits for."""
    pod = await _newest_pod(cluster, namespace, job)
    if pod is None:
        return f"{name_of(job)} to start its pod"
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return f"{NO_NODE}{pod['metadata']['name']}: {condition.get('message', '')}"
    waiting = (_container_status(pod).get("state") or {}).get("waiting") or {}
    obstacle = ": ".join(part for part in (waiting.get("reason"), waiting.get("message")) if part)
    return f"{name_of(job)} to end{f' (its pod waits, {obstacle})' if obstacle else ''}"


async def result_of(cluster: Cluster, namespace: str, job: Body) -> str:
    """How a Job ended, its exit code, and its last lines as far as they fit."""
    failure = _condition(job, "Failed")
    how = "completed" if failure is None else f"failed ({failure.get('reason', '')}: {failure.get('message', '')})"
    pod = await _newest_pod(cluster, namespace, job)
    exit_code = "" if pod is None else _exit(pod)
    head = f"{name_of(job)} {how}{exit_code}"[: LONGEST_RESULT // 2]
    lines = [] if pod is None else await _last_lines(cluster, namespace, pod["metadata"]["name"])
    return _with_lines(head, lines)


def _with_lines(head: str, lines: list[str]) -> str:
    """The last lines win where not all fit."""
    shown: list[str] = []
    room = LONGEST_RESULT - len(head) - len(". Last lines: ")
    for line in reversed(lines):
        room -= len(line) + len(" | ")
        if room < 0:
            break
        shown.insert(0, line)
    return f"{head}. Last lines: {' | '.join(shown)}" if shown else f"{head}."


async def _last_lines(cluster: Cluster, namespace: str, pod: str) -> list[str]:
    try:
        text = await cluster.pod_log(namespace, pod, CONTAINER, LAST_LINES)
    except KubernetesError as error:
        return [f"(its log could not be read: {error.message})"[:LONGEST_LINE]]
    printable = ("".join(c if c.isprintable() else " " for c in line).strip() for line in text.splitlines())
    return [line[:LONGEST_LINE] for line in printable if line][-LAST_LINES:]


async def _newest_pod(cluster: Cluster, namespace: str, job: Body) -> Body | None:
    pods = await cluster.list("v1", "Pod", namespace, f"batch.kubernetes.io/job-name={job['metadata']['name']}")
    own = [p for p in pods if any(o["uid"] == job["metadata"]["uid"] for o in p["metadata"].get("ownerReferences", ()))]
    return max(own, key=lambda pod: pod["metadata"]["creationTimestamp"], default=None)


def _exit(pod: Body) -> str:
    terminated = (_container_status(pod).get("state") or {}).get("terminated") or {}
    if "exitCode" not in terminated:
        return ""
    reason = terminated.get("reason") or ""
    return f" with exit code {terminated['exitCode']}{f' ({reason})' if reason == 'OOMKilled' else ''}"


def _container_status(pod: Body) -> Mapping[str, Any]:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return next((s for s in statuses if s.get("name") == CONTAINER), {})


def _condition(job: Body, kind: str) -> Mapping[str, Any] | None:
    conditions = (job.get("status") or {}).get("conditions") or ()
    return next((c for c in conditions if c.get("type") == kind and c.get("status") == "True"), None)
