"""Homeostat in a cluster: its kinds, and what its chart renders to."""

from collections.abc import Mapping
from typing import Any

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


LIVE: Mapping[str, Any] = {"mode": "Live", "autonomyLevel": 5, "rate": {"limit": 1000, "per": "1m"}}
"""A ceiling under which nothing but the policies and their intents bounds what is done."""


def install_chart(cluster: Cluster, user: str, ceiling: Mapping[str, Any] | None = None) -> None:
    """Install roles, the admission policy and the autonomy ceiling for an operator that is this user.

    Without a `ceiling` the chart's own is installed, under which nothing is done.
    """
    cluster.install(manifests({"operator": {"user": user}, "ceiling": ceiling or {}}))
