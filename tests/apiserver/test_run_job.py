"""A runbook's Job on the real API server, under its real controller: what is awaited, and how it ended."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Any

import pytest

from hack.cluster import Cluster
from hack.cluster.certificates import Authority
from homeostat.act.in_force import GIVES_UP, NO_CAPACITY
from homeostat.act.job_manifest import OPERATION_ANNOTATION, RECORD_LABEL
from homeostat.cluster.client import ApiCluster
from homeostat.contracts.operations import Operation, OperationKind
from homeostat.flow.facts import Occasion, Workload
from homeostat.flow.ports import PlanStaleError, Telling
from tests.contract.cases import job as case
from tests.contract.stage import Stage

NODE = "stands-in"


@pytest.fixture
def stage(cluster: Cluster, crds: None, api: ApiCluster, namespace: str) -> Stage:  # noqa: ARG001 - for the record
    return Stage(case.CASES[0], cluster, api, namespace)


async def _run(stage: Stage) -> Operation:
    (operation,) = await stage.operations()
    await stage.apply(operation)
    return operation


async def _awaited(stage: Stage, operation: Operation) -> str:
    return await stage.effect(operation).in_force(stage.namespace, operation, stage.case.target)


async def _result(stage: Stage, operation: Operation) -> str:
    effect = stage.effect(operation)
    assert isinstance(effect, Telling)
    return await effect.result(stage.namespace, operation, stage.case.target)


async def _reversed(stage: Stage, operation: Operation) -> Operation | None:
    effect, at = stage.effect(operation), operation.recorded_at
    return await effect.reverse(stage.namespace, operation, stage.case.target, OperationKind.UNDO, 1, at)


async def test_the_pod_passes_the_restricted_profile_and_is_told_of_its_record(stage: Stage) -> None:
    stage.cluster.kubectl(
        "label", "namespace", stage.namespace, "pod-security.kubernetes.io/enforce=restricted", "--overwrite"
    )

    operation = await _run(stage)
    case.complete(stage)

    job = await stage.api.get("batch/v1", "Job", stage.namespace, operation.intended.removeprefix("Job/"))
    (owner,) = job["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("Remediation", stage.record.uid)
    assert job["metadata"]["annotations"][OPERATION_ANNOTATION] == operation.id
    assert job["metadata"]["labels"][RECORD_LABEL] == stage.record.name
    (pod,) = await stage.api.list("v1", "Pod", stage.namespace, f"{RECORD_LABEL}={stage.record.name}")
    told = json.loads(pod["spec"]["containers"][0]["env"][0]["value"])
    assert told["record"]["uid"] == stage.record.uid
    assert told["target"]["name"] == "pcscf"
    assert not any("token" in json.dumps(volume) for volume in pod["spec"]["volumes"])


async def test_without_a_node_the_cluster_has_no_room_for_it(stage: Stage) -> None:
    operation = await _run(stage)
    name = operation.intended.removeprefix("Job/")
    stage.cluster.kubectl(
        "wait", "--for=condition=PodScheduled=False", "pod", f"--selector=batch.kubernetes.io/job-name={name}",
        "-n", stage.namespace, "--timeout=30s",
    )  # fmt: skip

    awaited = await _awaited(stage, operation)

    assert awaited.startswith(NO_CAPACITY)
    assert "no node takes" in awaited
    assert await _result(stage, operation) == ""


async def test_a_runbook_that_completes_is_in_force(stage: Stage) -> None:
    operation = await _run(stage)
    case.complete(stage)

    assert await _awaited(stage, operation) == ""
    assert f"{operation.intended} completed with exit code 0" in await _result(stage, operation)


async def test_a_runbook_that_fails_is_never_in_force_and_tells_its_exit_code(stage: Stage) -> None:
    operation = await _run(stage)
    case.complete(stage, exit_code=3)

    awaited = await _awaited(stage, operation)

    assert awaited.startswith(f"{GIVES_UP}{operation.intended} failed (BackoffLimitExceeded")
    assert "with exit code 3" in awaited
    assert await _result(stage, operation) == awaited.removeprefix(GIVES_UP)


async def test_a_job_that_was_deleted_is_never_in_force_nor_taken_back(stage: Stage) -> None:
    operation = await _run(stage)
    stage.cluster.kubectl("delete", operation.intended, "-n", stage.namespace, "--cascade=foreground")

    assert (await _awaited(stage, operation)).startswith(GIVES_UP)
    with pytest.raises(PlanStaleError, match="is gone; what it did is left alone"):
        await _reversed(stage, operation)


async def test_a_runbook_that_runs_is_not_taken_back_meanwhile(stage: Stage) -> None:
    operation = await _run(stage)

    with pytest.raises(PlanStaleError, match="still runs"):
        await _reversed(stage, operation)


async def test_a_job_that_the_api_server_would_refuse_is_refused_with_its_words(stage: Stage) -> None:
    quota = {
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"},
        "spec": {"hard": {"count/jobs.batch": "0"}},
    }  # fmt: skip
    stage.create(quota)
    stage.cluster.kubectl("wait", "--for=jsonpath={.status.hard}", "quota/none", "-n", stage.namespace, "--timeout=30s")

    preview = await stage.preview()

    assert preview.refused == "JobRefused"
    assert "exceeded quota" in preview.message


async def test_who_may_not_create_jobs_is_told_the_verb(stage: Stage, connect: Any) -> None:
    stage.cluster.kubectl("create", "role", "looks", "-n", stage.namespace, "--verb=get", "--resource=deployments.apps")
    stage.cluster.kubectl("create", "rolebinding", "looks", "-n", stage.namespace, "--role=looks", "--user=looker")
    actuator = stage.registry(await connect("looker")).actuator(stage.case.step.action.type)
    occasion = Occasion(stage.namespace, stage.case.target, Workload("pcscf", exists=True))

    preview = await actuator.preview(stage.case.step, occasion)

    assert preview.refused == "Forbidden"
    assert "verb create on jobs.batch" in preview.message


async def test_the_last_lines_are_in_the_result(stage: Stage) -> None:
    if not stage.cluster.is_local:
        pytest.skip("a stand-in for the kubelet needs the cluster's own authority")
    lines = [f"line {number} \x1b[31m{'x' * 300}" for number in range(12)]
    with _kubelet(stage.cluster, "\n".join(lines)):
        operation = await _run(stage)
        name = operation.intended.removeprefix("Job/")
        pods = f"--selector=batch.kubernetes.io/job-name={name}"
        stage.cluster.kubectl("wait", "--for=create", "pod", pods, "-n", stage.namespace, "--timeout=30s")
        (pod,) = await stage.api.list("v1", "Pod", stage.namespace, f"batch.kubernetes.io/job-name={name}")
        binding = {
            "apiVersion": "v1", "kind": "Binding", "metadata": {"name": pod["metadata"]["name"]},
            "target": {"apiVersion": "v1", "kind": "Node", "name": NODE},
        }  # fmt: skip
        path = f"/api/v1/namespaces/{stage.namespace}/pods/{pod['metadata']['name']}/binding"
        stage.cluster.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(binding))
        case.complete(stage, exit_code=1)

        result = await _result(stage, operation)

    assert "line 11" in result
    assert "line 1 " not in result
    assert "\x1b" not in result
    assert len(result) <= 1000
    assert max(len(line) for line in result.partition("Last lines: ")[2].split(" | ")) <= 200


@contextmanager
def _kubelet(cluster: Cluster, log: str) -> Iterator[None]:
    """A node of which nothing is there but its answer to the API server that asks for a log."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.path.partition("?")
            ok = asked[0].startswith("/containerLogs/") and asked[0].endswith("/runbook") and "tailLines=10" in asked[2]
            self.send_response(200 if ok else 404)
            self.end_headers()
            self.wfile.write("\n".join(log.splitlines()[-10:]).encode())

        def log_message(self, *_: object) -> None:
            pass

    pair = Authority(cluster.folder / "pki", "ca").serve("kubelet-stand-in", ["127.0.0.1"])
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
        thread.start()
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}, "spec": {"unschedulable": True}}
        cluster.kubectl("create", "-f", "-", stdin=json.dumps(node))
        status = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": server.server_address[1]}},
        }
        try:
            cluster.kubectl(
                "patch", "node", NODE, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status})
            )
            yield
        finally:
            cluster.kubectl("delete", "node", NODE)
            server.shutdown()
            thread.join()
