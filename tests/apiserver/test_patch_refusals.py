"""What a patch cannot do is refused with a reason and a way out, after a dry run that changes nothing."""

import json
from dataclasses import replace
from typing import Any

import pytest

from hack.cluster import Cluster
from homeostat.act.plan_patch import PatchActuator
from homeostat.cluster.client import ApiCluster
from homeostat.flow.facts import Occasion, Preview, Workload
from tests.apiserver import foreign_kinds
from tests.contract.cases.case import workload
from tests.contract.cases.patch import AUTOSCALER, HTTP_ROUTE, TARGET, VIRTUAL_SERVICE, patch_step

PRIORITY = {
    "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
    "kind": "FlowSchema",
    "metadata": {"name": "catch-all"},
}


@pytest.fixture(scope="module", autouse=True)
def _foreign_kinds(cluster: Cluster) -> None:
    foreign_kinds.install(cluster)


class Bench:
    def __init__(self, cluster: Cluster, api: ApiCluster, namespace: str) -> None:
        self.cluster, self.api, self.namespace = cluster, api, namespace
        for body in (workload("Deployment", "pcscf"), AUTOSCALER, HTTP_ROUTE, VIRTUAL_SERVICE):
            cluster.kubectl("create", "-n", namespace, "-f", "-", stdin=json.dumps(body))

    async def preview(
        self, body: dict[str, Any], *, api: ApiCluster | None = None, replicas: int | None = None, **values: str
    ) -> Preview:
        return await self.of(body, {f"/spec/{path}": value for path, value in values.items()}, api, replicas)

    async def of(
        self, body: dict[str, Any], values: dict[str, str], api: ApiCluster | None = None, replicas: int | None = None
    ) -> Preview:
        seen = replace(Workload("pcscf", exists=True), replicas=replicas)
        return await PatchActuator(api or self.api).preview(
            patch_step(body, values), Occasion(self.namespace, TARGET, seen)
        )


@pytest.fixture
def bench(cluster: Cluster, api: ApiCluster, namespace: str) -> Bench:
    return Bench(cluster, api, namespace)


async def test_what_lives_outside_namespaces(bench: Bench) -> None:
    preview = await bench.preview(PRIORITY, matchingPrecedence="9000")

    assert preview.refused == "ClusterScoped"
    assert "by hand" in preview.message


@pytest.mark.parametrize(
    ("body", "values", "reason", "said"),
    [
        (AUTOSCALER, {"/spec/minReplicas": "many"}, "ValueRefused", "the API server refuses"),
        (AUTOSCALER, {"/spec/minReplicas": "7"}, "ValueRefused", "maxReplicas"),
        (AUTOSCALER, {"/spec/minReplica": "3"}, "ValueNotKept", "no such field"),
        (AUTOSCALER, {"/spec/behavior/scaleDown/selectPolicy": "Disabled"}, "ParentNotFound", "add its parent by hand"),
        (AUTOSCALER, {"/spec/scaleTargetRef": "x"}, "NotAScalar", "name a scalar"),
        (HTTP_ROUTE, {"/spec/rules/0/backendRefs/[name=v3]/weight": "1"}, "ItemNotFound", "no item fits"),
        (VIRTUAL_SERVICE, {"/spec/http/0/route/[destination.host=portal]/weight": "1"}, "ItemAmbiguous", "2 items fit"),
        (
            HTTP_ROUTE,
            {"/spec/rules/0/backendRefs/0/weight": "1", "/spec/rules/0/backendRefs/[name=v1]/weight": "2"},
            "FieldNamedTwice",
            "name it once",
        ),
        (
            AUTOSCALER,
            {f"/metadata/annotations/example.org~1{n}": "x" * 300 for n in range(4)},
            "TooLongForRecord",
            "split the step",
        ),
    ],
)
async def test_what_the_object_cannot_be(
    bench: Bench, body: dict[str, Any], values: dict[str, str], reason: str, said: str
) -> None:
    preview = await bench.of(body, values)

    assert preview.refused == reason, preview.message
    assert said in preview.message


async def test_a_value_that_is_stored_in_another_form(bench: Bench) -> None:
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "AverageValue", "averageValue": "1"}}}
    body = {**AUTOSCALER, "metadata": {"name": "by-cpu"}, "spec": {**AUTOSCALER["spec"], "metrics": [metric]}}
    bench.cluster.kubectl("create", "-n", bench.namespace, "-f", "-", stdin=json.dumps(body))
    path = "/spec/metrics/[type=Resource]/resource/target/averageValue"

    preview = await bench.of(body, {path: "2000m"})

    assert preview.refused == "ValueNotKept"
    assert "store '2'" in preview.message
    assert (await bench.of(body, {path: "'2'"})).refused == ""


async def test_a_ceiling_that_would_end_instances(bench: Bench) -> None:
    preview = await bench.preview(AUTOSCALER, replicas=5, maxReplicas="4")

    assert preview.refused == "WouldEndInstances"
    assert "1 of 5 instances" in preview.message
    assert (await bench.preview(AUTOSCALER, replicas=4, maxReplicas="4")).refused == ""


async def test_what_has_the_values_already(bench: Bench) -> None:
    preview = await bench.preview(AUTOSCALER, minReplicas="2", maxReplicas="6")

    assert (preview.already, preview.refused) == (True, "")


async def test_only_the_fields_that_differ_are_planned(bench: Bench) -> None:
    preview = await bench.preview(AUTOSCALER, minReplicas="2", maxReplicas="8")

    assert (preview.field, preview.before, preview.intended) == (
        "/spec/maxReplicas",
        '{"/spec/maxReplicas":6}',
        '{"/spec/maxReplicas":8}',
    )
    assert preview.description == "patch HorizontalPodAutoscaler/pcscf for pcscf: /spec/maxReplicas 6 -> 8"


async def test_without_the_right_to_patch_the_chart_is_named(bench: Bench, connect: Any) -> None:
    user = f"reader-{bench.namespace}"
    rule = ("--verb=get", "--resource=horizontalpodautoscalers.autoscaling")
    bench.cluster.kubectl("create", "role", "reader", "-n", bench.namespace, *rule)
    bench.cluster.kubectl("create", "rolebinding", "reader", "-n", bench.namespace, "--role=reader", f"--user={user}")

    preview = await bench.preview(AUTOSCALER, api=await connect(user), minReplicas="3")

    assert preview.refused == "Forbidden"
    assert "patch.rules of the chart's values" in preview.message
