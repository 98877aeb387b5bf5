"""Writes the statuses of intents, policies and telemetry sources, and only when they change."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from homeostat.contracts.common import API_VERSION
from homeostat.contracts.remediation_policy import RemediationPolicyStatus
from homeostat.contracts.service_intent import ServiceIntentStatus
from homeostat.contracts.telemetry_source import TelemetrySourceStatus
from homeostat.flow.merge_patch import merge_difference
from homeostat.flow.ports import Cluster, ConflictError
from homeostat.flow.resources import Body, StoredIntentStatus
from homeostat.record.size import to_json

_ATTEMPTS = 3

_INTENT, _POLICY, _SOURCE = "ServiceIntent", "RemediationPolicy", "TelemetrySource"


class Statuses:
    """The last known status of every object, and conditional writes of what differs from it.

    ``stored`` gives an object by kind, namespace and name as the watch last saw it; None where it is gone.

    Only the operator writes these statuses, so a conflict means that the object moved in another way: it is read again
    and the difference is made anew.
    """

    def __init__(self, cluster: Cluster, stored: Callable[[str, str, str], Body | None]) -> None:
        self._cluster, self._stored = cluster, stored
        self._known: dict[tuple[str, str, str], Body] = {}

    def _see(self, body: Body) -> None:
        """Take in an object as a read or a write gave it; an older version than the known one changes nothing."""
        metadata = body["metadata"]
        key = (body["kind"], metadata["namespace"], metadata["name"])
        known = self._known.get(key)
        if known is None or known["metadata"]["uid"] != metadata["uid"] or _version(body) >= _version(known):
            identity = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
            self._known[key] = {"kind": body["kind"], "metadata": identity, "status": body.get("status") or {}}

    def stored_intent(self, namespace: str, name: str) -> ServiceIntentStatus:
        """Status of an intent as last read or written; a fresh one where there is none, or none that can be read."""
        body = self._stored(_INTENT, namespace, name)
        if body is None:
            self._known.pop((_INTENT, namespace, name), None)
        else:
            self._see({**body, "kind": _INTENT})
        known = self._known.get((_INTENT, namespace, name))
        try:
            return ServiceIntentStatus.model_validate(known["status"] if known else {})
        except ValidationError:
            return ServiceIntentStatus(conditions=[])

    async def intent(self, namespace: str, name: str, body: Body, status: ServiceIntentStatus) -> StoredIntentStatus:
        """Write an intent's status if it differs.

        Raises:
            ConflictError: the object was replaced by another of its name, or changed too often.
            NotFoundError: it is gone.
            KubernetesError: as the API server answered.
        """
        return StoredIntentStatus(await self._write(_INTENT, namespace, name, body, status), status)

    async def policy(self, namespace: str, name: str, body: Body, status: RemediationPolicyStatus) -> None:
        """Write a policy's status if it differs; raises as ``intent`` does."""
        await self._write(_POLICY, namespace, name, body, status)

    async def source(self, namespace: str, name: str, body: Body, status: TelemetrySourceStatus) -> None:
        """Write a telemetry source's status if it differs; raises as ``intent`` does."""
        await self._write(_SOURCE, namespace, name, body, status)

    async def _write(self, kind: str, namespace: str, name: str, body: Body, status: BaseModel) -> str:
        self._see({**body, "kind": kind})
        wanted = to_json(status)
        for _ in range(_ATTEMPTS):
            known = self._known[(kind, namespace, name)]
            change = merge_difference(known["status"], wanted)
            if not change:
                return str(known["metadata"]["resourceVersion"])
            try:
                written = await self._cluster.merge_patch(
                    API_VERSION, kind, namespace, name, _patch(known, change), subresource="status"
                )
            except ConflictError:
                await self._read_again(kind, namespace, name, known)
            else:
                self._see(written.body)
        raise ConflictError(409, "Conflict", f"the status of {kind} {namespace}/{name} could not be written")

    async def _read_again(self, kind: str, namespace: str, name: str, known: Body) -> None:
        body = await self._cluster.get(API_VERSION, kind, namespace, name)
        self._see(body)
        if body["metadata"]["uid"] != known["metadata"]["uid"]:
            raise ConflictError(409, "Replaced", f"{kind} {namespace}/{name} is another object now")


def _patch(known: Body, change: Mapping[str, Any]) -> dict[str, Any]:
    metadata = known["metadata"]
    return {
        "metadata": {"resourceVersion": metadata["resourceVersion"], "uid": metadata["uid"]},
        "status": change,
    }


def _version(body: Body) -> int:
    """Resource versions of one object are comparable numbers (KEP-5504)."""
    return int(body["metadata"]["resourceVersion"])
