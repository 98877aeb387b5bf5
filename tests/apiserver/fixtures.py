"""Fixtures of the tests that need a real API server; a conftest.py takes them by name."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from hack.cluster import Cluster
from hack.cluster.fixtures import cluster, namespace
from hack.installation import install_kinds
from homeostat.cluster.client import ApiCluster

__all__ = ["api", "cluster", "connect", "crds", "namespace"]

Connect = Callable[..., Awaitable[ApiCluster]]
"""``await connect()`` as administrator, ``await connect("alice", "group")`` as a user."""


@pytest.fixture(scope="session")
def crds(cluster: Cluster) -> None:
    """Install the project's custom resources."""
    install_kinds(cluster)


@pytest.fixture
async def connect(cluster: Cluster) -> AsyncIterator[Connect]:
    """Yield a function that connects the operator's client; the clients live on the test's own event loop."""
    made: list[ApiCluster] = []

    async def as_user(user: str | None = None, *groups: str) -> ApiCluster:
        kubeconfig = cluster.kubeconfig if user is None else cluster.kubeconfig_for(user, groups)
        made.append(await ApiCluster.connect(kubeconfig))
        return made[-1]

    yield as_user
    for client in made:
        await client.close()


@pytest.fixture
async def api(connect: Connect) -> ApiCluster:
    """The operator's client as administrator."""
    return await connect()
