"""The revisions that a workload keeps of its pod template, and which of them to go back to (pure).

A Deployment keeps ReplicaSets, a StatefulSet or DaemonSet ControllerRevisions. A template that comes back gets its old
object with a new number. That tells a rollback: the object is older than the one it replaced, and a ReplicaSet also
lists the numbers it had. Source: Kubernetes, pkg/controller/deployment/util, SetNewReplicaSetAnnotations, and
pkg/controller/history, UpdateControllerRevision.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from homeostat.act.refusals import RefusedError
from homeostat.flow.resources import Body

KEPT_AS: Mapping[str, str] = {
    "Deployment": "ReplicaSet",
    "StatefulSet": "ControllerRevision",
    "DaemonSet": "ControllerRevision",
}
"""The kind of object, of apps/v1, in which a kind of workload keeps its revisions."""

_NUMBER = "deployment.kubernetes.io/revision"
_FORMER_NUMBERS = "deployment.kubernetes.io/revision-history"
_OF_THE_CONTROLLER = "pod-template-hash"
_RESTARTS = ("kubectl.kubernetes.io/restartedAt", "homeostat.dev/restarted-for")


@dataclass(frozen=True, slots=True)
class Revision:
    """A pod template that the workload has or had; ``numbers`` are its present one and those it had before."""

    numbers: tuple[int, ...]
    template: Body
    created: datetime

    @property
    def number(self) -> int:
        """Its present number."""
        return max(self.numbers)


def template_of(workload: Body) -> dict[str, Any]:
    """The workload's pod template as it is compared: without what its controller adds."""
    return _plain((workload.get("spec") or {}).get("template") or {})


def template_digest(template: Body) -> str:
    """SHA-256 of a plain template as canonical JSON: keys in order, no spaces."""
    text = json.dumps(template, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def revisions_of(workload: Body, kept: Iterable[Body]) -> tuple[Revision, ...]:
    """The revisions among some objects that the workload controls, newest first."""
    uid = workload["metadata"]["uid"]
    found = (_revision(body) for body in kept if _is_controlled(body, uid))
    return tuple(sorted(filter(None, found), key=lambda revision: revision.number, reverse=True))


def with_digest(revisions: Iterable[Revision], digest: str) -> Revision | None:
    """The revision with a template of that digest; None where it is kept no longer."""
    return next((r for r in revisions if template_digest(r.template) == digest), None)


def present_and_previous(name: str, template: Body, revisions: Sequence[Revision]) -> tuple[Revision, Revision]:
    """The revision that the workload has, and the newest before it that is more than a restart away.

    Raises:
        RefusedError: RevisionNotKnown, NoPreviousRevision or RevisionIsRollback.
    """
    present = revisions[0] if revisions else None
    if present is None or template_digest(present.template) != template_digest(template):
        raise RefusedError(
            "RevisionNotKnown", f"the controller of {name} has not recorded its present pod template as a revision yet"
        )
    alike = [r for r in revisions if _substance(r.template) == _substance(template)]
    previous = next((r for r in revisions if r not in alike), None)
    if previous is None:
        raise RefusedError(
            "NoPreviousRevision",
            f"{name} keeps no earlier revision with another pod template than its present one, revision "
            f"{present.number}: there is nothing to go back to; see its revisionHistoryLimit",
        )
    if any(r.created < previous.created or min(r.numbers) < previous.number for r in alike):
        raise RefusedError(
            "RevisionIsRollback",
            f"revision {present.number} of {name} is itself one that was gone back to, from revision "
            f"{previous.number}: a person must choose a revision, see kubectl rollout history",
        )
    return present, previous


def _revision(body: Body) -> Revision | None:
    created = datetime.fromisoformat(body["metadata"]["creationTimestamp"])
    if "revision" in body:
        template = ((body.get("data") or {}).get("spec") or {}).get("template") or {}
        return Revision((int(body["revision"]),), _plain(template), created)
    annotations = body["metadata"].get("annotations") or {}
    former = [number for number in annotations.get(_FORMER_NUMBERS, "").split(",") if number]
    if _NUMBER not in annotations:
        return None  # its controller has just made it
    return Revision((int(annotations[_NUMBER]), *map(int, former)), template_of(body), created)


def _is_controlled(body: Body, uid: str) -> bool:
    owners = body["metadata"].get("ownerReferences") or ()
    return any(owner["uid"] == uid and owner.get("controller") for owner in owners)


def _plain(template: Body) -> dict[str, Any]:
    plain = _without_null({k: v for k, v in template.items() if k != "$patch"})
    labels = (plain.get("metadata") or {}).get("labels") or {}
    labels.pop(_OF_THE_CONTROLLER, None)
    return plain


def _without_null(body: Body) -> dict[str, Any]:
    return {key: _without_null_within(value) for key, value in body.items() if value is not None}


def _without_null_within(value: object) -> object:
    if isinstance(value, Mapping):
        return _without_null(value)
    return [_without_null_within(inner) for inner in value] if isinstance(value, list) else value


def _substance(template: Body) -> dict[str, Any]:
    """The template without what only restarts its pods: going back to such a one would change nothing."""
    metadata = template.get("metadata") or {}
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k not in _RESTARTS}
    return {**template, "metadata": {**metadata, "annotations": annotations}}
