"""The API server's audit log as a witness: every request, whether it changed something or not."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from hack.witness.write import Write, of_resources

_WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


class AuditLog:
    """The log of a control plane whose files can be read, followed from where it is now."""

    name = "the API server's audit log"

    def __init__(self, file: Path, user: str, namespace: str) -> None:
        self._file = file
        self._user = user
        self._namespace = namespace
        self._read_up_to = file.stat().st_size
        self._told: list[Write] = []

    def mark(self) -> int:
        """Return the number of writes so far."""
        return len(self._all())

    def writes(self, *resources: str, since: int = 0) -> list[Write]:
        """Return the user's successful writes to these resources, or to all, oldest first."""
        return of_resources(self._all()[since:], resources)

    def close(self) -> None:
        """Do nothing: a file that is not open needs no closing."""

    def _all(self) -> list[Write]:
        with self._file.open("rb") as log:
            log.seek(self._read_up_to)
            new = log.read()
        whole = new[: new.rfind(b"\n") + 1]  # a last line that is not whole yet is read the next time
        self._read_up_to += len(whole)
        about_it = (line for line in whole.decode().splitlines() if self._namespace in line)
        self._told += [write for line in about_it if (write := written(json.loads(line), self._user, self._namespace))]
        return self._told


def written(event: Mapping[str, Any], user: str, namespace: str) -> Write | None:
    """Return what an event of the log says that a user wrote in a namespace; None when it says nothing of the kind."""
    reference = event.get("objectRef") or {}
    if (
        event["stage"] != "ResponseComplete"
        or event["verb"] not in _WRITES
        or (event.get("impersonatedUser") or event["user"])["username"] != user
        or reference.get("namespace") != namespace
        or not 200 <= int((event.get("responseStatus") or {}).get("code", 0)) < 300
        or "dryRun=" in event["requestURI"]
    ):
        return None
    parts = [reference["resource"], *([reference["subresource"]] if reference.get("subresource") else [])]
    return Write(
        at=datetime.fromisoformat(event["requestReceivedTimestamp"]),
        verb=event["verb"],
        resource="/".join(parts),
        name=reference.get("name", ""),
        sent=event.get("requestObject"),
    )
