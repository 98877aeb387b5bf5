import json
import time
from pathlib import Path

import pytest

from hack.cluster import Cluster, ClusterError, print_to_stderr, provide
from hack.cluster.given import GivenCluster
from hack.cluster.local import LocalCluster
from hack.cluster.processes import wait_until


def test_start_and_end_take_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    with provide() as cluster:
        up = time.monotonic() - began
        folder = cluster.folder
        assert "namespace/default" in cluster.kubectl("get", "namespaces", "--output=name").split()
        ending = time.monotonic()
    with capsys.disabled():
        print_to_stderr(f"\ncontrol plane: up {up:.1f} s, down {time.monotonic() - ending:.1f} s")
    assert not folder.exists()


def test_controllers_work(cluster: Cluster, namespace: str) -> None:
    cluster.kubectl("create", "deployment", "web", "--image=none", "--replicas=3", f"--namespace={namespace}")

    def pods() -> int:
        return cluster.kubectl("get", "pods", "--output=name", f"--namespace={namespace}").count("pod/")

    wait_until(lambda: pods() == 3, "the deployment's pods exist", 30)
    cluster.kubectl("delete", "deployment", "web", f"--namespace={namespace}")
    wait_until(lambda: pods() == 0, "the garbage collector removed them", 30)


def test_user_has_own_certificate_and_groups(cluster: Cluster) -> None:
    assert "alice" in cluster.kubectl("auth", "whoami", user="alice")
    kubeconfig = cluster.kubeconfig_for("bob@example.org", ["team-a", "team-b"])
    said = cluster.kubectl("auth", "whoami", f"--kubeconfig={kubeconfig}", "--output=json")
    info = json.loads(said)["status"]["userInfo"]
    assert info["username"] == "bob@example.org"
    assert info["groups"] == ["team-a", "team-b", "system:authenticated"]
    assert cluster.kubeconfig_for("bob@example.org", ["team-a", "team-b"]) == kubeconfig


def test_kubectl_failure_is_an_error_with_the_reason(cluster: Cluster) -> None:
    with pytest.raises(ClusterError, match="forbidden"):
        cluster.kubectl("get", "secrets", user="alice")


def test_audit_log_holds_writes_with_content_and_no_noise(cluster: Cluster, namespace: str) -> None:
    cluster.kubectl("create", "configmap", "audited", "--from-literal=key=value", f"--namespace={namespace}")
    cluster.kubectl("get", "configmap", "audited", f"--namespace={namespace}")
    cluster.kubectl("create", "deployment", "audited", "--image=none", f"--namespace={namespace}")
    cluster.kubectl("scale", "deployment", "audited", "--replicas=2", f"--namespace={namespace}")
    cluster.kubectl("create", "serviceaccount", "audited", f"--namespace={namespace}")
    assert cluster.audit_log is not None
    lines = [json.loads(line) for line in cluster.audit_log.read_text().splitlines()]
    events = [line for line in lines if line["objectRef"].get("namespace") == namespace]
    seen = [(event["verb"], event["objectRef"]["resource"], event["objectRef"].get("subresource")) for event in events]
    assert seen == [
        ("create", "configmaps", None),
        ("create", "deployments", None),
        ("patch", "deployments", "scale"),
        ("create", "serviceaccounts", None),
    ]
    assert events[0]["requestObject"]["data"] == {"key": "value"}
    assert events[2]["responseObject"]["spec"] == {"replicas": 2}
    assert "requestObject" not in events[3]
    assert all(event["stage"] == "ResponseComplete" for event in events)


def test_api_server_comes_back_with_its_data(cluster: Cluster, namespace: str) -> None:
    assert isinstance(cluster, LocalCluster)
    cluster.kill_api_server()
    with pytest.raises(ClusterError):
        cluster.kubectl("get", "namespace", namespace, timeout=10)
    cluster.start_api_server()
    assert namespace in cluster.kubectl("get", "namespace", namespace)


def test_no_pod_runs_without_a_node(cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="node=True"):
        cluster.load_image(tmp_path / "image.tar")
    with pytest.raises(ClusterError, match="node=True"), cluster.reach("default", "kubernetes", 443):
        pass


def test_given_cluster_stays_and_users_are_impersonated(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "kubeconfig"
    elsewhere.write_bytes(cluster.kubeconfig.read_bytes())
    monkeypatch.setenv("KUBECONFIG", str(elsewhere))
    with provide() as given:
        assert isinstance(given, GivenCluster)
        assert not given.is_local
        assert given.audit_log is None
        assert given.server == cluster.server
        kubeconfig = given.kubeconfig_for("carol", ["team-a"])
        who = json.loads(given.kubectl("auth", "whoami", f"--kubeconfig={kubeconfig}", "--output=json"))
        assert who["status"]["userInfo"]["username"] == "carol"
        assert "team-a" in who["status"]["userInfo"]["groups"]
        with pytest.raises(ClusterError, match="kind load image-archive"):
            given.load_image(tmp_path / "image.tar")
        folder = given.folder
    assert not folder.exists()
    cluster.kubectl("get", "namespaces")


def test_given_cluster_that_is_down_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))
    with pytest.raises(ClusterError, match="absent"), provide():
        pass


@pytest.mark.kwok
def test_kwok_nodes_run_pods_at_once() -> None:
    with provide(kwok_nodes=3) as cluster:
        cluster.kubectl("create", "deployment", "many", "--image=none", "--replicas=30")
        cluster.kubectl("rollout", "status", "deployment/many", "--timeout=60s", timeout=70)
        nodes = cluster.kubectl("get", "pods", "--output=jsonpath={.items[*].spec.nodeName}").split()
        assert set(nodes) == {"kwok-0", "kwok-1", "kwok-2"}
