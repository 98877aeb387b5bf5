"""Homeostat in a cluster: its kinds, and what its chart renders to."""

from hack.chart import manifests
from hack.cluster import Cluster, ClusterError
from hack.cluster.places import REPOSITORY

CRDS = REPOSITORY / "crds"


def install_kinds(cluster: Cluster) -> None:
    """Install the custom resources, and return when they are served."""
    files = sorted(CRDS.glob("*.yaml"))
    if not files:
        raise ClusterError(f"{CRDS} has no CRDs: run `make crds`")
    cluster.install("\n---\n".join(file.read_text() for file in files))
    cluster.kubectl("wait", "--for=condition=Established", f"--filename={CRDS}", "--timeout=30s")


def install_chart(cluster: Cluster, user: str) -> None:
    """Install roles and the admission policy for an operator that is this user."""
    cluster.install(manifests({"operator": {"user": user}}))
