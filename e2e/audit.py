"""Who wrote what, and how often, as the API server itself tells it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from e2e.api import Api

OPERATOR = "homeostat-operator"
"""User that the operator is to the API server."""

_WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
_MANAGER = "homeostat"


@dataclass(frozen=True, slots=True)
class Write:
    """One request that wrote something, or tried to."""

    at: datetime
    user: str
    verb: str
    resource: str
    name: str
    status: int
    audit_id: str

    @property
    def succeeded(self) -> bool:
        """Whether the API server did it."""
        return 200 <= self.status < 300

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S.%f} {self.user} {self.verb} {self.resource}/{self.name} {self.status}"


class Witness(Protocol):
    """Who can tell what was written since a moment."""

    name: str

    def mark(self) -> int:
        """The present moment, to ask from later."""
        ...

    def operator_writes(self, since: int, *resources: str) -> list[Write]:
        """Successful writes by the operator to these resources of the CNF."""
        ...


class AuditLog:
    """The API server's audit log."""

    name = "the API server's audit log"

    def __init__(self, file: Path) -> None:
        self._file = file

    def mark(self) -> int:
        """Length of the log."""
        return self._file.stat().st_size

    def operator_writes(self, since: int, *resources: str) -> list[Write]:
        """Successful writes by the operator."""
        return [w for w in self.writes(since, *resources) if w.user == OPERATOR and w.succeeded]

    def writes(self, since: int, *resources: str) -> list[Write]:
        """All writes to these resources (such as deployments/scale) in namespace ims, whoever made them."""
        with self._file.open("rb") as log:
            log.seek(since)
            lines = log.read().decode().splitlines()
        return [write for write in parse(lines) if write.resource in resources]


def parse(lines: Iterable[str]) -> Iterator[Write]:
    """Read the finished, effective writes of the demo's namespace; a last line cut short is left out."""
    for line in lines:
        try:
            event = json.loads(line)
        except json.JSONDecodeError:
            continue
        reference = event.get("objectRef") or {}
        told = event["verb"] in _WRITES and event["stage"] == "ResponseComplete" and reference.get("namespace") == "ims"
        if told and "dryRun=" not in event["requestURI"]:
            yield _write(event, reference)


def _write(event: Mapping[str, Any], reference: Mapping[str, Any]) -> Write:
    parts = [reference["resource"], *([reference["subresource"]] if reference.get("subresource") else [])]
    return Write(
        at=datetime.fromisoformat(event["requestReceivedTimestamp"]),
        user=(event.get("impersonatedUser") or event["user"])["username"],
        verb=event["verb"],
        resource="/".join(parts),
        name=reference.get("name", ""),
        status=int((event.get("responseStatus") or {}).get("code", 0)),
        audit_id=event["auditID"],
    )


class ManagedFields:
    """What the objects themselves remember, where no audit log can be read: the last write of each manager only."""

    name = "the objects' managedFields (this cluster shows no audit log, so how often is not proven here)"

    def __init__(self, api: Api) -> None:
        self._api = api

    def mark(self) -> int:
        """The present second; a managed field knows no finer time."""
        return int(datetime.now(UTC).timestamp())

    def operator_writes(self, since: int, *resources: str) -> list[Write]:
        """The operator's last write of each object."""
        return [
            write
            for resource, path in _KEPT.items()
            if resource in resources
            for write in managed(resource, self._api.get(path))
            if write.at.timestamp() >= since
        ]


_KEPT = {
    "deployments": "/apis/apps/v1/namespaces/ims/deployments/pcscf",
    "deployments/scale": "/apis/apps/v1/namespaces/ims/deployments/pcscf",
    "configmaps": "/api/v1/namespaces/ims/configmaps/pcscf-tuning",
}


def managed(resource: str, body: Mapping[str, Any]) -> Iterator[Write]:
    """Read the operator's entries of an object's managed fields."""
    name, _, subresource = resource.partition("/")
    for entry in body["metadata"].get("managedFields", []):
        if entry["manager"] == _MANAGER and entry.get("subresource", "") == subresource:
            at = datetime.fromisoformat(entry["time"])
            yield Write(at, OPERATOR, "patch", resource, body["metadata"]["name"], 200, f"{name} managedFields")
