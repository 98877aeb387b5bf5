"""One action on stage: its objects on a real API server, its plan, and someone else who meddles."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar

from hack.cluster import Cluster
from hack.cluster.processes import wait_until
from homeostat.act.extensions import installed_extensions
from homeostat.act.http_calls import Allowed, HttpCalls
from homeostat.act.registry import Registry, registry
from homeostat.cluster.client import ApiCluster, WriteAnswer
from homeostat.cluster.config_history import ControllerRevisionHistory
from homeostat.contracts.actions.kinds import Risk
from homeostat.contracts.operations import Authority, Operation, Plan
from homeostat.contracts.remediation import Promise, Remediation, Terms
from homeostat.contracts.steps import Step
from homeostat.contracts.telemetry_source import TelemetrySourceSpec
from homeostat.decide.boundaries import reversal_of
from homeostat.flow.facts import CallAnswer, Occasion, Preview, Reading, Receipt, Workload
from homeostat.flow.ports import Effect, KubernetesError, NoAnswerError, NotFoundError
from homeostat.flow.resources import Body, CompiledSource, Stamp, StoredRecord
from homeostat.observe.workloads import KubernetesWorkloads
from tests.apiserver.installation import OPERATOR, manifest
from tests.contract.cases.case import ActionCase
from tests.unit.record.samples import intent_spec, spec, stored

SOURCE = CompiledSource(Stamp("ims", "site", "u", 1), TelemetrySourceSpec(url="http://prometheus.ims:9090"))
READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


@dataclass(frozen=True)
class Measured:
    """Measurements as a test states them."""

    values: Mapping[str, float]

    async def by_pod(
        self, source: CompiledSource, query: str, namespace: str, workload: Workload
    ) -> Mapping[str, float] | Reading:
        assert (source, bool(query), bool(namespace)) == (SOURCE, True, True)
        return {pod.name: self.values[pod.name] for pod in workload.pods}


def stand_in_for_kubelet(cluster: Cluster, namespace: str, pods: int, selector: str = "app=pcscf") -> None:
    """Wait until so many pods of a selector have been made, and say of each that it runs and is ready."""
    where = ("--namespace", namespace)

    def names() -> list[str]:
        listed = json.loads(cluster.kubectl("get", "pods", *where, "--selector", selector, "--output=json"))
        return [p["metadata"]["name"] for p in listed["items"] if "deletionTimestamp" not in p["metadata"]]

    wait_until(lambda: len(names()) == pods, f"{pods} pods are made", 30)
    patch = json.dumps({"status": READY})
    for name in names():
        cluster.kubectl("patch", "pod", name, *where, "--subresource=status", "--type=merge", "--patch", patch)


def plan_from(step: Step, preview: Preview) -> Plan:
    """The plan of a step that may be done at once."""
    assert preview.target is not None, preview.message
    return Plan(
        step=step.name,
        attempt=1,
        action=step.action.type,
        target=preview.target,
        field=preview.field,
        before=preview.before,
        intended=preview.intended,
        risk=Risk.LOW,
        reversal=reversal_of(step, preview),
        authority=Authority.AUTONOMOUS,
        description=preview.description,
        digest="",
    )


@dataclass
class Stage:
    """An action with its objects in a namespace."""

    case: ActionCase
    cluster: Cluster
    api: ApiCluster
    namespace: str
    intentions: tuple[Operation, ...] = ()
    """The operations that were planned last."""

    def __post_init__(self) -> None:
        for body in self.case.objects:
            self.create(body)
        _, kind, name = self.case.acted
        self.uid = self.cluster.kubectl(
            "get", kind, name, "--namespace", self.namespace, "--output=jsonpath={.metadata.uid}"
        )

    @property
    def intended(self) -> str:
        return self.case.intended.replace("{uid}", self.uid)

    @cached_property
    def record(self) -> StoredRecord:
        """The record of the act; in the cluster where the act makes something, which would go without its owner."""
        terms = {"steps": [self.case.step], "boundaries": {}, "guardrails": {}, "approval": {}, "verification": {}}
        promise = Promise(observation_period="5s", targets=[self.case.target], expectations=intent_spec().expectations)
        remediation = Remediation(spec=spec(promise=promise, terms=Terms.model_validate(terms)))
        if self.case.effect_elsewhere is None:
            return stored(remediation, namespace=self.namespace)
        # Where the chart is installed too, only the operator creates records.
        operator = self.cluster.kubeconfig_for(OPERATOR, ["system:masters"])
        body = json.loads(
            self.cluster.kubectl(
                f"--kubeconfig={operator}",
                "create",
                "--output=json",
                "--filename",
                "-",
                stdin=manifest(self.namespace, remediation.spec),
            )
        )
        return stored(remediation, namespace=self.namespace, uid=body["metadata"]["uid"])

    def registry(self, api: ApiCluster | None = None) -> Registry:
        client = api or self.api
        calls = HttpCalls(Allowed.of(self.case.origins, ["127.0.0.0/8"]))
        outside = BadCalls(calls, client) if isinstance(client, BadConnection) else calls
        history, measured = ControllerRevisionHistory(client), Measured(self.case.measured)
        return registry(client, history, measured, outside, installed_extensions())

    def create(self, body: Mapping[str, Any]) -> None:
        self.cluster.kubectl("create", "--namespace", self.namespace, "--filename", "-", stdin=json.dumps(body))
        if "status" in body:  # a create drops it, and nobody else is there to write it
            self._patch({"status": body["status"]}, "status")
        if body["kind"] == self.case.acted[1]:
            self._relive()
        if self.case.ready_pods:
            stand_in_for_kubelet(self.cluster, self.namespace, self.case.ready_pods)

    def _relive(self) -> None:
        """Make the history that the case asks for."""
        for patch in self.case.history:
            self._observed()
            self._patch(patch)
        if self.case.history:
            self._observed()

    def _observed(self) -> None:
        """Wait until the controller has seen the present generation, and so has recorded it as a revision."""
        _, kind, name = self.case.acted
        place = (kind, name, "--namespace", self.namespace)
        generation = self.cluster.kubectl("get", *place, "--output=jsonpath={.metadata.generation}")
        seen = f"--for=jsonpath={{.status.observedGeneration}}={generation}"
        self.cluster.kubectl("wait", *place, seen, "--timeout=30s")

    def _patch(self, patch: Mapping[str, Any], subresource: str = "") -> None:
        _, kind, name = self.case.acted
        below = (f"--subresource={subresource}",) if subresource else ()
        self.cluster.kubectl(
            "patch", kind, name, "--namespace", self.namespace, "--type=merge", "--patch", json.dumps(patch), *below
        )

    def delete(self) -> None:
        _, kind, name = self.case.planned
        self.cluster.kubectl("delete", kind, name, "--namespace", self.namespace, "--cascade=foreground")

    def meddle(self) -> None:
        if self.case.meddle_elsewhere is not None:
            self.case.meddle_elsewhere(self)
            return
        self._patch(self.case.meddling, self.case.subresource)

    def put_back(self) -> None:
        """Someone undoes the meddling."""
        back = self.case.subject
        self._patch({k: back[k] for k in ("metadata", "spec", "data") if k in back}, self.case.subresource)
        self._relive()

    async def body(self) -> Body:
        api_version, kind, name = self.case.acted
        return await self.api.get(api_version, kind, self.namespace, name)

    async def planned(self) -> Body:
        api_version, kind, name = self.case.planned
        return await self.api.get(api_version, kind, self.namespace, name)

    async def value(self) -> str:
        """The value in question; that of an object that an act was to end is as intended once it is gone."""
        if self.case.effect_elsewhere is not None:
            return await self.case.effect_elsewhere(self.api, self.namespace)
        try:
            body = await self.body()
        except NotFoundError:
            return self.intended
        return self.intended if self.case.ends and body["metadata"]["uid"] != self.uid else self.case.value(body)

    async def occasion(self) -> Occasion:
        workload = await KubernetesWorkloads(self.api).look(self.namespace, self.case.target)
        return Occasion(self.namespace, self.case.target, workload, SOURCE, self.case.variables)

    async def preview(self, api: ApiCluster | None = None) -> Preview:
        actuator = self.registry(api).actuator(self.case.step.action.type)
        return await actuator.preview(self.case.step, await self.occasion())

    async def plan(self) -> Plan:
        return plan_from(self.case.step, await self.preview())

    async def operations(self) -> tuple[Operation, ...]:
        actuator = self.registry().actuator(self.case.step.action.type)
        plan, at = await self.plan(), await self._after_creation()
        self.intentions = await actuator.operations(plan, self.case.step, await self.occasion(), at)
        return self.intentions

    async def _after_creation(self) -> datetime:
        """A moment in a later second than the object's creation: managedFields tell times apart by the second only."""
        created = datetime.fromisoformat((await self.body())["metadata"]["creationTimestamp"])
        async with asyncio.timeout(10):
            while datetime.now(UTC) < created + timedelta(seconds=1):
                await asyncio.sleep(0.05)
        return datetime.now(UTC)

    async def apply(self, operation: Operation, api: ApiCluster | None = None) -> Receipt:
        return await self.effect(operation, api).apply(self.namespace, operation, self.case.target)

    async def happened(self, operation: Operation) -> Receipt:
        return await self.effect(operation).happened(self.namespace, operation, self.case.target)

    def effect(self, operation: Operation, api: ApiCluster | None = None) -> Effect:
        return self.registry(api).effect(operation, self.record)


