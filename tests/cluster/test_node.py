import json
import os
import socket
import sys
import threading
import urllib.request
from collections.abc import Iterator
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from hack.cluster import Cluster, ClusterError, packages, print_to_stderr, provide
from hack.cluster.addresses import HOST, NODE_NAME
from hack.cluster.images import write_image
from hack.cluster.processes import marked, wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a real node needs root")

IMAGE = "localhost/box:1"


@pytest.fixture(scope="module")
def node() -> Iterator[Cluster]:
    packages.ensure({"/usr/bin/busybox": "busybox-static"}, "this test", print_to_stderr)
    with provide(node=True) as cluster:
        archive = cluster.folder / "box.tar"
        programs = {"/busybox": Path("/usr/bin/busybox"), "/kubectl": Path(sys.executable).with_name("kubectl")}
        cluster.load_image(write_image(archive, IMAGE, programs))
        items = [
            _pod("web", "/busybox mkdir /www; echo hello >/www/index.html; /busybox httpd -f -p 8080 -h /www"),
            _pod("busy", "while true; do :; done"),
            _service("web", 8080),
        ]
        cluster.kubectl("apply", "--filename=-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        cluster.kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s", timeout=70)
        yield cluster


def test_host_reaches_a_service(node: Cluster) -> None:
    with node.reach("default", "web", 8080) as url:
        assert urllib.request.urlopen(url, timeout=10).read() == b"hello\n"


def test_host_reaches_a_pod(node: Cluster) -> None:
    address = node.kubectl("get", "pod", "web", "--output=jsonpath={.status.podIP}")
    assert urllib.request.urlopen(f"http://{address}:8080", timeout=10).read() == b"hello\n"


def test_service_carries_udp_both_ways(node: Cluster) -> None:
    # This host plays the pod: the image has no program that speaks UDP.
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pod,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer,
    ):
        pod.bind((HOST, 0))
        port = pod.getsockname()[1]
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "udp"}}
        ports = [{"port": 5060, "targetPort": port, "protocol": "UDP"}]
        slices = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": "udp", "labels": {"kubernetes.io/service-name": "udp"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [HOST]}],
            "ports": [{"port": port, "protocol": "UDP"}],
        }
        node.kubectl("apply", "--filename=-", stdin=json.dumps({**service, "spec": {"ports": ports}}))
        node.kubectl("apply", "--filename=-", stdin=json.dumps(slices))
        address = node.kubectl("get", "service", "udp", "--output=jsonpath={.spec.clusterIP}")
        pod.settimeout(0.5)
        peer.settimeout(5)
        peer.connect((address, 5060))

        def arrived() -> bool:
            try:
                peer.send(b"ping")
                data, sender = pod.recvfrom(100)
            except OSError:
                return False
            pod.sendto(data + b" pong", sender)
            return True

        wait_until(arrived, "the datagram arrived", 20)
        assert peer.recv(100) == b"ping pong"


@pytest.mark.parametrize("pod", ["busy", "web"], ids=["another pod", "the pod itself"])
def test_pod_reaches_a_service(node: Cluster, pod: str) -> None:
    address = node.kubectl("get", "service", "web", "--output=jsonpath={.spec.clusterIP}")
    with node.reach("default", "web", 8080):
        said = node.kubectl("exec", pod, "--", "/busybox", "wget", "-q", "-O", "-", f"http://{address}:8080")
    assert said == "hello\n"


def test_pod_reaches_the_api_with_its_account(node: Cluster) -> None:
    said = json.loads(node.kubectl("exec", "busy", "--", "/kubectl", "auth", "whoami", "--output=json"))
    assert said["status"]["userInfo"]["username"] == "system:serviceaccount:default:default"


def test_pod_reaches_a_process_of_this_host(node: Cluster) -> None:
    with HTTPServer((HOST, 0), SimpleHTTPRequestHandler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        address = f"http://{HOST}:{server.server_port}/pyproject.toml"
        said = node.kubectl("exec", "busy", "--", "/busybox", "wget", "-q", "-O", "-", address)
    assert 'name = "homeostat"' in said


def test_usage_figures_are_fresh(node: Cluster) -> None:
    path = f"/api/v1/nodes/{NODE_NAME}/proxy/metrics/cadvisor"

    def seconds() -> str:
        lines = node.kubectl("get", "--raw", path).splitlines()
        name = "container_cpu_usage_seconds_total"
        found = [line for line in lines if line.startswith(name) and 'pod="busy"' in line and 'container="c"' in line]
        return found[0].rsplit(" ", 2)[1] if found else ""

    wait_until(lambda: seconds() != "", "the pod's CPU time is there", 30)
    values: set[str] = set()

    def changed_often() -> bool:
        values.add(seconds())
        return len(values) > 4

    # Its default interval of 10 s would show two or three values in this time.
    wait_until(changed_often, "the figure changed four times", 20)


def test_given_cluster_is_reached_by_a_forwarded_port_that_comes_back(
    node: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "kubeconfig"
    elsewhere.write_bytes(node.kubeconfig.read_bytes())
    monkeypatch.setenv("KUBECONFIG", str(elsewhere))

    def answers(url: str) -> bool:
        try:
            return bool(urllib.request.urlopen(url, timeout=5).read() == b"hello\n")
        except OSError:
            return False

    with provide() as given, given.reach("default", "web", 8080) as url:
        assert url.startswith("http://127.0.0.1:")
        wait_until(lambda: answers(url), "the forwarded port answers", 20)
        forwards = [process for process in marked(given.folder.name) if "port-forward" in process.cmdline()]
        assert len(forwards) == 1
        forwards[0].kill()
        wait_until(lambda: answers(url), "the forwarded port answers again", 20)


def test_second_node_is_refused_by_name(node: Cluster) -> None:
    with pytest.raises(ClusterError, match=f"already runs .*{node.folder.name}"), provide(node=True):
        pass


def _pod(name: str, script: str) -> dict[str, Any]:
    container = {
        "name": "c",
        "image": IMAGE,
        "imagePullPolicy": "Never",
        "command": ["/busybox", "sh", "-c", script],
        "resources": {"limits": {"cpu": "200m", "memory": "64Mi"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
    }


def _service(name: str, port: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": port, "targetPort": port}]},
    }
