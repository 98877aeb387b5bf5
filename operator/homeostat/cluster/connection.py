"""Making an authenticated client of the API server, from a kubeconfig or from inside a pod."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import yaml
from kubernetes.aio import client as library
from kubernetes.aio import config as library_config

from homeostat.contracts.common import FIELD_MANAGER
from homeostat.flow.ports import Clock

_REFRESH_SECONDS = 60.0

# The library carries a py.typed marker, yet these of its parts have no annotations or wrong ones.
_config: Any = library_config
_client: Any = library


async def connect(kubeconfig: Path | None, connections: int, clock: Clock) -> library.ApiClient:
    """Make a client; without a kubeconfig, with the service account of the pod that we run in.

    Raises:
        ConfigException: the kubeconfig is not usable, or there is no service account here.
    """
    configuration = _client.Configuration()
    configuration.connection_pool_maxsize = connections
    headers: dict[str, str | list[str]] = {}
    if kubeconfig is None:
        _config.load_incluster_config(client_configuration=configuration)
    else:
        configuration.refresh_api_key_hook = await _load_kubeconfig(kubeconfig, configuration, clock)
        headers = await asyncio.to_thread(impersonation, kubeconfig)
    client = _client.ApiClient(configuration)
    client.user_agent = FIELD_MANAGER
    for name, value in headers.items():
        client.set_default_header(name, value)
    made: library.ApiClient = client
    return made


async def _load_kubeconfig(
    kubeconfig: Path, configuration: library.Configuration, clock: Clock
) -> Callable[[library.Configuration], Awaitable[None]]:
    loader = await _config.load_kube_config(
        config_file=str(kubeconfig), client_configuration=configuration, persist_config=False
    )
    loaded_at = clock.monotonic()

    async def refresh(present: library.Configuration) -> None:
        nonlocal loaded_at
        if clock.monotonic() - loaded_at >= _REFRESH_SECONDS:
            loaded_at = clock.monotonic()
            await loader.load_and_set(present)

    return refresh


def impersonation(kubeconfig: Path) -> dict[str, str | list[str]]:
    """Headers for the ``as`` of a kubeconfig's user: the library ignores it, and would act with more rights.

    Raises:
        ValueError: it asks for more than one group or for extra fields, which this client cannot send.
    """
    content: dict[str, Any] = yaml.safe_load(kubeconfig.read_text(encoding="utf-8")) or {}
    contexts = {c["name"]: c["context"] for c in content.get("contexts") or ()}
    users = {u["name"]: u.get("user") or {} for u in content.get("users") or ()}
    user = users.get(contexts.get(content.get("current-context"), {}).get("user"), {})
    if "as" not in user:
        return {}
    groups = user.get("as-groups") or []
    if len(groups) > 1 or user.get("as-user-extra"):
        raise ValueError(f"{kubeconfig} impersonates with several groups or extra fields, which is not supported")
    headers: dict[str, str | list[str]] = {"Impersonate-User": user["as"]}
    if groups:
        headers["Impersonate-Group"] = groups[0]
    return headers
