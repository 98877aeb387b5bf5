"""History of a ConfigMap's key, kept as ControllerRevisions beside it.

So it survives a restart of the operator, needs no store of its own, and goes when the ConfigMap goes. The text is
plain in them: right for a ConfigMap, never for a Secret.

That a content was good is told by a second, empty revision that belongs to the first. An annotation would be plainer,
but the API server compares a ControllerRevision's data byte by byte, and refuses a patch of its metadata as a change of
the data whenever the data was not sent in exactly the server's own spelling of JSON (measured on 1.36.3).
"""

import asyncio
import contextlib
import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from homeostat.cluster.clock import SystemClock
from homeostat.cluster.identity import identity_of
from homeostat.cluster.managed_fields import last_writer
from homeostat.flow.facts import ConfigChange, ConfigNote
from homeostat.flow.ports import Clock, Cluster, ConflictError, KubernetesError, NotFoundError
from homeostat.flow.resources import Body
from homeostat.flow.yaml_scalars import LONGEST_TEXT, YamlTextError, changed_scalars

REMEMBERED = 10
"""Most contents kept per key, and one more where the newest good one is older than these."""

LABEL_CONFIG_MAP = "homeostat.dev/config-map"
LABEL_KEY = "homeostat.dev/key"
ANNOTATION_GOOD = "homeostat.dev/good"

_API_VERSION, _KIND = "apps/v1", "ControllerRevision"
_LONGEST_LABEL = 63
_LONGEST_VALUE = 1024


@dataclass(frozen=True, slots=True)
class _Content:
    """The key's present text, and when and by whom it was written as far as that is known."""

    text: str
    digest: str
    at: datetime
    by: str
    owner: Body


@dataclass(frozen=True, slots=True)
class _Revision:
    """One remembered text."""

    body: Body
    number: int
    text: str
    digest: str
    at: datetime
    by: str
    good: bool


class ControllerRevisionHistory:
    """The last contents of ConfigMap keys."""

    def __init__(self, cluster: Cluster, clock: Clock | None = None) -> None:
        self._cluster, self._clock = cluster, clock or SystemClock()
        self._changes: dict[tuple[str, str], tuple[tuple[str, str, str], ...]] = {}

    async def note(self, namespace: str, config_map: str, key: str, at: datetime) -> ConfigNote:
        """Read the key's present text, remember it if it is new, and give all changes still remembered.

        Raises:
            NotFoundError: there is no such ConfigMap (reason ConfigMapNotFound) or key (KeyNotFound).
            KubernetesError: reason KeyTooLarge, or as the API server answered.
        """
        content = await self._read(namespace, config_map, key, at)
        revisions = await self._revisions(namespace, config_map, key)
        if not revisions or revisions[-1].digest != content.digest:
            revisions = await self._remember(namespace, config_map, key, content, revisions)
        present = revisions[-1]
        changes = [
            change
            for before, after in itertools.pairwise(revisions)
            if after.number == before.number + 1
            for change in await self._compare(config_map, key, before, after)
        ]
        return ConfigNote(changes=tuple(changes), digest=present.digest, since=present.at, good=present.good)

    async def mark_good(self, namespace: str, config_map: str, key: str, digest: str) -> None:
        """Mark a content as one under which the promise was kept; one that is not remembered is left alone."""
        revisions = await self._revisions(namespace, config_map, key)
        revision = next((r for r in reversed(revisions) if r.digest == digest), None)
        if revision is None or revision.good:
            return
        with contextlib.suppress(ConflictError):  # marked by another process of the operator meanwhile
            await self._cluster.create(_mark_body(namespace, revision, self._clock.now()))

    async def last_good(self, namespace: str, config_map: str, key: str) -> str | None:
        """The newest content marked good that differs from the present one; None where none is known."""
        present = await self._read(namespace, config_map, key, self._clock.now())
        revisions = await self._revisions(namespace, config_map, key)
        return next((r.text for r in reversed(revisions) if r.good and r.digest != present.digest), None)

    async def _read(self, namespace: str, config_map: str, key: str, at: datetime) -> _Content:
        try:
            body = await self._cluster.get("v1", "ConfigMap", namespace, config_map)
        except NotFoundError as error:
            message = f"there is no ConfigMap {config_map} in namespace {namespace}"
            raise NotFoundError(error.status, "ConfigMapNotFound", message) from error
        text = (body.get("data") or {}).get(key)
        if text is None:
            raise NotFoundError(404, "KeyNotFound", f"ConfigMap {config_map} has no text under the key {key}")
        if len(text.encode()) > LONGEST_TEXT:
            message = f"{key} of ConfigMap {config_map} is longer than 256 KiB; no history is kept of it"
            raise KubernetesError(413, "KeyTooLarge", message)
        write = last_writer(body, ("data", key))
        written_at = write.at if write and write.at else at
        return _Content(text, text_digest(text), min(written_at, at), write.manager if write else "", body)

    async def _revisions(self, namespace: str, config_map: str, key: str) -> list[_Revision]:
        bodies = await self._cluster.list(_API_VERSION, _KIND, namespace, f"{LABEL_KEY}={_key_digest(config_map, key)}")
        good = {owner for body in bodies for owner in _marked(body)}
        found = (_revision(body, good=body["metadata"]["uid"] in good) for body in bodies)
        return sorted(filter(None, found), key=lambda revision: revision.number)

    async def _remember(
        self, namespace: str, config_map: str, key: str, content: _Content, revisions: Sequence[_Revision]
    ) -> list[_Revision]:
        number = 1 + max((r.number for r in revisions), default=0)
        try:
            written = await self._cluster.create(_revision_body(namespace, config_map, key, content, number))
        except ConflictError:
            # Another process of the operator noted a change at the same moment; what it noted is in the list now.
            noted = await self._revisions(namespace, config_map, key)
            if not noted or noted[-1].digest != content.digest:
                raise
            return noted
        own = _revision(written.body, good=False)
        return await self._forget_oldest(namespace, [*revisions, own] if own else list(revisions))

    async def _forget_oldest(self, namespace: str, revisions: list[_Revision]) -> list[_Revision]:
        excess = len(revisions) - REMEMBERED
        present = revisions[-1].digest
        keep = next((r.number for r in reversed(revisions) if r.good and r.digest != present), None)
        oldest = [r for r in revisions[: max(0, excess)] if r.number != keep]
        for revision in oldest:
            metadata = revision.body["metadata"]
            await self._cluster.delete(
                _API_VERSION, _KIND, namespace, metadata["name"], metadata["uid"], metadata["resourceVersion"]
            )
        return [r for r in revisions if r not in oldest]

    async def _compare(self, config_map: str, key: str, before: _Revision, after: _Revision) -> list[ConfigChange]:
        pair = (before.digest, after.digest)
        if pair not in self._changes:
            if len(self._changes) >= 1000:  # noqa: PLR2004 - far more than a namespace has, to bound the memory
                self._changes.clear()
            self._changes[pair] = await asyncio.to_thread(_differences, before, after)
        return [
            ConfigChange(config_map, key, path, old, new, after.at, after.by) for path, old, new in self._changes[pair]
        ]


