"""One namespace with a CNF in it: what a test does to the CNF, and what it sees of the operator from outside."""

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import yaml

from hack.cluster import Cluster
from hack.witness import AuditLog, Watch, Witness, Write
from homeostat.contracts.common import FIELD_MANAGER
from tests.loop import manifests
from tests.loop.api import GROUPS, Api, Body, path
from tests.loop.cnf import CAPACITY, Cnf
from tests.loop.kubelet import Kubelet
from tests.loop.operator_process import OPERATOR, Operator

T = TypeVar("T")

PATIENCE = 40.0
"""Seconds for what the operator does within a few on a quiet machine."""

_LOOK_EVERY = 0.2

CALM = 0.4 * CAPACITY
"""Calls per second that one pod carries easily, and that leave headroom."""

OVERLOAD = 1.6 * CAPACITY
"""Calls per second that one pod does not carry, and two do."""

HOPELESS = 10 * CAPACITY
"""Calls per second that no permitted number of pods carries."""


CARRIERS = ("deployments", "statefulsets", "configmaps", "pods")
"""What carries the service."""

DECLARED = ("serviceintents", "remediationpolicies", "telemetrysources")
_SERVERS = frozenset({"resourceVersion", "managedFields", "creationTimestamp"})
"""Metadata that the API server keeps."""


