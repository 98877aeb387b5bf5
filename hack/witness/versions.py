"""The versions of the objects of one resource as a watch tells them, and what one manager wrote in each."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from hack.witness.managed_fields import Body, changed_by
from hack.witness.write import WitnessError, Write


class Versions:
    """The present version of each object, to compare the next one with."""

    def __init__(self, resource: str, manager: str, listed: Iterable[Body]) -> None:
        self._resource = resource
        self._manager = manager
        self._present = {body["metadata"]["uid"]: body for body in listed}
        self._seen = {_version(body) for body in self._present.values()}

    def take(self, event: Mapping[str, Any], at: datetime) -> Write | None:
        """Take the next event of the watch; return the manager's write that led to it, None when it was not its write.

        Raises WitnessError when versions are missing before this one.
        """
        kind, body = event["type"], event["object"]
        if kind == "BOOKMARK":
            return None
        if kind == "ERROR":
            raise WitnessError(f"the watch on {self._resource} was cut: {body.get('message', body)}")
        self._seen.add(_version(body))
        before = self._present.pop(body["metadata"]["uid"], None)
        if kind == "DELETED":
            return None
        self._present[body["metadata"]["uid"]] = body
        if kind == "MODIFIED":
            self._refuse_gap(before, body)
        change = changed_by(self._manager, before, body)
        if change is None:
            return None
        resource = f"{self._resource}/{change.subresource}" if change.subresource else self._resource
        verb = "create" if kind == "ADDED" and not change.by_apply else "patch"
        return Write(at, verb, resource, body["metadata"]["name"], change.sent)

    def present(self) -> set[str]:
        """Return the uids of the objects that are there."""
        return set(self._present)

    def have_reached(self, listed: Iterable[Body], present: set[str]) -> bool:
        """Tell whether all that a list shows was seen, and that the others go which were ``present`` before it."""
        shown = set(map(_version, listed))
        gone = present - {uid for uid, _ in shown}
        return shown <= self._seen and not gone & self._present.keys()

    def _refuse_gap(self, before: Body | None, after: Body) -> None:
        if before is None:
            raise WitnessError(f"{self._named(after)} changed, and no version of it before was seen")
        # The API server counts what a change of the desired state is; where it counts nothing, nothing can be checked.
        steps = after["metadata"].get("generation", 0) - before["metadata"].get("generation", 0)
        if steps > 1:
            raise WitnessError(f"{self._named(after)} is {steps} changes further: some versions were not seen")

    def _named(self, body: Body) -> str:
        return f"{self._resource}/{body['metadata']['name']}"


def _version(body: Body) -> tuple[str, str]:
    return body["metadata"]["uid"], body["metadata"]["resourceVersion"]
