"""One real node: containerd, kubelet and kube-proxy in namespaces of their own. It runs real pods."""

import http
import json
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from hack.cluster.addresses import HOST, NODE, NODE_NAME, POD_RANGE
from hack.cluster.api import kubectl_command
from hack.cluster.commands import find, run
from hack.cluster.control_groups import control_group, create_control_groups
from hack.cluster.control_plane import ControlPlane
from hack.cluster.errors import ClusterError
from hack.cluster.images import write_image
from hack.cluster.namespaces import Namespaces, enter
from hack.cluster.processes import Process

PAUSE_IMAGE = "localhost/pause:1"
_PLUGINS = Path("/usr/lib/cni")
_PROXY_HEALTH = f"{NODE}:10256"

# Without CAP_SYS_RESOURCE the negative score of a sandbox cannot be set, and runc dies without a useful message:
# hence `restrict_oom_score_adj`.
_CONTAINERD = """\
version = 2
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper"]
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true
  disable_tcp_service = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{network}"
"""


class Node:
    """The node of one cluster."""

    def __init__(self, folder: Path, binaries: dict[str, Path], control_plane: ControlPlane) -> None:
        self._folder = folder
        self._binaries = binaries
        self._control_plane = control_plane
        self._server = f"https://{HOST}:{control_plane.port}"

    def prepare(self) -> None:
        """Do all that needs no API server yet."""
        create_control_groups(self._folder)
        Namespaces(self._folder, self._binaries["pause"]).connect()
        self._containerd = self._run("containerd", find("containerd"), f"--config={self._write_containerd()}")
        self._containerd.wait_until(self._containerd_answers, "containerd answers", 30)
        import_image(
            self._folder, write_image(self._folder / "pause.tar", PAUSE_IMAGE, {"/pause": self._binaries["pause"]})
        )

    def join(self) -> None:
        """Start the kubelet and kube-proxy, and return when the node is ready and Services work."""
        kubelet = self._start_kubelet()
        proxy = self._start_proxy()
        proxy.wait_until(self._proxy_is_healthy, "kube-proxy has written its rules", 60)
        kubelet.wait_until(self._is_ready, "the node is ready", 60)

    def _start_kubelet(self) -> Process:
        kubeconfig = self._control_plane.client_kubeconfig(
            "kubelet", f"system:node:{NODE_NAME}", ["system:nodes"], self._server
        )
        return self._run(
            "kubelet",
            self._binaries["kubelet"],
            f"--config={self._write_kubelet()}",
            f"--kubeconfig={kubeconfig}",
            f"--hostname-override={NODE_NAME}",
            f"--node-ip={NODE}",
            "--housekeeping-interval=1s",  # usage figures as fresh as the tests' scrapes
        )

    def _start_proxy(self) -> Process:
        kubeconfig = self._control_plane.client_kubeconfig("kube-proxy", "system:kube-proxy", [], self._server)
        configuration = {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "iptables",
            "clusterCIDR": POD_RANGE,
            "clientConnection": {"kubeconfig": str(kubeconfig)},
            "hostnameOverride": NODE_NAME,
            "healthzBindAddress": _PROXY_HEALTH,
            "metricsBindAddress": "127.0.0.1:10249",
            "conntrack": {"maxPerCore": 0},  # the host's table is not ours to resize
            "iptables": {"minSyncPeriod": "0s"},
        }
        file = self._write("kube-proxy.json", configuration)
        return self._run("kube-proxy", self._binaries["kube-proxy"], f"--config={file}")

    def _write_kubelet(self) -> Path:
        authority = self._control_plane.authority
        serving = authority.serve("kubelet-serving", [NODE, NODE_NAME])
        resolver = self._folder / "resolv.conf"
        resolver.write_text("")
        configuration: dict[str, Any] = {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": NODE,
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True, "cacheTTL": "2s"},
                "x509": {"clientCAFile": str(authority.pair.certificate)},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(serving.certificate),
            "tlsPrivateKeyFile": str(serving.key),
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{control_group(self._folder)}",
            "failCgroupV1": False,
            "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
            "failSwapOn": False,
            "localStorageCapacityIsolation": False,
            "enforceNodeAllocatable": ["pods"],
            # No DNS server runs. Pods ask the node, which refuses at once: better than a time-out on every name.
            "clusterDNS": [NODE],
            "clusterDomain": "cluster.local",
            "resolvConf": str(resolver),
            "healthzPort": 0,
            "makeIPTablesUtilChains": True,
            "nodeStatusUpdateFrequency": "5s",
            "syncFrequency": "10s",
            "evictionHard": {"memory.available": "50Mi", "nodefs.available": "0%", "imagefs.available": "0%"},
            "imageGCHighThresholdPercent": 100,
            "serializeImagePulls": False,
        }
        return self._write("kubelet.json", configuration)

    def _write_containerd(self) -> Path:
        network = self._folder / "cni"
        network.mkdir()
        (network / "10-homeostat.conflist").write_text(json.dumps(_network()))
        file = self._folder / "containerd.toml"
        file.write_text(_CONTAINERD.format(pause=PAUSE_IMAGE, plugins=_PLUGINS, network=network))
        return file

    def _write(self, name: str, configuration: dict[str, Any]) -> Path:
        file = self._folder / name
        file.write_text(yaml.safe_dump(configuration))
        return file

    def _run(self, name: str, program: Path | None, *flags: str) -> Process:
        return Process(self._folder, name, [*enter(self._folder), str(program), *flags])

    def _containerd_answers(self) -> bool:
        return _succeeds([*enter(self._folder), "ctr", "--connect-timeout=2s", "plugins", "ls", "-q"])

    def _proxy_is_healthy(self) -> bool:
        return _answers(_PROXY_HEALTH)

    def _is_ready(self) -> bool:
        ready = "--output=jsonpath={.status.conditions[?(@.type=='Ready')].status}"
        command = [*kubectl_command(self._folder, self._control_plane.kubeconfig), "get", "node", NODE_NAME]
        try:
            return run([*command, ready], timeout=20) == "True"
        except ClusterError:
            return False


def import_image(folder: Path, archive: Path) -> None:
    """Import a docker-archive file into the node's containerd."""
    if not archive.exists():
        raise ClusterError(f"{archive}: no such image archive")
    run([*enter(folder), "ctr", "--namespace=k8s.io", "images", "import", archive.resolve()], timeout=300)


def _network() -> dict[str, Any]:
    # `ptp` and not `bridge`: every packet between pods is routed, so Services work between pods of this node without
    # the kernel's bridge filter, and with the client's true address.
    addresses = {"type": "host-local", "ranges": [[{"subnet": POD_RANGE}]], "routes": [{"dst": "0.0.0.0/0"}]}
    return {
        "cniVersion": "0.4.0",
        "name": "homeostat",
        "plugins": [
            {"type": "ptp", "ipMasq": False, "ipam": addresses},
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/healthz", timeout=2) as answer:
            return bool(answer.status == http.HTTPStatus.OK)
    except OSError:
        return False
