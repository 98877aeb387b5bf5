"""The decision records in the API server: created once per episode, moved on conditionally, read and listed."""

import hashlib
import logging
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from homeostat.contracts.common import API_VERSION, GROUP
from homeostat.contracts.remediation import Remediation, RemediationSpec, RemediationStatus
from homeostat.flow.merge_patch import merge_difference
from homeostat.flow.ports import Clock, Cluster, ConflictError, NotFoundError
from homeostat.flow.resources import Body, StoredRecord
from homeostat.record.aspects import record_conditions
from homeostat.record.guard_facts import Listing
from homeostat.record.report import report, summary
from homeostat.record.size import LARGEST_RECORD, fit_spec, fit_status, size, to_json

log = logging.getLogger(__name__)

KIND = "Remediation"

_DIGEST_IN_NAME = 10


class RecordMismatchError(Exception):
    """A record has the name of this episode, but is about another one; nothing is done, a person must look."""


def episode_digest(intent_uid: str, policy_uid: str, number: int) -> str:
    """SHA-256 that tells an episode from every other one."""
    return hashlib.sha256(f"{intent_uid}/{policy_uid}/{number}".encode()).hexdigest()


def record_name(intent_name: str, digest: str) -> str:
    """Name of the record of an episode: the intent's name and the beginning of the episode's digest."""
    return f"{intent_name}-{digest[:_DIGEST_IN_NAME]}"


class Remediations:
    """All reading and writing of decision records.

    Every write is conditional on the version that was read; summary, report and conditions are made anew with it.
    """

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self._cluster, self._clock = cluster, clock
        self._reported: set[str] = set()

    async def create(self, namespace: str, spec: RemediationSpec, status: RemediationStatus) -> StoredRecord:
        """Create the record of an episode, or take up the one that a run before a crash has created.

        The record that exists may have moved on, or be closed: go on from its own status.

        Raises:
            RecordMismatchError: the name belongs to another episode's record.
            ConflictError: another process writes the same record at this moment.
            KubernetesError: as the API server answered.
        """
        name = record_name(spec.intent.name, spec.episode.digest)
        try:
            written = await self._cluster.create(_manifest(namespace, name, fit_spec(spec)))
        except ConflictError:
            existing = await self._cluster.get(API_VERSION, KIND, namespace, name)
            return await self._take_up(existing, spec, status)
        # The API server drops the status of an object that is created.
        return await self.update(stored_record(written.body), status)

    async def _take_up(self, existing: Body, spec: RemediationSpec, status: RemediationStatus) -> StoredRecord:
        stored = stored_record(existing)
        if stored.record.spec.episode.digest != spec.episode.digest:
            raise RecordMismatchError(
                f"remediation {stored.name} in namespace {stored.namespace} is about another episode: "
                "nothing is done for this one until a person has removed or renamed what stands there"
            )
        return stored if existing.get("status") else await self.update(stored, status)

    async def update(self, stored: StoredRecord, status: RemediationStatus) -> StoredRecord:
        """Write the status, if the record still is the version that was read.

        Raises:
            ConflictError: it was written by someone else since; read it again.
            NotFoundError: it is gone.
            KubernetesError: as the API server answered.
        """
        told = self._told(stored, status)
        # Only what was read counts as there: a default that was never written must be.
        change = merge_difference(to_json(stored.record.status, only_set=True), to_json(told))
        patch = {"metadata": {"resourceVersion": stored.resource_version, "uid": stored.uid}, "status": change}
        written = await self._cluster.merge_patch(
            API_VERSION, KIND, stored.namespace, stored.name, patch, subresource="status"
        )
        return stored_record(written.body)

    def _told(self, stored: StoredRecord, status: RemediationStatus) -> RemediationStatus:
        conditions = record_conditions(stored.record.status.conditions, status, self._clock.now())
        status = status.model_copy(update={"conditions": conditions})
        record = stored.record.model_copy(update={"status": status})
        told = status.model_copy(
            update={"summary": summary(record), "report": report(stored.namespace, stored.name, record)}
        )
        return fit_status(told, LARGEST_RECORD - size(record.spec))

    async def read(self, namespace: str, name: str) -> StoredRecord | None:
        """Read one record from the API server; None if it is gone.

        Raises:
            pydantic.ValidationError: it is not a record that this version understands.
            KubernetesError: as the API server answered.
        """
        try:
            return stored_record(await self._cluster.get(API_VERSION, KIND, namespace, name))
        except NotFoundError:
            return None

    async def list(self, namespace: str = "") -> Listing:
        """Read all records of a namespace, or of all; those that cannot be understood are named in ``unreadable``."""
        records, unreadable = [], []
        for body in await self._cluster.list(API_VERSION, KIND, namespace):
            try:
                records.append(stored_record(body))
            except ValidationError as error:
                unreadable.append(self._report_unreadable(body, error))
        listing = Listing(records)
        listing.unreadable = tuple(unreadable)
        return listing

    def _report_unreadable(self, body: Body, error: ValidationError) -> str:
        name = f"{body['metadata']['namespace']}/{body['metadata']['name']}"
        if name not in self._reported:
            self._reported.add(name)
            log.error(
                "remediation %s cannot be read, so what it did is not known and the guards deny: move it away, or run "
                "the version that wrote it. %s",
                name,
                "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()),
            )
        return name


def _manifest(namespace: str, name: str, spec: RemediationSpec) -> Mapping[str, Any]:
    labels = {f"{GROUP}/intent": spec.intent.name, f"{GROUP}/policy": spec.policy.name}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": to_json(spec),
    }


def stored_record(body: Body) -> StoredRecord:
    """A record as the API server gave it.

    Raises:
        pydantic.ValidationError: it is not a record that this version understands.
    """
    metadata = body["metadata"]
    return StoredRecord(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        record=Remediation.model_validate({"spec": body["spec"], "status": body.get("status", {})}),
    )
