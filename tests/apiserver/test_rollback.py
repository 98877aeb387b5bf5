"""Going back to an earlier revision as the real controllers keep them, and what is refused."""

import asyncio
import contextlib
import json
import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from hack.cluster import Cluster, ClusterError
from homeostat.act.registry import Registry, registry
from homeostat.cluster.client import ApiCluster
from homeostat.cluster.config_history import ControllerRevisionHistory
from homeostat.contracts.actions.kinds import Risk
from homeostat.contracts.operations import MOST_ENDED, Authority, Operation, OperationKind, OperationState, Plan
from homeostat.contracts.steps import Step
from homeostat.contracts.target import Target
from homeostat.flow.facts import Occasion, Preview, Workload
from homeostat.flow.ports import PlanStaleError
from homeostat.flow.resources import Body
from homeostat.record.kubectl import commands
from tests.apiserver.fixtures import Connect
from tests.apiserver.installation import OPERATOR, install
from tests.contract.cases.case import workload
from tests.contract.cases.rollback import with_image
from tests.contract.stage import Measured
from tests.unit.record.samples import spec

KINDS = ("Deployment", "StatefulSet", "DaemonSet")
STEP = Step.model_validate({"name": "s", "action": {"rollback": {"target": "pcscf"}}})


class Bench:
    def __init__(self, cluster: Cluster, api: ApiCluster, namespace: str) -> None:
        self.cluster, self.api, self.namespace, self.kind = cluster, api, namespace, "Deployment"
        self.sessions: dict[str, Any] = {}
        self.registry: Registry = registry(api, ControllerRevisionHistory(api), Measured({}))

    @property
    def target(self) -> Target:
        ref = {"apiVersion": "apps/v1", "kind": self.kind, "name": "pcscf"}
        return Target.model_validate({"name": "pcscf", "ref": ref, **self.sessions})

    def occasion(self) -> Occasion:
        return Occasion(self.namespace, self.target, Workload("pcscf", exists=True))

    def kubectl(self, *args: str, stdin: str | None = None) -> str:
        return self.cluster.kubectl(*args, "--namespace", self.namespace, stdin=stdin)

    async def create(self, kind: str = "Deployment", **more: Any) -> None:
        self.kind, body = kind, workload(kind, "pcscf")
        body["spec"].update(more)
        self.kubectl("create", "--filename", "-", stdin=json.dumps(body))
        await self.settled()

    async def release(self, tag: int) -> None:
        await self.changed(lambda: self.kubectl("patch", self.kind, "pcscf", "--patch", json.dumps(with_image(tag))))

    async def changed(self, change: Callable[[], Any]) -> None:
        """Change something in a later second than the last revision: their ages are told apart by the second."""
        second = datetime.now(UTC).replace(microsecond=0)
        async with asyncio.timeout(10):
            while datetime.now(UTC).replace(microsecond=0) == second:
                await asyncio.sleep(0.05)
        await asyncio.to_thread(change)
        await self.settled()

    async def settled(self) -> None:
        async with asyncio.timeout(30):
            while True:
                body = await self.body()
                if body.get("status", {}).get("observedGeneration") == body["metadata"]["generation"]:
                    return
                await asyncio.sleep(0.1)

    async def body(self) -> Body:
        return await self.api.get("apps/v1", self.kind, self.namespace, "pcscf")

    async def image(self) -> str:
        return str((await self.body())["spec"]["template"]["spec"]["containers"][0]["image"])

    async def preview(self) -> Preview:
        actuator = self.registry.actuator(STEP.action.type)
        return await actuator.preview(STEP, self.occasion())

    async def operation(self) -> Operation:
        preview = await self.preview()
        assert preview.target is not None, preview.message
        plan = Plan(
            step="s", attempt=1, action=STEP.action.type, target=preview.target, field=preview.field,
            before=preview.before, intended=preview.intended, risk=Risk.MEDIUM, authority=Authority.AUTONOMOUS,
            description=preview.description, digest="",
        )  # fmt: skip
        actuator = self.registry.actuator(STEP.action.type)
        (operation,) = await actuator.operations(plan, STEP, self.occasion(), datetime.now(UTC))
        return operation

    async def apply(self, operation: Operation) -> None:
        receipt = await self.registry.effect(operation).apply(self.namespace, operation, self.target)
        assert receipt.state is OperationState.APPLIED, receipt.message
        await self.settled()

    async def run(self, pods: int) -> set[str]:
        """Have the pods start, as their kubelets would; gives their names."""
        status = json.dumps({"status": {"phase": "Running"}})
        async with asyncio.timeout(30):
            while len(found := await self.api.list("v1", "Pod", self.namespace, "app=pcscf")) < pods:
                await asyncio.sleep(0.1)
        for pod in found:
            self.kubectl("patch", "pod", pod["metadata"]["name"], "--subresource=status", "--patch", status)
        return {pod["metadata"]["name"] for pod in found}

    async def reverse(self, operation: Operation) -> Operation | None:
        effect = self.registry.effect(operation)
        return await effect.reverse(self.namespace, operation, self.target, OperationKind.UNDO, 1, datetime.now(UTC))


