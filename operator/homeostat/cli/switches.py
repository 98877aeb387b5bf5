"""Pause, stop and resume: annotations on what a person may edit, written under the person's own name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from pydantic import ValidationError

from homeostat.cli.records import ClusterRefusalError
from homeostat.contracts.annotations import PAUSED_REASON, PAUSED_UNTIL, STOPPED, STOPPED_REASON
from homeostat.contracts.common import API_VERSION, parse_duration
from homeostat.contracts.operations import OperationState
from homeostat.contracts.remediation import Remediation
from homeostat.flow.phases import is_open
from homeostat.flow.standing import may_stand
from homeostat.record.kubectl import commands

_LONGEST = timedelta(days=30)
_SWITCHES = (PAUSED_UNTIL, PAUSED_REASON, STOPPED, STOPPED_REASON)


class Objects(Protocol):
    """Reading and marking objects of the cluster."""

    @property
    def namespace(self) -> str:
        """Namespace in which names are looked up."""
        ...

    def read_object(self, version: str, path: str, namespaced: bool) -> Mapping[str, Any]:
        """Read one object, or all of a kind."""
        ...

    def merge(self, version: str, path: str, namespaced: bool, patch: Mapping[str, Any]) -> None:
        """Change one object by a merge patch."""
        ...

    def user_name(self) -> str:
        """Name by which the API server knows the user."""
        ...


@dataclass(frozen=True, slots=True)
class Scope:
    """What is paused or stopped: an intent, a policy or a namespace."""

    kind: str
    name: str

    @property
    def version(self) -> str:
        """Group and version of its kind."""
        return "v1" if self.kind == "namespace" else API_VERSION

    @property
    def path(self) -> str:
        """Where it is in the API."""
        plural = {"intent": "serviceintents", "policy": "remediationpolicies", "namespace": "namespaces"}[self.kind]
        return f"{plural}/{self.name}"

    @property
    def is_namespaced(self) -> bool:
        """Whether it lies in a namespace."""
        return self.kind != "namespace"

    def __str__(self) -> str:
        """As it is written on the command line."""
        return self.name if self.kind == "intent" else f"{self.kind}/{self.name}"


def scope_of(text: str) -> Scope:
    """Read ``INTENT``, ``intent/NAME``, ``policy/NAME`` or ``namespace/NAME``.

    Raises:
        ClusterRefusalError: it is none of these.
    """
    kind, slash, name = text.partition("/")
    kind, name = (kind, name) if slash else ("intent", text)
    if kind not in {"intent", "policy", "namespace"} or not name or "/" in name:
        raise ClusterRefusalError(f"{text} is not INTENT, policy/NAME or namespace/NAME")
    return Scope(kind, name)


def pause(objects: Objects, scope: Scope, lasting: str, reason: str, now: datetime) -> str:
    """Have no new act made for so long; verification and undo go on.

    Raises:
        ClusterRefusalError: the duration is none, it may not be written, or the cluster refuses.
    """
    until = now.astimezone(UTC).replace(microsecond=0) + _duration(lasting)
    text = f"{until:%Y-%m-%dT%H:%M:%SZ}"
    by = objects.user_name()
    _annotate(objects, scope, {PAUSED_UNTIL: text, PAUSED_REASON: f"{by}: {reason}"})
    return (
        f"{scope} is paused until {text}: no new act is made; what was done is still verified, and undone if it must "
        f"be. It ends by itself, or now with: {_command('resume', objects, scope)}"
    )


def stop(objects: Objects, scope: Scope, reason: str) -> str:
    """Have nothing written any more, an undo and a release included; tells what a person types in their place.

    Raises:
        ClusterRefusalError: it may not be written, or the cluster refuses.
    """
    by = objects.user_name()
    _annotate(objects, scope, {STOPPED: "true", STOPPED_REASON: f"{by}: {reason}"})
    lines = [
        f"{scope} is stopped: nothing is written any more, an undo and a release included. It ends only with: "
        f"{_command('resume', objects, scope)}",
        *_by_hand(objects, scope),
    ]
    return "\n".join(lines)


def resume(objects: Objects, scope: Scope) -> str:
    """Lift a pause and a stop.

    Raises:
        ClusterRefusalError: neither is set, it may not be written, or the cluster refuses.
    """
    body = objects.read_object(scope.version, scope.path, scope.is_namespaced)
    annotations = body["metadata"].get("annotations") or {}
    if not annotations.keys() & {PAUSED_UNTIL, STOPPED}:
        raise ClusterRefusalError(f"{scope} is neither paused nor stopped")
    _annotate(objects, scope, dict.fromkeys(annotations.keys() & set(_SWITCHES)))
    return f"{scope} goes on; what was held back is decided again within seconds."


def _duration(text: str) -> timedelta:
    try:
        span = parse_duration(text)
    except ValueError as error:
        raise ClusterRefusalError(str(error)) from error
    if not timedelta() < span <= _LONGEST:
        raise ClusterRefusalError(f"a pause lasts longer than nothing and at most 30d, not {text}; stop has no end")
    return span


def _annotate(objects: Objects, scope: Scope, annotations: Mapping[str, str | None]) -> None:
    objects.merge(scope.version, scope.path, scope.is_namespaced, {"metadata": {"annotations": dict(annotations)}})


def _command(verb: str, objects: Objects, scope: Scope) -> str:
    return f"kubectl homeostat {verb} {scope}{f' -n {objects.namespace}' if scope.is_namespaced else ''}"


def _by_hand(objects: Objects, scope: Scope) -> Iterator[str]:
    """What a person types in the place of open remediations."""
    namespace = objects.namespace if scope.is_namespaced else scope.name
    records = objects.read_object(API_VERSION, f"namespaces/{namespace}/remediations", False)
    for body in records.get("items") or ():
        try:
            record = Remediation.model_validate(body)
        except ValidationError:
            yield f"{body['metadata']['name']} cannot be read by this version: kubectl get remediation -o yaml"
            continue
        if is_open(record) and _is_of(scope, record):
            yield from _told(namespace, body["metadata"]["name"], record)


def _is_of(scope: Scope, record: Remediation) -> bool:
    named = {"intent": record.spec.intent.name, "policy": record.spec.policy.name, "namespace": scope.name}
    return named[scope.kind] == scope.name


def _told(namespace: str, name: str, record: Remediation) -> Iterator[str]:
    """What was about to be written, and what takes back the acts that stand."""
    operations = record.status.operations
    pending = [commands(namespace, o, record.spec).do for o in operations if o.state is OperationState.INTENDED]
    back = [commands(namespace, o, record.spec).undo for o in reversed(may_stand(operations))]
    known = [("what it was about to do", pending), ("what takes its acts back", [line for line in back if line])]
    if not any(lines for _, lines in known):
        yield f"{name} ({record.status.phase}) has nothing to do or to take back."
    for what, lines in known:
        if lines:
            yield f"{name} ({record.status.phase}); by hand, {what}:"
        yield from (f"  {line}" for line in lines)
