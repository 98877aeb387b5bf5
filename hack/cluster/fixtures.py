"""The pytest fixtures: one control plane per run, one namespace per test.

A conftest.py takes them by name: `from hack.cluster.fixtures import cluster, namespace`.
"""

import secrets
from collections.abc import Iterator

import pytest

from hack.cluster.api import Cluster
from hack.cluster.provision import provide


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Yield a control plane, or the cluster KUBECONFIG names."""
    with provide() as provided:
        yield provided


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """Yield a namespace of the test's own; its removal is the cluster's business, nobody waits for it."""
    name = f"test-{secrets.token_hex(4)}"
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")