def text_digest(text: str) -> str:
    """SHA-256 of a text in UTF-8, in hexadecimal: what a record holds of a configuration instead of its text."""
    return hashlib.sha256(text.encode()).hexdigest()


def _differences(before: _Revision, after: _Revision) -> tuple[tuple[str, str, str], ...]:
    """Path, value before and after of each change; of a text without paths, which a record never holds, digests."""
    whole = (("", f"sha256:{before.digest[:12]}", f"sha256:{after.digest[:12]}"),)
    try:
        changes = changed_scalars(before.text, after.text)
    except YamlTextError:
        return whole
    if any(change.path == "" for change in changes):
        return whole
    return tuple((c.path, c.before[:_LONGEST_VALUE], c.after[:_LONGEST_VALUE]) for c in changes)


def _key_digest(config_map: str, key: str) -> str:
    return hashlib.sha256(f"{config_map}/{key}".encode()).hexdigest()[:32]


def _revision_body(namespace: str, config_map: str, key: str, content: _Content, number: int) -> dict[str, Any]:
    owner = identity_of(content.owner)
    digest = _key_digest(config_map, key)
    return {
        "apiVersion": _API_VERSION,
        "kind": _KIND,
        "metadata": {
            "name": f"homeostat-{config_map[:200]}-{digest[:10]}-{number}",
            "namespace": namespace,
            "labels": {LABEL_CONFIG_MAP: config_map[:_LONGEST_LABEL].rstrip("-."), LABEL_KEY: digest},
            "ownerReferences": [
                {"apiVersion": owner.api_version, "kind": owner.kind, "name": owner.name, "uid": owner.uid}
            ],
        },
        "revision": number,
        "data": {
            "key": key,
            "digest": content.digest,
            "text": content.text,
            "changedBy": content.by,
            "changedAt": _text(content.at),
        },
    }


def _revision(body: Body, *, good: bool) -> _Revision | None:
    """A remembered text; None for a mark, and for an object that carries our label but is none of ours."""
    try:
        data = body["data"]
        return _Revision(
            body=body,
            number=body["revision"],
            text=data["text"],
            digest=text_digest(data["text"]),
            at=datetime.fromisoformat(data["changedAt"]),
            by=data["changedBy"],
            good=good,
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _mark_body(namespace: str, revision: _Revision, at: datetime) -> dict[str, Any]:
    owner, metadata = identity_of(revision.body), revision.body["metadata"]
    return {
        "apiVersion": _API_VERSION,
        "kind": _KIND,
        "metadata": {
            "name": f"{owner.name}-good",
            "namespace": namespace,
            "labels": metadata["labels"],
            "annotations": {ANNOTATION_GOOD: _text(at)},
            "ownerReferences": [
                {"apiVersion": owner.api_version, "kind": owner.kind, "name": owner.name, "uid": owner.uid}
            ],
        },
        "revision": revision.number,
        "data": {},
    }


def _marked(body: Body) -> list[str]:
    """Uids of the revisions that this object marks as good."""
    if ANNOTATION_GOOD not in (body["metadata"].get("annotations") or {}):
        return []
    return [owner["uid"] for owner in body["metadata"].get("ownerReferences") or ()]


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
