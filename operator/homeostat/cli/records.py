"""The records as the command line needs them, behind a small Protocol, so that pykube-ng can be replaced."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pykube
import requests

from homeostat.contracts.common import API_VERSION

JsonPatch = Sequence[Mapping[str, Any]]

_TIMEOUT_SECONDS = 15.0
_NOT_FOUND = 404


class ClusterRefusalError(Exception):
    """What was asked for could not be had; the message says why and what to do."""


class Records(Protocol):
    """Reading and deciding remediations."""

    @property
    def namespace(self) -> str:
        """Namespace in which names are looked up."""
        ...

    def read(self, name: str) -> Mapping[str, Any]:
        """Read one remediation as the API server gives it."""
        ...

    def patch(self, name: str, patch: JsonPatch) -> None:
        """Change one remediation by a JSON patch."""
        ...

    def user_name(self) -> str:
        """Name by which the API server knows the user."""
        ...


@dataclass(frozen=True, slots=True)
class Connection:
    """Where to connect: what kubectl's options of the same names say; empty means as in the kubeconfig."""

    kubeconfig: str = ""
    context: str = ""
    namespace: str = ""


class KubernetesRecords:
    """Records in a cluster that a kubeconfig names."""

    def __init__(self, connection: Connection) -> None:
        config = _config(connection)
        self.namespace = connection.namespace or config.namespace
        self._api = pykube.HTTPClient(config, timeout=_TIMEOUT_SECONDS)
        self._api.session.headers.update(impersonation(config.user))

    def read(self, name: str) -> Mapping[str, Any]:
        """Read one remediation.

        Raises:
            ClusterRefusalError: it does not exist, may not be read, or the cluster cannot be reached.
        """
        return self._ask("get", f"remediations/{name}", API_VERSION, namespace=self.namespace)

    def patch(self, name: str, patch: JsonPatch) -> None:
        """Change one remediation by a JSON patch.

        Raises:
            ClusterRefusalError: the change was refused, or the cluster cannot be reached.
        """
        self._ask(
            "patch",
            f"remediations/{name}",
            API_VERSION,
            namespace=self.namespace,
            data=json.dumps(list(patch)),
            headers={"Content-Type": "application/json-patch+json"},
        )

    def read_object(self, version: str, path: str, namespaced: bool) -> Mapping[str, Any]:
        """Read one object, or all of a kind, as the API server gives it.

        Raises:
            ClusterRefusalError: it does not exist, may not be read, or the cluster cannot be reached.
        """
        return self._ask("get", path, version, **self._within(namespaced))

    def merge(self, version: str, path: str, namespaced: bool, patch: Mapping[str, Any]) -> None:
        """Change one object by a merge patch.

        Raises:
            ClusterRefusalError: the change was refused, or the cluster cannot be reached.
        """
        self._ask(
            "patch",
            path,
            version,
            **self._within(namespaced),
            data=json.dumps(patch),
            params={"fieldManager": "kubectl-homeostat"},
            headers={"Content-Type": "application/merge-patch+json"},
        )

    def _within(self, namespaced: bool) -> dict[str, object]:
        return {"namespace": self.namespace} if namespaced else {}

    def user_name(self) -> str:
        """Name by which the API server knows the user.

        Raises:
            ClusterRefusalError: the cluster does not say, or cannot be reached.
        """
        version = "authentication.k8s.io/v1"
        review = json.dumps({"apiVersion": version, "kind": "SelfSubjectReview"})
        answer = self._ask(
            "post", "selfsubjectreviews", version, data=review, headers={"Content-Type": "application/json"}
        )
        return str(answer["status"]["userInfo"]["username"])

    def _ask(self, method: str, path: str, version: str, **options: object) -> Mapping[str, Any]:
        try:
            response: requests.Response = getattr(self._api, method)(url=path, version=version, **options)
        except (requests.RequestException, pykube.exceptions.PyKubeError) as error:
            raise ClusterRefusalError(f"the cluster cannot be reached: {error}") from error
        except NotImplementedError as error:
            raise ClusterRefusalError(
                "the login of this kubeconfig is not supported here (exec plugins must speak "
                f"client.authentication.k8s.io/v1beta1): {error}. Plain kubectl works: kubectl get remediations"
            ) from error
        if response.ok:
            answer: Mapping[str, Any] = response.json()
            return answer
        raise ClusterRefusalError(self._refusal(response, path))

    def _refusal(self, response: requests.Response, path: str) -> str:
        try:
            message = str(response.json()["message"])
        except (ValueError, KeyError, TypeError):
            message = response.text.strip()[:500] or response.reason
        if response.status_code == _NOT_FOUND:
            return f"{message} (namespace {self.namespace}; kubectl get {path.partition('/')[0]} -A lists all)"
        return message


def impersonation(user: Mapping[str, Any]) -> dict[str, str]:
    """Headers for the ``as`` of a kubeconfig's user: pykube ignores it, and would decide in another person's name.

    Raises:
        ClusterRefusalError: it asks for more than a user and one group, which a requests session cannot send.
    """
    asked = {key: value for key, value in user.items() if key.startswith("as") and value}
    groups = asked.get("as-groups") or []
    if asked.keys() - {"as", "as-groups"} or len(groups) > 1 or (groups and "as" not in asked):
        raise ClusterRefusalError(
            f"this kubeconfig impersonates by {', '.join(sorted(asked))}; only a user (as) with at most one group "
            "(as-groups) is supported here: use a kubeconfig of your own"
        )
    headers = {"Impersonate-User": str(asked["as"])} if "as" in asked else {}
    return headers | ({"Impersonate-Group": str(groups[0])} if groups else {})


def _config(connection: Connection) -> pykube.KubeConfig:
    path = connection.kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    if os.pathsep in path:
        raise ClusterRefusalError("KUBECONFIG names several files: name one with --kubeconfig")
    if not Path(path).expanduser().is_file():
        raise ClusterRefusalError(f"there is no kubeconfig {path}: set KUBECONFIG or give --kubeconfig")
    config = pykube.KubeConfig.from_file(path)
    if connection.context:
        if connection.context not in config.contexts:
            known = ", ".join(sorted(config.contexts))
            raise ClusterRefusalError(f"there is no context {connection.context} in {path}; there are: {known}")
        config.set_current_context(connection.context)
    return config
