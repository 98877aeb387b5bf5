"""A real Kubernetes cluster anywhere: the one a kubeconfig names, or a local one that needs no container engine."""

from hack.cluster.api import Cluster
from hack.cluster.errors import ClusterError
from hack.cluster.provision import down, print_to_stderr, provide, up

__all__ = ["Cluster", "ClusterError", "down", "print_to_stderr", "provide", "up"]
