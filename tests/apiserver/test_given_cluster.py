"""A given cluster is left as it was found."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from hack.cluster import Cluster
from hack.cluster.given import GivenCluster


def role(name: str, verb: str) -> str:
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": [verb]}
    kind = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"}
    return json.dumps({**kind, "metadata": {"name": name}, "rules": [rule]})


@pytest.fixture
def mine(cluster: Cluster) -> Iterator[str]:
    """A role that the owner of the cluster has."""
    name = f"mine-{secrets.token_hex(4)}"
    cluster.kubectl("create", "--filename=-", stdin=role(name, "get"))
    yield name
    cluster.kubectl("delete", "clusterrole", name)


def test_what_was_installed_goes_and_what_was_there_stays(cluster: Cluster, mine: str, tmp_path: Path):
    given = GivenCluster(tmp_path, cluster.kubeconfig)
    new = f"new-{secrets.token_hex(4)}"
    given.install(f"{role(mine, 'list')}\n---\n{role(new, 'list')}")
    given.install(role(new, "watch"))
    cluster.kubectl("delete", "clusterrole", mine)
    given.install(role(mine, "watch"))

    given.uninstall()

    left = cluster.kubectl("get", "clusterroles", "--output=name")
    assert new not in left
    assert mine in left
