"""The API server by plain HTTP (hack.cluster.proxy), for looks that would cost a kubectl each."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import requests

Body = dict[str, Any]

_TIMEOUT = 10.0
_BY_HAND = {"fieldManager": "kubectl-edit"}
"""What these tests write, people write: a name that the operator does not know would be another controller's."""

_MERGE = {"Content-Type": "application/merge-patch+json"}
GROUPS = {
    "deployments": "/apis/apps/v1",
    "statefulsets": "/apis/apps/v1",
    "controllerrevisions": "/apis/apps/v1",
    "horizontalpodautoscalers": "/apis/autoscaling/v2",
    "namespaces": "/api/v1",
    "configmaps": "/api/v1",
    "pods": "/api/v1",
    "events": "/apis/events.k8s.io/v1",
    "serviceintents": "/apis/homeostat.dev/v1alpha1",
    "remediationpolicies": "/apis/homeostat.dev/v1alpha1",
    "remediations": "/apis/homeostat.dev/v1alpha1",
    "telemetrysources": "/apis/homeostat.dev/v1alpha1",
    "maintenancewindows": "/apis/homeostat.dev/v1alpha1",
    "autonomyceilings": "/apis/homeostat.dev/v1alpha1",
}


def path(resource: str, namespace: str = "", name: str = "") -> str:
    within = f"/namespaces/{namespace}" if namespace else ""
    return f"{GROUPS[resource]}{within}/{resource}" + (f"/{name}" if name else "")


class Api:
    """The administrator's requests. Safe in one thread only, as its session is."""

    def __init__(self, proxy: str) -> None:
        self._server = proxy
        self._session = requests.Session()
        self._session.trust_env = False

    def close(self) -> None:
        self._session.close()

    def get(self, at: str, **query: str) -> Body:
        return self._sent("GET", at, params=query)

    def items(self, resource: str, namespace: str) -> list[Body]:
        listed: list[Body] = self.get(path(resource, namespace))["items"]
        return sorted(listed, key=lambda body: (body["metadata"]["creationTimestamp"], body["metadata"]["name"]))

    def create(self, resource: str, namespace: str, body: Mapping[str, Any]) -> Body:
        return self._sent("POST", path(resource, namespace), json=body, params=_BY_HAND)

    def patch(self, at: str, change: Mapping[str, Any]) -> Body:
        return self._sent("PATCH", at, data=json.dumps(change), headers=_MERGE, params=_BY_HAND)

    def delete(self, at: str) -> None:
        self._sent("DELETE", at)

    def watch(self, at: str, resource_version: str, seconds: float, **query: str) -> Iterator[Body]:
        """Events since a version, as they come; ends after so many seconds."""
        given = {"watch": "true", "resourceVersion": resource_version, "timeoutSeconds": f"{seconds:.0f}", **query}
        with self._session.get(self._server + at, params=given, stream=True, timeout=seconds + _TIMEOUT) as answer:
            answer.raise_for_status()
            for line in answer.iter_lines():
                yield json.loads(line)

    def _sent(self, method: str, at: str, **more: Any) -> Body:
        answer = self._session.request(method, self._server + at, timeout=_TIMEOUT, **more)
        if not answer.ok:
            raise requests.HTTPError(f"{method} {at}: {answer.status_code} {answer.text}", response=answer)
        body: Body = answer.json()
        return body
