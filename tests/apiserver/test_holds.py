"""What people hold back, read from a real API server: who wrote it, live, and closed where it cannot be read."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hack.cluster import Cluster
from homeostat.cluster.client import ApiCluster
from homeostat.cluster.clock import SystemClock
from homeostat.contracts.target import Target
from homeostat.flow.holds import HoldKind, Holds
from homeostat.observe.holds import KubernetesHolds
from tests.contract.cases.case import workload
from tests.unit.record.samples import INTENT, POLICY

TARGET = Target.model_validate({"name": "pcscf", "ref": INTENT["targets"][0]["ref"]})
SETTLE = timedelta(minutes=2)


pytestmark = pytest.mark.usefixtures("crds")


@pytest.fixture
def declared(cluster: Cluster, namespace: str) -> str:
    """An intent, a policy for it and its workload."""
    for kind, spec in (("ServiceIntent", INTENT), ("RemediationPolicy", POLICY)):
        body = {"apiVersion": "homeostat.dev/v1alpha1", "kind": kind, "metadata": {"name": "call-setup"}, "spec": spec}
        create(cluster, namespace, body)
    create(cluster, namespace, workload("Deployment", "pcscf"))
    return namespace


def create(cluster: Cluster, namespace: str, body: dict[str, Any]) -> None:
    cluster.kubectl("create", "-n", namespace, "-f", "-", stdin=json.dumps(body))


def in_minutes(minutes: float) -> str:
    return f"{datetime.now(UTC) + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"


async def read(api: ApiCluster, namespace: str, since: datetime | None = None) -> Holds:
    return await KubernetesHolds(api, SystemClock(), SETTLE).read(
        namespace, "call-setup", "call-setup", [TARGET], since
    )


def reasons(holds: Holds) -> list[str]:
    assert not holds.unknown
    return [str(hold.reason) for hold in holds.found]


async def test_nothing_holds_back_at_first(api, declared):
    assert reasons(await read(api, declared)) == []


@pytest.mark.parametrize("kind", ["serviceintent", "remediationpolicy", "namespace"])
async def test_a_switch_holds_at_the_next_read_and_names_its_writer(cluster, api, declared, kind):
    where = (kind, declared) if kind == "namespace" else (kind, "call-setup", "-n", declared)
    cluster.kubectl("annotate", *where, "homeostat.dev/stopped=true", f"homeostat.dev/paused-until={in_minutes(5)}")
    holds = await read(api, declared)
    assert reasons(holds) == ["Stopped", "Paused"]
    assert all("written by kubectl-annotate at 20" in hold.message for hold in holds.found)
    cluster.kubectl("annotate", *where, "homeostat.dev/stopped-", "homeostat.dev/paused-until-")
    assert reasons(await read(api, declared)) == []


@pytest.mark.parametrize("kind", ["deployment", "namespace"])
async def test_planned_work_is_annotated_on_a_target_or_the_namespace(cluster, api, declared, kind):
    where = (kind, declared) if kind == "namespace" else (kind, "pcscf", "-n", declared)
    marks = (f"homeostat.dev/maintenance-until={in_minutes(5)}", "homeostat.dev/maintenance-change=CHG7")
    cluster.kubectl("annotate", *where, *marks)
    (hold,) = (await read(api, declared)).found
    assert str(hold.reason) == "UnderMaintenance"
    assert "planned work CHG7" in hold.message


def window(name: str, begin: float, end: float, **more: Any) -> dict[str, Any]:
    spec = {"from": in_minutes(begin), "to": in_minutes(end), "changeId": "CHG7", **more}
    return {
        "apiVersion": "homeostat.dev/v1alpha1",
        "kind": "MaintenanceWindow",
        "metadata": {"name": name},
        "spec": spec,
    }


async def test_a_window_holds_back_those_it_names_while_it_lasts(cluster, api, declared):
    here, there = {"workloads": [INTENT["targets"][0]["ref"]]}, {"intents": {"matchNames": ["other"]}}
    for body in (
        window("now", -5, 5, **here),
        window("later", 5, 6, **here),
        window("settling", -9, -1, **here),
        window("over", -9, -3, **here),
        window("elsewhere", -5, 5, **there),
    ):
        create(cluster, declared, body)
    assert reasons(await read(api, declared)) == ["UnderMaintenance", "SettlingAfterMaintenance"]
    earlier = datetime.now(UTC) - timedelta(minutes=4)
    assert len((await read(api, declared, since=earlier)).found) == 3


async def test_a_rollout_by_another_is_seen_by_who_wrote_the_template(cluster, api, declared):
    """Nobody runs the new pods, so that the rollout stays where it is."""
    path = ("patch", "deployment", "pcscf", "-n", declared, "--type=merge")

    def patch(manager: str, value: str) -> None:
        template = {"spec": {"template": {"metadata": {"annotations": {"release": value}}}}}
        cluster.kubectl(*path, f"--field-manager={manager}", "-p", json.dumps(template))

    cluster.kubectl("wait", "deployment/pcscf", "-n", declared, "--for=jsonpath={.status.updatedReplicas}=2")
    patch("helm", "2")
    cluster.kubectl("wait", "deployment/pcscf", "-n", declared, "--for=jsonpath={.status.updatedReplicas}=1")
    (hold,) = (await read(api, declared)).found
    assert "the rollout of Deployment pcscf by helm is in progress: 1 of 3 pods are new" in hold.message
    await asyncio.sleep(1.1)  # the times of managedFields have a resolution of one second
    patch("homeostat", "3")
    assert reasons(await read(api, declared)) == []


async def test_what_may_not_be_read_holds_everything_back(connect, declared):
    holds = await read(await connect("nobody"), declared)
    assert "nobody" in holds.unknown
    assert [str(hold.reason) for kind in HoldKind if (hold := holds.of(kind))] == ["HoldsUnknown"] * 3


async def test_a_target_that_is_gone_holds_nothing_back(cluster, api, declared):
    cluster.kubectl("delete", "deployment", "pcscf", "-n", declared)
    assert reasons(await read(api, declared)) == []
