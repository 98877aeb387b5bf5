"""The health of any Kubernetes object by its own words: is what it asks for there, on its way, or not to be had (pure).

The rules are those of kstatus (sigs.k8s.io/cli-utils, pkg/kstatus/status), in its order: deletion, observedGeneration,
the conditions Reconciling and Stalled, the rules of a kind, the condition Ready. Where kstatus takes a kind for current
as soon as it exists, the stricter rule of Argo CD's health checks (gitops-engine, pkg/health) is used, for a change is
in force only once it works: a Service or Ingress waits for its load balancer, a Job and a pod of finite life for their
end, an autoscaler and an APIService for what they depend on.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from homeostat.flow.resources import Body


class HealthState(StrEnum):
    """How far an object is; all but Suspended are kstatus' own.

    Suspended: somebody halted it, and it goes on only when somebody resumes it.
    """

    CURRENT = "Current"
    IN_PROGRESS = "InProgress"
    FAILED = "Failed"
    TERMINATING = "Terminating"
    SUSPENDED = "Suspended"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Health:
    """The state of an object, and why it is not Current, as a sentence without an end."""

    state: HealthState
    message: str = ""


CURRENT = Health(HealthState.CURRENT)

_HPA_CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions"
"""Where autoscaling/v1, whose status has no conditions, keeps them."""
_ARGO_LIVES_ON = "argocd.argoproj.io/ignore-restart-policy"
"""By this its owner says that a pod lives on in spite of its restart policy; a hook does not."""
_ARGO_HOOK = "argocd.argoproj.io/hook"


def health(body: Body) -> Health:
    """Judge an object as the API server gave it; of a kind without rules, one without conditions is Current."""
    return _generic(body) or _of_kind(body) or _by_ready(body) or CURRENT


def _in_progress(message: str) -> Health:
    return Health(HealthState.IN_PROGRESS, message)


def _failed(message: str) -> Health:
    return Health(HealthState.FAILED, message)


def _generic(body: Body) -> Health | None:
    metadata = _metadata(body)
    if metadata.get("deletionTimestamp"):
        return Health(HealthState.TERMINATING, "it is being deleted")
    seen, generation = _status(body).get("observedGeneration"), metadata.get("generation")
    if seen is not None and generation is not None and int(seen) != int(generation):
        return _in_progress(f"its controller has seen generation {seen}, not yet {generation}")
    reconciling, stalled = _condition(body, "Reconciling"), _condition(body, "Stalled")
    if _holds(reconciling):
        return _in_progress(_said(reconciling, "its controller is at work"))
    return _failed(_said(stalled, "its controller cannot go on")) if _holds(stalled) else None


def _by_ready(body: Body) -> Health | None:
    ready = _condition(body, "Ready")
    return None if not ready or _holds(ready) else _in_progress(_said(ready, "its condition Ready is not True"))


def _of_kind(body: Body) -> Health | None:
    rule = _RULES.get((str(body["apiVersion"]).rpartition("/")[0], body["kind"]))
    return rule(body) if rule else None


def _deployment(body: Body) -> Health:
    spec, status = _spec(body), _status(body)
    if spec.get("paused"):
        return Health(HealthState.SUSPENDED, "it is paused: a change is rolled out only once it is resumed")
    progressing = _condition(body, "Progressing")
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return _failed(_said(progressing, "its rollout exceeded the progress deadline"))
    wanted, updated = _wanted(spec), _number(status, "updatedReplicas")
    unfinished = _fewer(
        (wanted, _number(status, "replicas"), "pods"),
        (wanted, updated, "pods with the new template"),
        (updated, _number(status, "availableReplicas"), "available pods"),
        (wanted, _number(status, "readyReplicas"), "ready pods"),
    ) or _more(wanted, _number(status, "replicas"))
    if unfinished:
        return _in_progress(unfinished)
    if "progressDeadlineSeconds" in spec and progressing.get("reason") != "NewReplicaSetAvailable":
        return _in_progress("its new ReplicaSet is not available yet")
    available = _condition(body, "Available")
    return CURRENT if _holds(available) else _in_progress(_said(available, "it is not available yet"))


def _stateful_set(body: Body) -> Health:
    spec, status = _spec(body), _status(body)
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return CURRENT
    wanted = _wanted(spec)
    unfinished = _fewer(
        (wanted, _number(status, "replicas"), "pods"), (wanted, _number(status, "readyReplicas"), "ready pods")
    ) or _more(wanted, _number(status, "replicas"))
    partition = (strategy.get("rollingUpdate") or {}).get("partition")
    if not unfinished and partition:
        unfinished = _fewer((wanted - int(partition), _number(status, "updatedReplicas"), "pods of the new revision"))
    elif not unfinished and status.get("currentRevision") != status.get("updateRevision"):
        unfinished = "all pods of the new revision"
    return _in_progress(unfinished) if unfinished else CURRENT


def _daemon_set(body: Body) -> Health:
    spec, status = _spec(body), _status(body)
    if (spec.get("updateStrategy") or {}).get("type") == "OnDelete":
        return CURRENT
    if "desiredNumberScheduled" not in status:
        return _in_progress("its controller has not counted the nodes yet")
    wanted = _number(status, "desiredNumberScheduled")
    unfinished = _fewer(
        (wanted, _number(status, "currentNumberScheduled"), "pods"),
        (wanted, _number(status, "updatedNumberScheduled"), "pods with the new template"),
        (wanted, _number(status, "numberAvailable"), "available pods"),
        (wanted, _number(status, "numberReady"), "ready pods"),
    )
    return _in_progress(unfinished) if unfinished else CURRENT


def _replica_set(body: Body) -> Health:
    failure, status = _condition(body, "ReplicaFailure"), _status(body)
    if _holds(failure):
        return _in_progress(_said(failure, "its pods cannot be created"))
    wanted = _wanted(_spec(body))
    unfinished = _fewer(
        (wanted, _number(status, "availableReplicas"), "available pods"),
        (wanted, _number(status, "readyReplicas"), "ready pods"),
    ) or _more(wanted, _number(status, "replicas"))
    return _in_progress(unfinished) if unfinished else CURRENT


def _pod(body: Body) -> Health:
    match _status(body).get("phase"):
        case "Succeeded":
            return CURRENT
        case "Failed":
            return _failed(str(_status(body).get("message") or "its containers ended with a failure"))
        case "Unknown":
            return Health(HealthState.UNKNOWN, "its node does not answer")
        case phase if _lives_on(body):
            return _lasting_pod(body, runs=phase == "Running")
        case _:
            return _in_progress("it has not ended yet")


def _lasting_pod(body: Body, *, runs: bool) -> Health:
    broken = next((text for c in _containers(body) if (text := _waits_in_vain(c))), "")
    if broken:
        return _failed(broken)
    if runs and _holds(_condition(body, "Ready")):
        return CURRENT
    if runs and any((c.get("lastState") or {}).get("terminated") for c in _containers(body)):
        return _failed("a container ended and has not become ready again")
    return _in_progress("it is not ready yet")


def _lives_on(body: Body) -> bool:
    """Whether a pod is meant to stay; one that is meant to end (OnFailure, Never) is done only then."""
    annotations = _metadata(body).get("annotations") or {}
    if _spec(body).get("restartPolicy", "Always") == "Always":
        return True
    return annotations.get(_ARGO_LIVES_ON) == "true" and _ARGO_HOOK not in annotations


def _containers(body: Body) -> Iterable[Mapping[str, Any]]:
    return _status(body).get("containerStatuses") or ()


def _waits_in_vain(container: Mapping[str, Any]) -> str:
    """Why a container that waits needs a person: its image cannot be had, or it fails again and again."""
    waiting = (container.get("state") or {}).get("waiting") or {}
    reason = str(waiting.get("reason") or "")
    if reason.startswith("Err") or reason.endswith(("Error", "BackOff")):
        return str(waiting.get("message") or reason)
    return ""


def _job(body: Body) -> Health:
    failed = next((c for kind in ("Failed", "FailureTarget") if _holds(c := _condition(body, kind))), None)
    if failed:
        return _failed(_said(failed, "it failed"))
    if _holds(_condition(body, "Complete")):
        return CURRENT
    if _holds(_condition(body, "Suspended")):
        return Health(HealthState.SUSPENDED, "it is suspended: it runs only once it is resumed")
    return _in_progress("it has not ended yet" if _status(body).get("startTime") else "it has not begun yet")


def _claim(body: Body) -> Health:
    phase = _status(body).get("phase")
    if phase == "Lost":
        return _failed("its volume is lost")
    return CURRENT if phase == "Bound" else _in_progress("it is not bound to a volume yet")


def _service(body: Body) -> Health | None:
    return _balanced(body) if _spec(body).get("type") == "LoadBalancer" else None


def _balanced(body: Body) -> Health:
    assigned = (_status(body).get("loadBalancer") or {}).get("ingress")
    return CURRENT if assigned else _in_progress("no load balancer has given it an address yet")


def _api_service(body: Body) -> Health:
    available = _condition(body, "Available")
    return CURRENT if _holds(available) else _in_progress(_said(available, "it is not available yet"))


def _autoscaler(body: Body) -> Health:
    able, active = _condition(body, "AbleToScale"), _condition(body, "ScalingActive")
    for condition in (able, active):
        if condition.get("status") == "False" and str(condition.get("reason")).startswith(("Failed", "Invalid")):
            return _failed(_said(condition, "it cannot scale"))
    if active.get("status") == "False" and active.get("reason") == "ScalingDisabled":
        return Health(HealthState.SUSPENDED, "it does not scale while its target has no replicas")
    if _holds(able) and _holds(active):
        return CURRENT
    return _in_progress(_said(able if not _holds(able) else active, "it has not worked out a size yet"))


def _definition(body: Body) -> Health:
    names, established = _condition(body, "NamesAccepted"), _condition(body, "Established")
    if names.get("status") == "False":
        return _failed(_said(names, "its names are taken"))
    return CURRENT if _holds(established) else _in_progress(_said(established, "it is not established yet"))


def _disruption_budget(body: Body) -> Health | None:
    return None if _status(body) else _in_progress("its controller has not counted the pods yet")


_RULES: Mapping[tuple[str, str], Callable[[Body], Health | None]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "ReplicaSet"): _replica_set,
    ("", "Pod"): _pod,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Service"): _service,
    ("batch", "Job"): _job,
    ("networking.k8s.io", "Ingress"): _balanced,
    ("apiregistration.k8s.io", "APIService"): _api_service,
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    ("policy", "PodDisruptionBudget"): _disruption_budget,
}
"""Rules by group and kind; the version does not matter."""


def _metadata(body: Body) -> Mapping[str, Any]:
    return body.get("metadata") or {}


def _spec(body: Body) -> Mapping[str, Any]:
    return body.get("spec") or {}


def _status(body: Body) -> Mapping[str, Any]:
    return body.get("status") or {}


def _condition(body: Body, kind: str) -> Mapping[str, Any]:
    return next((c for c in _conditions(body) if c.get("type") == kind), {})


def _conditions(body: Body) -> Iterable[Mapping[str, Any]]:
    stated = _status(body).get("conditions")
    if isinstance(stated, list):
        return [c for c in stated if isinstance(c, Mapping)]
    kept = (_metadata(body).get("annotations") or {}).get(_HPA_CONDITIONS)
    try:
        read = json.loads(kept) if kept else []
    except ValueError:
        return []
    return [c for c in read if isinstance(c, Mapping)] if isinstance(read, list) else []


def _holds(condition: Mapping[str, Any]) -> bool:
    return condition.get("status") == "True"


def _said(condition: Mapping[str, Any], otherwise: str) -> str:
    return str(condition.get("message") or condition.get("reason") or otherwise)


def _number(status: Mapping[str, Any], field: str) -> int:
    return int(status.get(field) or 0)


def _wanted(spec: Mapping[str, Any]) -> int:
    replicas = spec.get("replicas")
    return 1 if replicas is None else int(replicas)


def _fewer(*counts: tuple[int, int, str]) -> str:
    """The first count that is not reached, as what is awaited; empty if all are."""
    return next((f"{wanted} {what} ({there} are there)" for wanted, there, what in counts if there < wanted), "")


def _more(wanted: int, there: int) -> str:
    return f"{there - wanted} pods more than wanted to go" if there > wanted else ""