def eventually(read: Callable[[], T], holds: Callable[[T], bool], seconds: float = PATIENCE) -> T:
    """Read until it holds; what was read last says what was wrong."""
    deadline = time.monotonic() + seconds
    while not holds(seen := read()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s; last seen: {seen}"
        time.sleep(_LOOK_EVERY)
    return seen


def throughout(read: Callable[[], T], holds: Callable[[T], bool], seconds: float) -> None:
    """Only time can show that something does not happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        seen = read()
        assert holds(seen), f"no longer so: {seen}"
        time.sleep(_LOOK_EVERY)


@dataclass
class Stage:
    """A CNF whose pods run and are scraped, and what is promised for it; nothing may be done about it yet."""

    namespace: str
    api: Api
    cluster: Cluster
    cnf: Cnf
    kubelet: Kubelet
    operator: Operator
    prometheus: str
    proxy: str
    _witness: Witness = field(init=False)

    def build(self, replicas: int) -> None:
        self.api.create("namespaces", "", {"metadata": {"name": self.namespace}})
        self._witness = self._bear_witness()
        self.api.create("configmaps", self.namespace, manifests.tuning())
        self.api.create("deployments", self.namespace, manifests.deployment(replicas))
        self.api.create("telemetrysources", self.namespace, manifests.source(self.prometheus))
        self.api.create("serviceintents", self.namespace, manifests.intent(self.namespace))

    def strike(self) -> None:
        """Take it all away; nobody waits for it."""
        self._witness.close()
        self.api.delete(path("namespaces", name=self.namespace))

    def _bear_witness(self) -> Witness:
        """The audit log, where one can be read."""
        if self.cluster.audit_log is not None:
            return AuditLog(self.cluster.audit_log, OPERATOR, self.namespace)
        watched = {resource: GROUPS[resource] for resource in (*CARRIERS, *DECLARED)}
        return Watch(self.proxy, self.namespace, watched, FIELD_MANAGER)

    def wait_until_scraped(self, replicas: int, prometheus: str = "") -> None:
        """Until Prometheus can tell the rate of every pod's calls."""
        calls = f'cnf_calls_total{{namespace="{self.namespace}"}}'
        query = f"count(sum by (pod) (rate({calls}[{manifests.WINDOW}])))"
        eventually(lambda: self._ask(prometheus or self.prometheus, query), lambda pods: pods == replicas)

    def _ask(self, prometheus: str, query: str) -> float:
        assert self.kubelet.fault is None, self.kubelet.fault
        url = f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            result = json.load(answer)["data"]["result"]
        return float(result[0]["value"][1]) if result else 0.0

    def govern(self, *policies: Body, prometheus: str = "") -> None:
        """Declare what may be done, and wait until the promise is seen kept, by this Prometheus if one is given."""
        source = path("telemetrysources", self.namespace, manifests.SOURCE)
        if prometheus:
            self.api.patch(source, {"spec": {"url": prometheus}})
        for policy in policies:
            self.api.create("remediationpolicies", self.namespace, policy)
        for policy in policies:
            status = partial(self.policy_status, policy["metadata"]["name"])
            eventually(status, lambda seen: _condition(seen, "Ready")["status"] == "True")
        eventually(self.fulfilment, lambda seen: seen == "Fulfilled")

    def spare_sessions(self, query: str, **more: str) -> None:
        """Declare what is in progress on the pods, so that they are ended one by one and drained."""
        at = path("serviceintents", self.namespace, manifests.INTENT)
        (target,) = self.api.get(at)["spec"]["targets"]
        self.api.patch(at, {"spec": {"targets": [{**target, "sessions": {"query": query, **more}}]}})

    def policy_status(self, name: str) -> Body:
        return dict(self.api.get(path("remediationpolicies", self.namespace, name)).get("status", {}))

    # What is seen of the promise.

    def intent(self) -> Body:
        return self.api.get(path("serviceintents", self.namespace, manifests.INTENT))

    def intent_status(self) -> Body:
        return dict(self.intent().get("status", {}))

    def fulfilment(self) -> str:
        return str(self.intent_status().get("fulfilment", ""))

    def condition(self, kind: str) -> Body:
        return _condition(self.intent_status(), kind)

    def events(self, reason: str) -> list[Body]:
        listed = self.api.items("events", self.namespace)
        return [e for e in listed if e["reason"] == reason and e["regarding"]["kind"] == "ServiceIntent"]

    # What is seen of the records.

    def records(self) -> list[Body]:
        return self.api.items("remediations", self.namespace)

    def record(self) -> Body:
        """The one record."""
        records = self.records()
        assert len(records) <= 1, [r["metadata"]["name"] for r in records]
        return records[0] if records else {"status": {}}

    def reach(self, phase: str, seconds: float = PATIENCE) -> Body:
        """Wait until the one record is in a phase."""
        return eventually(self.record, lambda record: phase_of(record) == phase, seconds)

    def kill_operator_in(self, phase: str, provoke: Callable[[], None]) -> None:
        """Kill the operator as soon as a record is seen in a phase."""
        self._kill_operator_once("remediations", lambda record: phase_of(record) == phase, provoke)

    def kill_operator_once_scaled(self, replicas: int, provoke: Callable[[], None]) -> None:
        """Kill the operator as soon as its effect is seen, before it can note much of it."""
        self._kill_operator_once("deployments", lambda body: body["spec"]["replicas"] == replicas, provoke)

    def _kill_operator_once(self, resource: str, seen: Callable[[Body], bool], provoke: Callable[[], None]) -> None:
        """Kill it on the first version of an object that shows it, as the API server tells it."""
        at = path(resource, self.namespace)
        version = self.api.get(at)["metadata"]["resourceVersion"]
        changes = self.api.watch(at, version, PATIENCE)
        provoke()
        for change in changes:
            if seen(change["object"]):
                self.operator.kill()
                return
        raise AssertionError(f"not seen within {PATIENCE:.0f} s; the records are {self.records()}")

    # What is seen of the CNF.

    def deployment(self) -> Body:
        return self.api.get(path("deployments", self.namespace, manifests.EDGE))

    def replicas(self) -> int:
        return int(self.deployment()["spec"]["replicas"])

    def pods(self) -> dict[str, Body]:
        return {pod["metadata"]["name"]: pod for pod in self.api.items("pods", self.namespace)}

    def tuning(self) -> str:
        return str(self.api.get(path("configmaps", self.namespace, manifests.CONFIG_MAP))["data"][manifests.KEY])

    def configure_by_hand(self, text: str) -> None:
        """A person writes the tuning and has the pods take it up."""
        self.api.patch(path("configmaps", self.namespace, manifests.CONFIG_MAP), {"data": {manifests.KEY: text}})
        self.cnf.reload(text)

    def story(self) -> str:
        """What a person needs to see why a test failed."""
        seen = {"intent": self.intent_status(), "records": self.records()}
        acts = "\n".join(map(repr, self.acts()))
        return f"{yaml.safe_dump(seen)}\n{acts}\n" + "\n".join(self.operator.log.splitlines()[-30:])

    def declarations(self) -> list[Body]:
        """What a person or a pipeline wrote: the intent and the policies without their statuses."""
        bodies = [b for kind in DECLARED for b in self.api.items(kind, self.namespace)]
        return [{"spec": b["spec"], "metadata": _own(b["metadata"])} for b in bodies]

    # What the API server tells of the operator.

    def writes(self, *resources: str) -> list[Write]:
        """Successful writes by the operator in this namespace."""
        return self._witness.writes(*resources)

    def acts(self) -> list[Write]:
        """Successful writes by the operator to anything that carries the service."""
        return self.writes(*CARRIERS, "deployments/scale", "statefulsets/scale")


def _own(metadata: Body) -> Body:
    return {key: value for key, value in metadata.items() if key not in _SERVERS}


def phase_of(record: Body) -> str:
    return str(record.get("status", {}).get("phase", ""))


def _condition(status: Body, kind: str) -> Body:
    missing: dict[str, Any] = {"status": "", "reason": "", "message": ""}
    return next((c for c in status.get("conditions", []) if c["type"] == kind), missing)
