"""What is read of the API server, by plain HTTP on loopback (hack.cluster.proxy)."""

import http
import json
import urllib.error
import urllib.request
from typing import Any

_REMEDIATIONS = "/apis/homeostat.dev/v1alpha1/namespaces/ims/remediations"
_INTENT = "/apis/homeostat.dev/v1alpha1/namespaces/ims/serviceintents/call-setup"


class Api:
    """Reads without the cost of a kubectl per look."""

    def __init__(self, address: str) -> None:
        self._address = address

    def get(self, path: str) -> dict[str, Any]:
        """Read one object or list."""
        with urllib.request.urlopen(self._address + path, timeout=10) as answer:
            body: dict[str, Any] = json.load(answer)
        return body

    def send(self, method: str, path: str) -> None:
        """Make a request without a body."""
        request = urllib.request.Request(self._address + path, method=method)
        with urllib.request.urlopen(request, timeout=10):
            return

    def find(self, path: str) -> dict[str, Any] | None:
        """Read one object; None where there is none."""
        try:
            return self.get(path)
        except urllib.error.HTTPError as error:
            if error.code == http.HTTPStatus.NOT_FOUND:
                return None
            raise

    def records(self) -> list[dict[str, Any]]:
        """All Remediations of the demo, oldest first."""
        items: list[dict[str, Any]] = self.get(_REMEDIATIONS)["items"]
        return sorted(items, key=lambda item: str(item["metadata"]["creationTimestamp"]))

    def record(self, name: str) -> dict[str, Any]:
        """One Remediation."""
        return self.get(f"{_REMEDIATIONS}/{name}")

    def intent(self) -> dict[str, Any]:
        """The demo's ServiceIntent."""
        return self.get(_INTENT)

    def replicas(self) -> tuple[int, int]:
        """Wanted and ready replicas of the edge."""
        edge = self.get("/apis/apps/v1/namespaces/ims/deployments/pcscf")
        return int(edge["spec"]["replicas"]), int(edge["status"].get("readyReplicas", 0))

    def tuning(self) -> str:
        """The edge's tuning, byte for byte."""
        return str(self.get("/api/v1/namespaces/ims/configmaps/pcscf-tuning")["data"]["tuning.yaml"])

    def edge_pods(self) -> list[str]:
        """Names of the edge's pods."""
        pods = self.get("/api/v1/namespaces/ims/pods?labelSelector=app%3Dpcscf")["items"]
        return sorted(pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"])
