"""The API server by plain HTTP on loopback: kubectl proxy brings the credentials of whichever kubeconfig."""

from pathlib import Path

from hack.cluster.api import Cluster, kubectl_command
from hack.cluster.processes import Process, free_ports, opens


def forward(cluster: Cluster, kubeconfig: Path, name: str) -> tuple[str, Process]:
    """Start a kubectl proxy and return its address; it ends with the cluster at the latest."""
    port = free_ports(1)[0]
    # What it may pass on is the API server's to decide, by the kubeconfig's user.
    command = [*kubectl_command(cluster.folder, kubeconfig), "proxy", f"--port={port}", "--reject-paths=^$"]
    process = Process(cluster.folder, name, command)
    process.wait_until(lambda: opens("127.0.0.1", port), f"{name} answers", 20)
    return f"http://127.0.0.1:{port}", process
