"""All Kubernetes traffic: reads that are repeated when the API server is busy, writes that are sent once.

The paths come from discovery and the bodies stay plain mappings: the typed objects of the library cost tens of
megabytes and add nothing here. Authentication, TLS and tokens are the library's.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import aiohttp
from kubernetes.aio.client import ApiClient, ApiException

from homeostat.cluster.clock import SystemClock
from homeostat.cluster.connection import connect
from homeostat.cluster.errors import error_of, no_answer, too_slow
from homeostat.cluster.kinds import Kind, Kinds
from homeostat.cluster.retries import ReadRetries
from homeostat.contracts.common import FIELD_MANAGER
from homeostat.flow.ports import KubernetesError
from homeostat.flow.resources import Body

_PAGE = 500
_MERGE_PATCH = "application/merge-patch+json"
_JSON = "application/json"
_LONGEST_POD_ANSWER = 65536


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer, undecoded."""

    content: bytes
    audit_id: str


@dataclass(frozen=True, slots=True)
class WriteAnswer:
    """The object after a write, and the API server's audit id of the write."""

    body: Body
    audit_id: str


class ApiCluster:
    """The API server. Each call takes at most ``timeout`` seconds in all, waiting for its turn included.

    A DELETE may be sent twice by the HTTP library when an idle connection turns out to be broken; its preconditions
    make the second one harmless. No other write is ever sent twice.
    """

    def __init__(
        self, client: ApiClient, *, timeout: float = 10.0, concurrency: int = 32, retries: ReadRetries | None = None
    ) -> None:
        self._client: Any = client  # the library's annotations are partly missing
        self._timeout = timeout
        self._turns = asyncio.Semaphore(concurrency)
        self._retries = retries or ReadRetries()
        self._kinds = Kinds(self._read, self._retries.clock)

    @classmethod
    async def connect(
        cls,
        kubeconfig: Path | None,
        *,
        timeout: float = 10.0,
        concurrency: int = 32,
        retries: ReadRetries | None = None,
    ) -> Self:
        """Connect with a kubeconfig, or without one with the service account of this pod."""
        client = await connect(kubeconfig, concurrency, SystemClock())
        return cls(client, timeout=timeout, concurrency=concurrency, retries=retries)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def get(self, api_version: str, kind: str, namespace: str, name: str, subresource: str = "") -> Body:
        """Read one object, or one of its subresources, from the API server itself."""
        served = await self._kinds.find(api_version, kind)
        return await self._read(served.path(namespace, name, subresource))

    async def serves(self, api_version: str, kind: str, subresource: str) -> bool:
        """Whether the API server has a subresource of a kind, such as resize of pods (since Kubernetes 1.33)."""
        return subresource in (await self._kinds.find(api_version, kind)).subresources

    async def list(self, api_version: str, kind: str, namespace: str, label_selector: str = "") -> tuple[Body, ...]:
        """Read all objects of a kind in a namespace; in all namespaces where that is empty.

        Never gives a part: when a page fails, so does the whole.
        """
        served = await self._kinds.find(api_version, kind)
        objects: list[Body] = []
        token = ""
        while True:
            query = {"limit": str(_PAGE)}
            query |= {"labelSelector": label_selector} if label_selector else {}
            query |= {"continue": token} if token else {}
            page = await self._read(served.path(namespace), query)
            # Items of a list carry no apiVersion and kind of their own.
            objects += [{"apiVersion": api_version, "kind": kind, **item} for item in page.get("items") or ()]
            token = page["metadata"].get("continue") or ""
            if not token:
                return tuple(objects)

    async def create(self, body: Mapping[str, Any], dry_run: bool = False) -> WriteAnswer:
        """Create one object, or have it checked only; ConflictError where it exists."""
        served = await self._kinds.find(body["apiVersion"], body["kind"])
        path = served.path(body.get("metadata", {}).get("namespace", ""))
        query = {"fieldManager": FIELD_MANAGER} | ({"dryRun": "All"} if dry_run else {})
        return await self._write("POST", path, body, query, _JSON)

    async def merge_patch(
        self,
        api_version: str,
        kind: str,
        namespace: str,
        name: str,
        patch: Mapping[str, Any],
        subresource: str = "",
        dry_run: bool = False,
    ) -> WriteAnswer:
        """Change named fields of the version that was read.

        Raises:
            ValueError: the patch has no metadata.resourceVersion; the API server would repeat it over a conflict.
        """
        if not patch.get("metadata", {}).get("resourceVersion"):
            raise ValueError(f"a patch of {kind} {namespace}/{name} must carry metadata.resourceVersion")
        served = await self._kinds.find(api_version, kind)
        query = {"fieldManager": FIELD_MANAGER} | ({"dryRun": "All"} if dry_run else {})
        return await self._write("PATCH", served.path(namespace, name, subresource), patch, query, _MERGE_PATCH)

    async def delete(
        self, api_version: str, kind: str, namespace: str, name: str, uid: str, resource_version: str
    ) -> WriteAnswer:
        """Delete one object if it still is the one that was read."""
        served: Kind = await self._kinds.find(api_version, kind)
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid, "resourceVersion": resource_version},
            "propagationPolicy": "Background",
        }
        return await self._write("DELETE", served.path(namespace, name), options, {}, _JSON)

    async def evict(self, namespace: str, pod: str, uid: str, resource_version: str) -> WriteAnswer:
        """End one pod if it still is the one that was read and its disruption budget allows it now (else 429)."""
        served = await self._kinds.find("v1", "Pod")
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod, "namespace": namespace},
            "deleteOptions": {"preconditions": {"uid": uid, "resourceVersion": resource_version}},
        }
        path = served.path(namespace, pod, "eviction")
        return await self._write("POST", path, eviction, {"fieldManager": FIELD_MANAGER}, _JSON)

    async def call_pod(self, namespace: str, pod: str, port: int, method: str, path: str) -> str:
        """Make one HTTP call to a pod through the API server's proxy; gives at most 64 KiB of the answer's text.

        Raises:
            ValueError: the method is neither GET nor POST.
        """
        if method not in {"GET", "POST"}:
            raise ValueError(f"a pod is called with GET or POST, not {method}")
        served = await self._kinds.find("v1", "Pod")
        target = f"{served.path(namespace, f'{pod}:{port}', 'proxy')}/{path.lstrip('/')}"
        answer = await self._send(method, target, accept="*/*", longest=_LONGEST_POD_ANSWER)
        return answer.content.decode("utf-8", errors="replace")

    async def pod_log(self, namespace: str, pod: str, container: str, lines: int) -> str:
        """Read the last lines that a container of a pod wrote; at most 64 KiB of text."""
        served = await self._kinds.find("v1", "Pod")
        query = {"container": container, "tailLines": str(lines)}
        path = served.path(namespace, pod, "log")
        answer = await self._send("GET", path, query=query, accept="*/*", longest=_LONGEST_POD_ANSWER)
        return answer.content.decode("utf-8", errors="replace")

    async def _read(self, path: str, query: Mapping[str, str] | None = None) -> Body:
        answer = await self._retries.run(lambda: self._send("GET", path, query=query))
        return _decoded(answer.content)

    async def _write(
        self, method: str, path: str, body: Mapping[str, Any], query: Mapping[str, str], content_type: str
    ) -> WriteAnswer:
        answer = await self._send(method, path, query=query, body=body, content_type=content_type)
        return WriteAnswer(_decoded(answer.content), answer.audit_id)

    async def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = _JSON,
        accept: str = _JSON,
        longest: int | None = None,
    ) -> Answer:
        headers = {"Accept": accept, "Content-Type": content_type}
        try:
            async with asyncio.timeout(self._timeout), self._turns:
                request = await self._client.param_serialize(
                    method,
                    path,
                    query_params=list((query or {}).items()),
                    header_params=headers,
                    body=dict(body) if body is not None else None,
                    auth_settings=["BearerToken"],
                )
                # Our own limit rules; the library's default of five minutes must not end first or last.
                response = await self._client.call_api(*request, _request_timeout=aiohttp.ClientTimeout(total=None))
                content = await _content(response.response, longest)
        except TimeoutError as error:
            raise too_slow(method, path, self._timeout) from error
        except (aiohttp.ClientError, OSError, ApiException) as error:
            raise no_answer(method, path, error) from error
        if not 200 <= response.status < 300:  # noqa: PLR2004 - the range of success in HTTP
            raise error_of(response.status, response.headers, content)
        return Answer(content, response.headers.get("Audit-Id", ""))


async def _content(response: aiohttp.ClientResponse, longest: int | None) -> bytes:
    if longest is None:
        return await response.read()
    content = bytearray()
    async for chunk in response.content.iter_chunked(8192):
        content += chunk
        if len(content) >= longest:
            response.close()
            break
    response.release()
    return bytes(content[:longest])


def _decoded(content: bytes) -> Body:
    try:
        body = json.loads(content)
    except ValueError as error:
        raise KubernetesError(0, "BadAnswer", "the API server's answer is not JSON") from error
    if not isinstance(body, dict):
        raise KubernetesError(0, "BadAnswer", "the API server's answer is not an object")
    return body
