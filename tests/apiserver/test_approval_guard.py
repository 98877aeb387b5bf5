"""The proof that decisions in records are guarded, with the admission policy and without it."""

import asyncio
import time

import pytest

from hack.cluster import Cluster
from homeostat.record.approval_guard import ApprovalGuard
from tests.apiserver.fixtures import Connect
from tests.apiserver.installation import OPERATOR, install


async def test_the_proof_holds_where_the_policy_is_in_force_and_fails_where_it_is_not(
    cluster: Cluster, namespace: str, connect: Connect
):
    install(cluster)
    guard = ApprovalGuard(await connect(OPERATOR), namespace)
    assert guard.unprotected, "nothing is taken for granted before the proof"
    await guard.prove()
    assert guard.unprotected == ""

    binding = cluster.kubectl("get", "validatingadmissionpolicybindings", "--output=name").split()
    ours = [name for name in binding if "remediations" in name]
    assert len(ours) == 1
    cluster.kubectl("delete", *ours)
    try:
        await _proven(guard, "not in force")
    finally:
        install(cluster)
    await _proven(guard, "")
    assert "proof" not in cluster.kubectl("get", "remediations", "--namespace", namespace, "--output=name")


async def test_who_may_not_create_records_proves_nothing(cluster: Cluster, namespace: str, connect: Connect):
    install(cluster)
    guard = ApprovalGuard(await connect("nobody-in-particular"), namespace)
    await guard.prove()
    assert "another reason" in guard.unprotected


async def _proven(guard: ApprovalGuard, expected: str) -> None:
    """The API server takes a binding in or out within seconds."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        await guard.prove()
        if (expected in guard.unprotected) if expected else guard.unprotected == "":
            return
        await asyncio.sleep(0.2)
    pytest.fail(f"still: {guard.unprotected!r}")