@pytest.fixture(scope="module", autouse=True)
def installed(cluster: Cluster) -> None:
    install(cluster)


@pytest.fixture
async def bench(cluster: Cluster, connect: Connect, namespace: str) -> Bench:
    """A namespace to act in with the rights that the chart gives the operator, and no more."""
    return Bench(cluster, await connect(OPERATOR), namespace)


def numbered(revision: Body, number: str) -> bool:
    return bool(revision["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == number)


@pytest.mark.parametrize("kind", KINDS)
async def test_there_and_back_leaves_the_very_templates(bench: Bench, kind: str) -> None:
    await bench.create(kind)
    first = (await bench.body())["spec"]["template"]
    more = with_image(2)
    more["spec"]["template"]["metadata"]["annotations"] = {"team": "ims"}
    more["spec"]["template"]["spec"]["containers"].append({"name": "extra", "image": "localhost/none:9"})
    await bench.changed(lambda: bench.kubectl("patch", kind, "pcscf", "--patch", json.dumps(more)))
    second = (await bench.body())["spec"]["template"]

    preview = await bench.preview()
    operation = await bench.operation()
    await bench.apply(operation)

    assert preview.description == (
        f"roll back {kind}/pcscf from revision 2 to revision 1 (main: localhost/none:2 -> localhost/none:1); a rollout "
        "restarts its pods"
    )
    assert (await bench.body())["spec"]["template"] == first
    undo = await bench.reverse(operation)
    assert undo is not None
    await bench.apply(undo)
    assert (await bench.body())["spec"]["template"] == second
    kept = await bench.api.list(
        "apps/v1", "ReplicaSet" if kind == "Deployment" else "ControllerRevision", bench.namespace, "app=pcscf"
    )
    assert len(kept) == 2, "the controller knows both again"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_revision_that_was_gone_back_to_is_not_gone_back_from(bench: Bench, kind: str) -> None:
    await bench.create(kind)
    await bench.release(2)
    await bench.apply(await bench.operation())

    ours = await bench.preview()
    await bench.release(3)
    fresh = await bench.preview()
    await bench.changed(lambda: bench.kubectl("rollout", "undo", f"{kind.lower()}/pcscf"))
    a_persons = await bench.preview()

    assert (ours.refused, a_persons.refused) == ("RevisionIsRollback", "RevisionIsRollback")
    assert "revision 3" in ours.message
    assert (fresh.refused, fresh.before, fresh.intended) == ("", "revision 4", "revision 3")


@pytest.mark.parametrize("kind", KINDS)
async def test_there_must_be_one_to_go_back_to_and_a_restart_is_none(bench: Bench, kind: str) -> None:
    await bench.create(kind)
    assert (await bench.preview()).refused == "NoPreviousRevision"

    await bench.changed(lambda: bench.kubectl("rollout", "restart", f"{kind.lower()}/pcscf"))
    assert (await bench.preview()).refused == "NoPreviousRevision"

    await bench.release(2)
    await bench.changed(lambda: bench.kubectl("rollout", "restart", f"{kind.lower()}/pcscf"))
    preview = await bench.preview()
    assert (preview.before, preview.intended) == ("revision 4", "revision 2")


async def test_what_keeps_no_revisions(bench: Bench) -> None:
    body = workload("ReplicaSet", "pcscf")
    bench.kind = "ReplicaSet"
    bench.kubectl("create", "--filename", "-", stdin=json.dumps(body))

    assert (await bench.preview()).refused == "NoRevisionsKept"


async def test_what_would_not_be_rolled_out(bench: Bench) -> None:
    await bench.create("Deployment", paused=True)
    assert (await bench.preview()).refused == "Paused"

    await bench.create("StatefulSet", updateStrategy={"type": "OnDelete"})
    assert (await bench.preview()).refused == "NotRestartable"


async def test_a_revision_that_is_kept_no_longer_cannot_be_returned_to(bench: Bench) -> None:
    await bench.create()
    await bench.release(2)
    operation = await bench.operation()
    await bench.apply(operation)
    left = await bench.api.list("apps/v1", "ReplicaSet", bench.namespace, "app=pcscf")
    bench.kubectl("delete", "replicaset", *(r["metadata"]["name"] for r in left if numbered(r, "2")))

    with pytest.raises(PlanStaleError, match="keeps the pod template of revision 2 no longer"):
        await bench.reverse(operation)


async def test_a_revision_that_goes_after_the_plan_voids_it(bench: Bench) -> None:
    await bench.create()
    await bench.release(2)
    operation = await bench.operation()
    kept = await bench.api.list("apps/v1", "ReplicaSet", bench.namespace, "app=pcscf")
    bench.kubectl("delete", "replicaset", *(r["metadata"]["name"] for r in kept if numbered(r, "1")))

    receipt = await bench.registry.effect(operation).apply(bench.namespace, operation, bench.target)

    assert receipt.state is OperationState.VOID
    assert "keeps the pod template of revision 1 no longer" in receipt.message
    assert await bench.image() == "localhost/none:2"


async def test_a_rollback_is_in_force_once_it_is_rolled_out(bench: Bench) -> None:
    await bench.create()
    await bench.release(2)
    operation = await bench.operation()
    await bench.apply(operation)
    effect = bench.registry.effect(operation)

    async def awaited() -> str:
        return await effect.in_force(bench.namespace, operation, bench.target)

    assert await awaited() != ""
    ready = json.dumps({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}})
    async with asyncio.timeout(30):
        while await awaited():
            for pod in await bench.api.list("v1", "Pod", bench.namespace, "app=pcscf"):
                with contextlib.suppress(ClusterError):  # a pod of the template that was left may go meanwhile
                    bench.kubectl("patch", "pod", pod["metadata"]["name"], "--subresource=status", "--patch", ready)

    await bench.release(3)
    assert "was changed since" in await awaited()
    assert (await effect.happened(bench.namespace, operation, bench.target)).state is OperationState.UNKNOWN


async def test_the_pods_that_run_are_drained_first_there_and_back(bench: Bench) -> None:
    await bench.create()
    await bench.release(2)
    started = await bench.run(2)

    operation = await bench.operation()
    await bench.apply(operation)
    undo = await bench.reverse(operation)

    assert undo is not None
    for done in (operation, undo):
        assert done.ends
        assert set(done.ends) <= started, "only what runs is drained"


async def test_more_pods_with_sessions_than_can_be_drained_for_one_act(bench: Bench) -> None:
    await bench.create(replicas=MOST_ENDED + 1)
    await bench.release(2)
    await bench.run(MOST_ENDED + 1)
    assert (await bench.preview()).refused == ""

    bench.sessions = {"sessions": {"query": 'sum(calls{pod=~"$pods"})'}}
    preview = await bench.preview()

    assert (preview.refused, "pods with sessions" in preview.message) == ("TooManyPods", True)


async def test_a_stateful_set_that_waits_for_a_pod_says_how_to_help_it(bench: Bench) -> None:
    await bench.create("StatefulSet", podManagementPolicy="OrderedReady")
    await bench.release(2)
    operation = await bench.operation()
    await bench.apply(operation)

    waiting = await bench.registry.effect(operation).in_force(bench.namespace, operation, bench.target)

    assert waiting.endswith("is not replaced by its StatefulSet: delete it")


@pytest.mark.parametrize("kind", KINDS)
async def test_the_commands_in_the_record_do_the_same_and_take_it_back(bench: Bench, kind: str) -> None:
    await bench.create(kind)
    await bench.release(2)
    wording = commands(bench.namespace, await bench.operation(), spec())

    for command, expected in ((wording.do, "localhost/none:1"), (wording.undo, "localhost/none:2")):
        bench.cluster.kubectl(*shlex.split(command)[1:])
        assert await bench.image() == expected, command
        await bench.settled()
