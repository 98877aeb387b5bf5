"""What the contract suites share: a real API server, and a custom resource that can be scaled."""

import json

import pytest

from hack.cluster import Cluster
from tests.contract.cases.scale import SCALABLE_CRD


@pytest.fixture(scope="session", autouse=True)
def _scalable_kind(cluster: Cluster) -> None:
    cluster.kubectl("apply", "--filename", "-", stdin=json.dumps(SCALABLE_CRD))
    name = SCALABLE_CRD["metadata"]["name"]
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", f"crd/{name}")
