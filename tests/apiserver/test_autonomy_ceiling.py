"""The ceiling on a real API server: whose it is, what it takes, and what is read of it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from hack.cluster import Cluster, ClusterError
from homeostat.contracts.remediation_policy import Mode
from homeostat.decide.levels import effective_autonomy, why_stopped
from homeostat.flow.resources import CompiledCeiling, Refusal
from homeostat.intake.ceiling import Ceilings
from tests.apiserver.fixtures import Connect
from tests.apiserver.installation import OPERATOR, install, refusal

OWNER = "owner"
STOP = {"by": "alice", "reason": "match day"}


@pytest.fixture(scope="module", autouse=True)
def installed(cluster: Cluster) -> None:
    install(cluster)


@pytest.fixture
def as_shipped(cluster: Cluster) -> Iterator[None]:
    """The ceiling of the chart, put back afterwards."""
    told = json.loads(cluster.kubectl("get", "ceiling", "cluster", "-o", "json"))
    yield
    cluster.kubectl("delete", "ceiling", "cluster", "--ignore-not-found")
    cluster.kubectl("create", "-f", "-", stdin=document(told["spec"]))


def document(spec: dict[str, Any], name: str = "cluster") -> str:
    return json.dumps(
        {
            "apiVersion": "homeostat.dev/v1alpha1",
            "kind": "AutonomyCeiling",
            "metadata": {"name": name},
            "spec": spec,
        }
    )


def patch(cluster: Cluster, spec: dict[str, Any], user: str | None = None) -> str:
    return cluster.kubectl("patch", "ceiling", "cluster", "--type=merge", "-p", json.dumps({"spec": spec}), user=user)


def test_it_is_shipped_as_shadow_and_its_columns_tell(cluster):
    header, row = cluster.kubectl("get", "ceiling").splitlines()
    assert header.split() == ["NAME", "MODE", "LEVEL", "STOPPED", "AGE"]
    assert row.split()[:3] == ["cluster", "Shadow", "3"]


@pytest.mark.usefixtures("as_shipped")
def test_a_ceiling_that_says_nothing_is_safe(cluster):
    cluster.kubectl("delete", "ceiling", "cluster")
    told = cluster.kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", stdin=document({}))
    assert json.loads(told)["spec"] == {"mode": "Shadow", "autonomyLevel": 3, "rate": {"limit": 20, "per": "1m"}}


@pytest.mark.parametrize("role", ["admin", "edit", "homeostat-view", "homeostat-approver"])
def test_no_role_of_a_namespace_writes_it(cluster, namespace, role):
    cluster.kubectl("create", "rolebinding", "role", "-n", namespace, f"--clusterrole={role}", f"--user={OWNER}")
    for verb in ("get", "create", "update", "patch", "delete"):
        assert may(cluster, OWNER, verb, namespace) == "no"


def may(cluster: Cluster, user: str, verb: str, namespace: str) -> str:
    """Whether a user may do this to the ceiling: yes or no."""
    try:
        told = cluster.kubectl("auth", "can-i", verb, "autonomyceilings.homeostat.dev", "-n", namespace, user=user)
    except ClusterError as error:
        told = str(error)
    return "yes" if "yes" in told.split() else "no"


def test_a_namespace_administrator_is_refused(cluster, namespace):
    cluster.kubectl("create", "rolebinding", "owner", "-n", namespace, "--clusterrole=admin", f"--user={OWNER}")
    change = json.dumps({"spec": {"mode": "Live"}})
    told = refusal(cluster, "patch", "ceiling", "cluster", "--type=merge", "-p", change, user=OWNER)
    assert "forbidden" in told
    assert "forbidden" in refusal(cluster, "delete", "ceiling", "cluster", user=OWNER)


def test_the_operator_reads_it_and_cannot_write_it(cluster, namespace):
    assert [may(cluster, OPERATOR, verb, namespace) for verb in ("get", "list", "watch")] == ["yes"] * 3
    for verb in ("create", "update", "patch", "delete"):
        assert may(cluster, OPERATOR, verb, namespace) == "no"


@pytest.mark.parametrize(
    ("spec", "name", "said"),
    [
        ({}, "mine", "there is one ceiling, and its name is cluster"),
        ({"mode": "Fast"}, "cluster", "spec.mode"),
        ({"autonomyLevel": 6}, "cluster", "spec.autonomyLevel"),
        ({"autonomyLevel": -1}, "cluster", "spec.autonomyLevel"),
        ({"never": [{}]}, "cluster", "an empty rule matches nothing"),
        ({"never": [{"risk": "High"}] * 17}, "cluster", "spec.never"),
        ({"rate": {"limit": 0}}, "cluster", "spec.rate.limit"),
        ({"rate": {"per": "soon"}}, "cluster", "spec.rate.per"),
        ({"stop": {"reason": "match day"}}, "cluster", "spec.stop.by"),
        ({"stop": {"by": "alice"}}, "cluster", "spec.stop.reason"),
        ({"stop": {"by": "alice", "reason": ""}}, "cluster", "spec.stop.reason"),
    ],
)
def test_a_bad_ceiling_is_refused_with_the_field_named(cluster, spec, name, said):
    bad = document(spec, name)
    assert said in refusal(cluster, "create", "--dry-run=server", "--validate=false", "-f", "-", stdin=bad)


@pytest.mark.usefixtures("as_shipped")
async def test_what_is_read_is_what_the_api_server_has_now(cluster: Cluster, connect: Connect) -> None:
    ceilings = Ceilings(await connect(OPERATOR))
    patch(cluster, {"mode": "Live", "autonomyLevel": 4})
    live = await ceilings.read()
    assert isinstance(live, CompiledCeiling)
    assert (live.spec.mode, live.spec.autonomy_level, why_stopped(live.spec)) == (Mode.LIVE, 4, "")

    patch(cluster, {"stop": STOP})
    stopped = await ceilings.read()
    assert isinstance(stopped, CompiledCeiling)
    assert "alice stopped all writes" in why_stopped(stopped.spec)


@pytest.mark.usefixtures("as_shipped")
async def test_without_one_it_is_shadow_and_said(cluster: Cluster, connect: Connect) -> None:
    cluster.kubectl("delete", "ceiling", "cluster")
    found = await Ceilings(await connect(OPERATOR)).read()
    assert isinstance(found, Refusal)
    autonomy = effective_autonomy(found, None, 5, Mode.LIVE, None)
    assert (autonomy.level, autonomy.reason, autonomy.stopped) == (1, "CeilingMissing", "")


async def test_one_that_may_not_be_read_may_say_stop(connect: Connect) -> None:
    found = await Ceilings(await connect("stranger")).read()
    assert isinstance(found, Refusal)
    autonomy = effective_autonomy(found, None, 5, Mode.LIVE, None)
    assert (autonomy.level, autonomy.reason) == (1, "CeilingUnreadable")
    assert "stop switch may be set" in autonomy.stopped


@pytest.mark.usefixtures("as_shipped")
async def test_a_rule_that_cannot_be_understood_makes_it_unreadable(cluster: Cluster, connect: Connect) -> None:
    patch(cluster, {"never": [{"if": "target.replica > 1"}]})
    found = await Ceilings(await connect(OPERATOR)).read()
    assert isinstance(found, Refusal)
    assert found.reason == "CeilingUnreadable"
    assert "spec.never[0].if" in found.message
