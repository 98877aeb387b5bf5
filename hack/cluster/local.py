"""The local provider: a cluster of plain processes on this host."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hack.cluster import binaries, packages
from hack.cluster.addresses import NODE_NAME
from hack.cluster.api import Cluster
from hack.cluster.certificates import Authority, write_kubeconfig
from hack.cluster.commands import Progress
from hack.cluster.control_plane import ControlPlane
from hack.cluster.errors import ClusterError
from hack.cluster.kwok import start_kwok
from hack.cluster.node import Node, import_image
from hack.cluster.processes import mark, opens, wait_until
from hack.cluster.runs import has_node


class LocalCluster(Cluster):
    """A running local cluster."""

    is_local = True

    def __init__(self, folder: Path, control_plane: ControlPlane | None = None, *, is_kept: bool = False) -> None:
        super().__init__(folder, folder / "kubeconfig")
        self.is_kept = is_kept
        self.ca_file = folder / "pki" / "ca.crt"
        self.ca_key_file = folder / "pki" / "ca.key"
        self.audit_log = folder / "audit.jsonl"
        self.has_node = has_node(folder)
        self._control_plane = control_plane

    @property
    def server(self) -> str:
        """The API server's address."""
        return str(json.loads(self.kubeconfig.read_text())["clusters"][0]["cluster"]["server"])

    def load_image(self, archive: Path) -> None:
        """Import a docker-archive file into the node."""
        if not self.has_node:
            raise ClusterError("this cluster has no real node to load an image into: provide(node=True)")
        import_image(self.folder, archive)

    @contextmanager
    def reach(self, namespace: str, service: str, port: int) -> Iterator[str]:
        """Yield the Service's own address: this host has a route to it."""
        if not self.has_node:
            raise ClusterError("this cluster has no real node, so no Service answers: provide(node=True)")
        address = self.kubectl(
            "get", "service", service, "--namespace", namespace, "--output=jsonpath={.spec.clusterIP}"
        )
        try:
            # kube-proxy writes its rules a moment after the pods are ready.
            wait_until(lambda: opens(address, port), f"{service}.{namespace}:{port} accepts a connection", 60)
        except TimeoutError as late:
            raise ClusterError(str(late)) from late
        yield f"http://{address}:{port}"

    def kill_api_server(self) -> None:
        """End the API server as a crash would."""
        self._owned().api_server.kill()

    def start_api_server(self) -> None:
        """Start the API server again, and return when it is ready."""
        self._owned().api_server.start_again()
        self._owned().wait_for_api_server()

    def _owned(self) -> ControlPlane:
        if self._control_plane is None:
            raise ClusterError("this cluster was started by another process")
        return self._control_plane

    def _create_user(self, name: str, user: str, groups: list[str]) -> Path:
        pair = Authority(self.folder / "pki", "ca").client(name, user, groups)
        return write_kubeconfig(self.folder / f"{name}.kubeconfig", self.server, self.ca_file, pair)


def check_host(*, node: bool, progress: Progress) -> None:
    """Raise when this host cannot run a local cluster; install what is missing when that is allowed."""
    otherwise = "or set KUBECONFIG to a cluster of yours (kind, k3d, any other)"
    if sys.platform != "linux":
        raise ClusterError(f"a local cluster needs Linux; {otherwise}")
    if node and os.geteuid() != 0:
        raise ClusterError(f"a real node needs root: sudo --preserve-env {sys.executable} ...; {otherwise}")
    if node:
        packages.ensure(packages.NODE, "a real node", progress)


def start(folder: Path, *, node: bool, kwok_nodes: int, progress: Progress) -> LocalCluster:
    """Build what is missing and start everything, in the folder that was claimed for it."""
    wanted = binaries.needed(node=node, kwok=kwok_nodes > 0)
    built = binaries.build(wanted, progress, mark(folder))
    control_plane = ControlPlane(folder, built, node=node)
    real_node = Node(folder, built, control_plane) if node else None
    if real_node is not None:
        real_node.prepare()
    control_plane.start()
    cluster = LocalCluster(folder, control_plane)
    if real_node is not None:
        real_node.join()
        progress(f"Node {NODE_NAME} is ready")
    if kwok_nodes:
        start_kwok(cluster, built["kwok"], kwok_nodes)
        progress(f"{kwok_nodes} KWOK nodes are ready")
    return cluster
