"""What the tests on a real API server share."""

from tests.apiserver.fixtures import api, cluster, connect, crds, namespace

__all__ = ["api", "cluster", "connect", "crds", "namespace"]
