"""Put the CNF, its subscribers and its Prometheus into a cluster."""

from collections.abc import Callable
from pathlib import Path

from e2e.cnf.image import build_image
from hack.cluster import Cluster

NAMESPACE = "ims"
_E2E = Path(__file__).parents[1]


def deploy(cluster: Cluster, progress: Callable[[str], None]) -> None:
    """Deploy everything and return when it is ready. The called side goes first: its address is in pcscf's start."""
    if cluster.is_local:  # into any other cluster the image is loaded by the one who made it (README)
        cluster.load_image(build_image(progress))
    progress("deploying the CNF, its subscribers and its Prometheus")
    namespace = f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {NAMESPACE}}}\n"
    cluster.kubectl("apply", "-f", "-", stdin=namespace)
    for part in ("subscribers", "cnf", "prometheus"):
        cluster.kubectl("apply", "-k", str(_E2E / part))
    for workload in ("uas", "pcscf", "prometheus"):
        wait_ready(cluster, workload)


def delete(cluster: Cluster) -> None:
    """Delete what was deployed, and what has come to it since."""
    cluster.kubectl("delete", "-k", str(_E2E / "prometheus"), "--ignore-not-found", "--wait=false")  # has roles outside
    cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=100s", timeout=110)


def wait_ready(cluster: Cluster, workload: str) -> None:
    """Wait until each replica is ready."""
    cluster.kubectl("rollout", "status", "-n", NAMESPACE, f"deployment/{workload}", "--timeout=100s", timeout=110)


def scale(cluster: Cluster, replicas: int) -> None:
    """Scale the edge."""
    cluster.kubectl("scale", "-n", NAMESPACE, "deployment/pcscf", f"--replicas={replicas}")
