"""The stage: a cluster with the CNF, its callers, its Prometheus, and the operator; and its good order."""

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from e2e.api import Api
from e2e.cnf import IMAGE
from e2e.cnf.deploy import NAMESPACE, delete, deploy, scale, wait_ready
from e2e.follow import Follower
from e2e.load import BACKGROUND, Subscribers
from e2e.operator_process import FIELD_MANAGER, OPERATOR, Operator
from e2e.prometheus_api import Prometheus
from e2e.timeline import Timeline, Who
from hack.cluster import Cluster, ClusterError, provide
from hack.cluster.proxy import forward
from hack.installation import LIVE, install_chart, install_kinds
from hack.witness import AuditLog, Watch, Witness

MANIFESTS = Path(__file__).with_name("manifests")
ORIGINAL_TUNING = Path(__file__).with_name("cnf") / "tuning.yaml"
_POLL = 0.2
_WATCHED = {"deployments": "/apis/apps/v1", "configmaps": "/api/v1"}


@dataclass
class Stage:
    """Everything an act can lay hands on."""

    cluster: Cluster
    api: Api
    prometheus: Prometheus
    timeline: Timeline
    follower: Follower
    subscribers: Subscribers
    operator: Operator
    witness: Witness
    output: Path
    kill_each_act: bool = False
    operator_runs: bool = False

    def apply(self, manifest: str, words: Mapping[str, str] | None = None) -> None:
        """Apply one of the demo's manifests, words filled in."""
        text = (MANIFESTS / manifest).read_text()
        for word, value in (words or {}).items():
            text = text.replace(word, value)
        self.cluster.kubectl("apply", "-f", "-", stdin=text)

    def wait(self, condition: Callable[[], bool], what: str, deadline: float) -> None:
        """Wait until something is so; TimeoutError when it is not in time."""
        end = time.monotonic() + deadline
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"{what}: not so after {deadline:.0f} s")
            time.sleep(_POLL)

    def start_operator(self) -> None:
        """Install what the operator needs of the cluster, and start it."""
        if self.operator_runs:
            return
        self.timeline.say(
            Who.STAGE,
            f"installing CRDs, RBAC, the admission policy and a Live ceiling; starting the operator as {OPERATOR}",
        )
        install_kinds(self.cluster)
        install_chart(self.cluster, OPERATOR, LIVE)
        self.apply("people.yaml")
        self.apply("promise.yaml", {"PROMETHEUS": self.prometheus.address})
        self.operator.start()
        self.operator_runs = True

    def restart_after_kill(self, why: str) -> None:
        """SIGKILL the operator and start it again."""
        self.timeline.say(Who.FAULT, f"SIGKILL to the operator (process {self.operator.kill()}) {why}")
        self.operator.start()
        self.timeline.say(Who.STAGE, "the operator runs again")

    def in_order(self, replicas: int = 1) -> None:
        """Begin an act: no policy, the first tuning, so many replicas, no broken promise, nothing open."""
        self.subscribers.calm()
        if self.operator_runs:
            self.cluster.kubectl("delete", "remediationpolicies", "--all", "-n", NAMESPACE)
        if self.api.tuning() != ORIGINAL_TUNING.read_text():
            self.tune(ORIGINAL_TUNING.read_text())
        if self.api.replicas() != (replicas, replicas):
            scale(self.cluster, replicas)
            wait_ready(self.cluster, "pcscf")
        self.wait(lambda: len(self.api.edge_pods()) == replicas, f"{replicas} pods of the edge", 60)
        if self.operator_runs:
            self.wait(self._is_fulfilled, "the promise is kept before the act begins", 90)

    def tune(self, text: str) -> None:
        """Write the edge's tuning as a person would."""
        patch = json.dumps({"data": {"tuning.yaml": text}})
        self.cluster.kubectl(
            "patch",
            "-n",
            NAMESPACE,
            "configmap/pcscf-tuning",
            "--type=merge",
            f"--patch={patch}",
            "--field-manager=kubectl-edit",
        )

    def condition(self, kind: str) -> tuple[str, str, str]:
        """Status, reason and message of a condition of the intent."""
        conditions = (self.api.intent().get("status") or {}).get("conditions", [])
        found: dict[str, str] = next((c for c in conditions if c["type"] == kind), {})
        return found.get("status", ""), found.get("reason", ""), found.get("message", "")

    def _is_fulfilled(self) -> bool:
        return self.condition("Fulfilled")[0] == "True"


@contextmanager
def set_up(output: Path, timeline: Timeline, *, kill_each_act: bool) -> Iterator[Stage]:
    """Yield a stage on which calls are placed already; nothing of it is left afterwards."""

    def progress(line: str) -> None:
        timeline.say(Who.STAGE, line)

    with ExitStack() as stack:
        cluster = stack.enter_context(provide(node=True, progress=progress))
        if not cluster.is_local:
            _require_image(cluster)
        if cluster.is_kept:
            _refuse_to_share(cluster)
            stack.callback(delete, cluster)
        deploy(cluster, progress)
        address = stack.enter_context(cluster.reach(NAMESPACE, "prometheus", 9090))
        proxy, process = forward(cluster, cluster.kubeconfig, "api")
        stack.callback(process.stop)
        api = Api(proxy)
        prometheus = Prometheus(address)
        operator = Operator(cluster.folder, cluster.kubeconfig_for(OPERATOR), address)
        stack.callback(_keep_log, operator, output)
        stack.callback(operator.stop)
        follower = Follower(api, timeline)
        subscribers = Subscribers(cluster.kubectl)
        witness = _witness(cluster, proxy)
        stack.callback(witness.close)
        progress(f"witness of every write: {witness.name}")
        stack.callback(subscribers.end)
        subscribers.begin(prometheus)
        timeline.say(
            Who.CALLERS,
            f"one replica carries {subscribers.capacity} calls/s with ease; {BACKGROUND} calls/s from now on",
        )
        follower.start()
        stack.callback(follower.stop)
        yield Stage(
            cluster,
            api,
            prometheus,
            timeline,
            follower,
            subscribers,
            operator,
            witness,
            output,
            kill_each_act=kill_each_act,
        )


def _witness(cluster: Cluster, proxy: str) -> Witness:
    if cluster.audit_log is not None:
        return AuditLog(cluster.audit_log, OPERATOR, NAMESPACE)
    return Watch(proxy, NAMESPACE, _WATCHED, FIELD_MANAGER)


def _require_image(cluster: Cluster) -> None:
    nodes = cluster.kubectl("get", "nodes", "--output=jsonpath={.items[*].status.images[*].names}")
    if IMAGE not in nodes:
        raise ClusterError(
            f"the nodes of this cluster do not have the image {IMAGE}. With Docker and kind:\n"
            f"  docker build -t {IMAGE} e2e/cnf && kind load docker-image {IMAGE}"
        )


def _refuse_to_share(cluster: Cluster) -> None:
    if cluster.kubectl("get", "namespace", NAMESPACE, "--ignore-not-found", "--output=name"):
        raise ClusterError(
            f"this cluster has a namespace {NAMESPACE} already; the demo makes its own, and deletes it at the end. "
            f"If it is a leftover: kubectl delete namespace {NAMESPACE}"
        )


def _keep_log(operator: Operator, output: Path) -> None:
    if operator.log().exists():
        shutil.copy(operator.log(), output / "operator.log")
