"""Addresses that are fixed in a pod template: two replicas of it would claim the same ones.

A secondary network of Multus is asked for by the annotation ``k8s.v1.cni.cncf.io/networks``, as names or as JSON whose
items may carry ``ips`` or ``mac``; a NetworkAttachmentDefinition may carry static addresses in its own configuration
(IPAM type ``static``). Source: Network Plumbing Working Group, Multi-Net Spec 1.3, sections 3 and 4.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from homeostat.flow.ports import Cluster, KubernetesError, NotFoundError
from homeostat.flow.resources import Body

ANNOTATION = "k8s.v1.cni.cncf.io/networks"
_DEFINITION = ("k8s.cni.cncf.io/v1", "NetworkAttachmentDefinition")
_FIXED = ("ips", "mac", "infiniband-guid")


async def static_addresses(cluster: Cluster, namespace: str, workload: Body) -> str:
    """Why more replicas of a workload would claim addresses twice, as a sentence; empty if nothing is fixed.

    Raises:
        KubernetesError: a network that the template names could not be read, so that it is not known.
    """
    for network in _networks(workload):
        name = str(network.get("name", ""))
        fixed = next((key for key in _FIXED if network.get(key)), "")
        if fixed:
            return f"its pod template fixes {fixed} on the network {name} ({ANNOTATION})"
        if await _is_static(cluster, str(network.get("namespace") or namespace), name):
            return f"the network {name} gives every pod the same static addresses (IPAM type static)"
    return ""


def _networks(workload: Body) -> Iterator[Mapping[str, Any]]:
    template = (workload.get("spec") or {}).get("template") or {}
    text = str(((template.get("metadata") or {}).get("annotations") or {}).get(ANNOTATION, "")).strip()
    if not text.startswith(("[", "{")):
        yield from (_named(part) for part in text.split(",") if part.strip())
        return
    try:
        items = json.loads(text)
    except ValueError:
        return  # Multus itself refuses such a pod
    yield from (item for item in (items if isinstance(items, list) else [items]) if isinstance(item, Mapping))


def _named(text: str) -> Mapping[str, Any]:
    """``[namespace/]name[@interface]``."""
    namespace, _, name = text.strip().partition("@")[0].rpartition("/")
    return {"namespace": namespace, "name": name}


async def _is_static(cluster: Cluster, namespace: str, name: str) -> bool:
    if not name:
        return False
    try:
        definition = await cluster.get(*_DEFINITION, namespace, name)
    except NotFoundError:
        return False
    try:
        configuration = json.loads((definition.get("spec") or {}).get("config") or "{}")
    except ValueError as error:
        raise KubernetesError(0, "BadAnswer", f"the configuration of the network {name} is not JSON") from error
    plugins = configuration.get("plugins") or [configuration]
    return any((plugin.get("ipam") or {}).get("type") == "static" for plugin in plugins)
