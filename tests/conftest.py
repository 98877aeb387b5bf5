"""What all tests on a real API server share: one control plane per run, one namespace per test."""

from tests.apiserver.fixtures import api, cluster, connect, crds, namespace

__all__ = ["api", "cluster", "connect", "crds", "namespace"]