Answer = TypeVar("Answer")


class BadConnection(ApiCluster):
    """The real client on a bad connection: something happens around each of its writes."""

    before: Callable[[], Awaitable[None]] | None = None
    after: Callable[[], Awaitable[None]] | None = None
    writes = 0
    """Requests that would change something."""

    async def create(self, *args: Any, **kwargs: Any) -> WriteAnswer:
        return await self._disturbed(super().create(*args, **kwargs))

    async def merge_patch(self, *args: Any, **kwargs: Any) -> WriteAnswer:
        return await self._disturbed(super().merge_patch(*args, **kwargs))

    async def delete(self, *args: Any, **kwargs: Any) -> WriteAnswer:
        return await self._disturbed(super().delete(*args, **kwargs))

    async def evict(self, *args: Any, **kwargs: Any) -> WriteAnswer:
        return await self._disturbed(super().evict(*args, **kwargs))

    async def call_outside(self, call: Coroutine[Any, Any, CallAnswer]) -> CallAnswer:
        """The same happens around a call to somewhere else."""
        try:
            return await self._disturbed(call)
        except KubernetesError as lost:
            raise NoAnswerError(lost.message) from lost

    async def _disturbed(self, write: Coroutine[Any, Any, Answer]) -> Answer:
        self.writes += 1
        try:
            if self.before is not None:
                await self.before()
            answer = await write
        finally:
            write.close()
        if self.after is not None:
            await self.after()
        return answer


class BadCalls(HttpCalls):
    """Calls to somewhere else on the same bad connection; a GET changes nothing."""

    def __init__(self, calls: HttpCalls, connection: BadConnection) -> None:
        self._calls, self._connection = calls, connection

    def refusal(self, url: str) -> str:
        return self._calls.refusal(url)

    async def call(self, method: str, url: str, headers: Mapping[str, str], body: str | None) -> CallAnswer:
        call = self._calls.call(method, url, headers, body)
        return await call if method == "GET" else await self._connection.call_outside(call)
