"""What was written, by whom and how often, as the API server itself tells it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclass(frozen=True, slots=True)
class Write:
    """One request that the API server carried out."""

    verb: str
    resource: str
    name: str
    sent: Any


class AuditLog:
    """The audit log of the one control plane; namespaces are used once, so nothing needs a beginning."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def writes(self, user: str, namespace: str, *resources: str) -> list[Write]:
        """Successful writes of a user in a namespace, oldest first; of these resources, or of all."""
        with self._file.open() as log:
            events = [json.loads(line) for line in log if line.endswith("\n") and namespace in line]
        made = [_write(e) for e in events if _is_done(e, user, namespace)]
        return [write for write in made if not resources or write.resource in resources]


def _is_done(event: dict[str, Any], user: str, namespace: str) -> bool:
    reference = event.get("objectRef") or {}
    return (
        event["stage"] == "ResponseComplete"
        and event["verb"] in _WRITES
        and event["user"]["username"] == user
        and reference.get("namespace") == namespace
        and 200 <= int((event.get("responseStatus") or {}).get("code", 0)) < 300
        and "dryRun=" not in event["requestURI"]
    )


def _write(event: dict[str, Any]) -> Write:
    reference = event["objectRef"]
    parts = [reference["resource"], *([reference["subresource"]] if reference.get("subresource") else [])]
    return Write(event["verb"], "/".join(parts), reference.get("name", ""), event.get("requestObject"))
