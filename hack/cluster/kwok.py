"""KWOK: nodes and pods that cost nothing, for scale."""

import json
from collections.abc import Mapping
from pathlib import Path

from hack.cluster.api import Cluster
from hack.cluster.places import REPOSITORY
from hack.cluster.processes import Process, free_ports

STAGES = REPOSITORY / "hack" / "cluster" / "kwok-stages.yaml"
NODE_LABEL = "homeostat.dev/kwok"
_ANNOTATION = "kwok.x-k8s.io/node"
_SIZE = {"cpu": "1k", "memory": "1Ti", "pods": "1M"}


def start_kwok(cluster: Cluster, program: Path, nodes: int) -> Process:
    """Create the nodes, named kwok-0 and so on, and run the process that plays them."""
    user = "kwok"
    kubeconfig = cluster.kubeconfig_for(user, ["system:masters"])
    port = free_ports(1)[0]
    process = Process(
        cluster.folder,
        "kwok",
        [
            program,
            f"--kubeconfig={kubeconfig}",
            f"--config={STAGES}",
            "--manage-all-nodes=false",
            f"--manage-nodes-with-annotation-selector={_ANNOTATION}=fake",
            "--node-ip=127.0.0.1",
            "--node-lease-duration-seconds=40",
            "--cidr=10.250.0.0/16",
            f"--server-address=127.0.0.1:{port}",
        ],
    )
    cluster.kubectl("apply", "--filename=-", stdin=json.dumps(_list(nodes)), timeout=60 + nodes / 10)
    process.wait_until(lambda: _ready(cluster) >= nodes, f"{nodes} KWOK nodes are ready", 60 + nodes / 10)
    return process


def remove_nodes(cluster: Cluster) -> None:
    """Delete the nodes: a given cluster outlives them."""
    cluster.kubectl("delete", "nodes", f"--selector={NODE_LABEL}", "--wait=false", timeout=120)


def _list(nodes: int) -> Mapping[str, object]:
    return {"apiVersion": "v1", "kind": "List", "items": [_node(f"kwok-{number}") for number in range(nodes)]}


def _node(name: str) -> Mapping[str, object]:
    labels = {NODE_LABEL: "true", "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "type": "kwok"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {_ANNOTATION: "fake"}},
        "status": {"allocatable": _SIZE, "capacity": _SIZE},
    }


def _ready(cluster: Cluster) -> int:
    condition = "{range .items[*]}{.status.conditions[?(@.type=='Ready')].status} {end}"
    return cluster.kubectl("get", "nodes", f"--selector={NODE_LABEL}", f"--output=jsonpath={condition}").count("True")
