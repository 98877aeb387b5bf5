"""The control plane: etcd, kube-apiserver, kube-controller-manager and kube-scheduler as plain processes."""

import http.client
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from hack.cluster.addresses import HOST, SERVICE_RANGE, SERVICES_API
from hack.cluster.audit import write_policy
from hack.cluster.certificates import Authority, Pair, signing_key, write_kubeconfig
from hack.cluster.processes import Process, free_ports

_NAMES = ("localhost", "127.0.0.1", SERVICES_API, HOST, "kubernetes", "kubernetes.default", "kubernetes.default.svc")
# What a plan asks for must not wait for the client side's throttle: tests create things in bursts.
_UNTHROTTLED = ("--kube-api-qps=200", "--kube-api-burst=400")


@dataclass
class ControlPlane:
    """The running control plane of one cluster."""

    folder: Path
    binaries: dict[str, Path]
    node: bool
    authority: Authority = field(init=False)
    port: int = field(init=False)
    api_server: Process = field(init=False)
    processes: list[Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.folder / "pki").mkdir()
        self.authority = Authority(self.pki, "ca")
        self._admin = self.authority.client("admin", "admin", ["system:masters"])
        self._etcd_port, self._etcd_peer_port, self.port, *self._component_ports = free_ports(5)

    @property
    def pki(self) -> Path:
        """The folder of keys and certificates."""
        return self.folder / "pki"

    @property
    def server(self) -> str:
        """The API server's address on this host."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.folder / "kubeconfig"

    @property
    def audit_log(self) -> Path:
        """The API server's audit log."""
        return self.folder / "audit.jsonl"

    def start(self) -> None:
        """Start all four, and return when controllers have begun to work."""
        write_kubeconfig(self.kubeconfig, self.server, self.authority.pair.certificate, self._admin)
        self._start_etcd()
        self._start_api_server()
        self.wait_for_api_server()
        manager = self._start_component("kube-controller-manager", self._component_ports[0], self._controllers())
        self._start_component("kube-scheduler", self._component_ports[1], [])
        # Without this account the first pods are refused.
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        manager.wait_until(lambda: self._answers(account), "the controllers create the default service account", 60)

    def wait_for_api_server(self) -> None:
        """Wait until the API server says that it is ready."""
        self.api_server.wait_until(lambda: self._answers("/readyz"), "the API server is ready", 90)

    def client_kubeconfig(self, name: str, user: str, groups: list[str], server: str | None = None) -> Path:
        """Write a kubeconfig for one user of the cluster."""
        pair = self.authority.client(name, user, groups)
        file = self.folder / f"{name}.kubeconfig"
        return write_kubeconfig(file, server or self.server, self.authority.pair.certificate, pair)

    def _start_etcd(self) -> None:
        client = f"http://127.0.0.1:{self._etcd_port}"
        peer = f"http://127.0.0.1:{self._etcd_peer_port}"
        self._run(
            "etcd",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--log-level=warn",
            "--unsafe-no-fsync",  # the data of a test cluster does not outlive it
        )

    def _start_api_server(self) -> None:
        serving = self.authority.serve("kube-apiserver", _NAMES)
        kubelet = self.authority.client("kubelet-client", "kube-apiserver-kubelet-client", ["system:masters"])
        self.api_server = self._run(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            f"--secure-port={self.port}",
            *self._reach_flags(),
            *_files("tls-cert-file", "tls-private-key-file", serving),
            f"--client-ca-file={self.authority.pair.certificate}",
            "--anonymous-auth=false",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged",
            f"--service-cluster-ip-range={SERVICE_RANGE}",
            *self._token_flags(),
            *self._front_proxy_flags(),
            *_files("kubelet-client-certificate", "kubelet-client-key", kubelet),
            f"--kubelet-certificate-authority={self.authority.pair.certificate}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--audit-policy-file={write_policy(self.folder)}",
            f"--audit-log-path={self.audit_log}",
            "--audit-log-maxsize=2000",  # in MB: one file, for the readers follow no rotation
        )

    def _reach_flags(self) -> list[str]:
        if self.node:
            return ["--bind-address=0.0.0.0", f"--advertise-address={HOST}"]
        return ["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none"]

    def _token_flags(self) -> list[str]:
        self._token_key = signing_key(self.pki, "tokens")
        return [
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self._token_key}",
            f"--service-account-signing-key-file={self._token_key}",
        ]

    def _front_proxy_flags(self) -> list[str]:
        authority = Authority(self.pki, "front-proxy-ca")
        client = authority.client("front-proxy", "front-proxy-client")
        return [
            f"--requestheader-client-ca-file={authority.pair.certificate}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            *_files("proxy-client-cert-file", "proxy-client-key-file", client),
        ]

    def _controllers(self) -> list[str]:
        authority = self.authority.pair
        return [
            "--use-service-account-credentials",
            f"--service-account-private-key-file={self._token_key}",
            f"--root-ca-file={authority.certificate}",
            *_files("cluster-signing-cert-file", "cluster-signing-key-file", authority),
        ]

    def _start_component(self, name: str, port: int, flags: list[str]) -> Process:
        kubeconfig = self.client_kubeconfig(name, f"system:{name}", [])
        return self._run(
            name,
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--cert-dir={self.pki / name}",
            "--leader-elect=false",
            *_UNTHROTTLED,
            *flags,
        )

    def _run(self, name: str, *flags: str) -> Process:
        process = Process(self.folder, name, [self.binaries[name], *flags])
        self.processes.append(process)
        return process

    def _answers(self, path: str) -> bool:
        context = ssl.create_default_context(cafile=str(self.authority.pair.certificate))
        context.load_cert_chain(self._admin.certificate, self._admin.key)
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=5, context=context)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _files(certificate: str, key: str, pair: Pair) -> list[str]:
    return [f"--{certificate}={pair.certificate}", f"--{key}={pair.key}"]
