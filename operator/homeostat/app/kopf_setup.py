"""kopf as the intake only: its settings, an explicit login, and a registry without anything that writes."""

import asyncio
import dataclasses
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import kopf

from homeostat.cluster.connection import impersonation

_CLIENT_TIMEOUT_SECONDS = 30.0
_CONNECT_TIMEOUT_SECONDS = 10.0


def kopf_settings(shutdown_grace: timedelta) -> kopf.OperatorSettings:
    """Settings that bound every wait and leave all writing to the operator itself."""
    settings = kopf.OperatorSettings()
    settings.process.ultimate_exiting_timeout = 3 * shutdown_grace.total_seconds()
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.watching.server_timeout = 600
    settings.watching.connect_timeout = _CONNECT_TIMEOUT_SECONDS
    settings.watching.chunk_size = 500
    settings.queueing.idle_timeout = 1
    # Without namespaces to find and with the kinds known beforehand, there is nothing to scan for.
    settings.scanning.disabled = True
    settings.execution.default_backoff = 5
    settings.networking.request_timeout = _CLIENT_TIMEOUT_SECONDS
    settings.networking.connect_timeout = _CONNECT_TIMEOUT_SECONDS
    settings.networking.enforce_retry_after = True
    # Neither is ever written; a handler that did by mistake must not look like another operator's.
    settings.persistence.finalizer = "homeostat.dev/never-used"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix="homeostat.dev")
    return settings


def register_login(registry: kopf.OperatorRegistry, kubeconfig: Path | None, expiration: timedelta) -> None:
    """Log in with one kubeconfig, or without one as the pod's service account; never as whatever is found around."""

    @kopf.on.login(registry=registry, id="login")
    async def login(**given: Any) -> kopf.ConnectionInfo:  # noqa: ANN401 - kopf's arguments
        info = await asyncio.to_thread(_connection, kubeconfig, given)
        return dataclasses.replace(info, expiration=datetime.now(UTC) + expiration)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _OnBehalf(kopf.ConnectionInfo):
    """A connection whose requests are made as whom the kubeconfig names under ``as``, which kopf does not read."""

    impersonation: tuple[tuple[str, str], ...] = ()

    def as_http_headers(self) -> dict[str, str]:
        return {**super().as_http_headers(), **dict(self.impersonation)}


def _on_behalf(info: kopf.ConnectionInfo, kubeconfig: Path) -> kopf.ConnectionInfo:
    """The same connection as the identity that the kubeconfig asks for: intake sees no more than the engine may."""
    try:
        headers = impersonation(kubeconfig)
    except ValueError as unsupported:
        raise kopf.LoginError(str(unsupported)) from unsupported
    if not headers:
        return info
    known = {field.name: getattr(info, field.name) for field in dataclasses.fields(info)}
    return _OnBehalf(**known, impersonation=tuple((name, str(value)) for name, value in headers.items()))


def _connection(kubeconfig: Path | None, given: dict[str, Any]) -> kopf.ConnectionInfo:
    if kubeconfig is None:
        account = kopf.login_with_service_account(**given)
        if account is None:
            raise kopf.LoginError("this is no pod with a service account: name a kubeconfig by --kubeconfig")
        return account
    os.environ["KUBECONFIG"] = str(kubeconfig)
    info = kopf.login_with_kubeconfig(**given)
    if info is not None and any((info.token, info.certificate_data, info.certificate_path, info.password)):
        return _on_behalf(info, kubeconfig)
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        raise kopf.LoginError(f"{kubeconfig} holds neither token nor certificate; plug-ins are not run inside a pod")
    by_plugin = kopf.login_via_client(**given)
    if by_plugin is None:
        raise kopf.LoginError(f"{kubeconfig} holds no credentials that can be used")
    return _on_behalf(by_plugin, kubeconfig)
