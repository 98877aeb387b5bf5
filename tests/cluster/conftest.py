"""What the tests of the local cluster share."""

import pytest

from hack.cluster.fixtures import cluster, namespace

__all__ = ["cluster", "namespace"]

# The first run on a machine builds Kubernetes.
BUILD_TIMEOUT = 2400


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "cluster":
            item.add_marker(pytest.mark.timeout(BUILD_TIMEOUT))


@pytest.fixture(autouse=True)
def _local_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
