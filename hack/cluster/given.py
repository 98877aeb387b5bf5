"""The given provider: any cluster that a kubeconfig names (kind, k3d, a cloud's)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from hack.cluster.api import Cluster, kubectl_command
from hack.cluster.certificates import write_private
from hack.cluster.errors import ClusterError
from hack.cluster.processes import Process, free_ports, opens, wait_until

_LOOK_EVERY = 0.2


class GivenCluster(Cluster):
    """A cluster that somebody else made, and that stays when we are done."""

    is_local = False
    is_kept = True

    def __init__(self, folder: Path, kubeconfig: Path) -> None:
        super().__init__(folder, kubeconfig)
        # KUBECONFIG may be a list of files, and may change while we run: one flat copy is what everything uses.
        copy = folder / "kubeconfig"
        flat = self.kubectl("config", "view", "--raw", "--minify", "--flatten")
        write_private(copy, flat.encode())
        self.kubeconfig = copy
        self._kept: set[str] = set()
        self._installed: list[str] = []
        try:
            self.kubectl("get", "--raw=/readyz", "--request-timeout=10s", timeout=20)
        except ClusterError as failed:
            raise ClusterError(f"the cluster of KUBECONFIG={kubeconfig} does not answer:\n{failed}") from failed

    def install(self, manifest: str) -> None:
        """Apply objects, and note those that were not there before."""
        there = self._named("get", "--ignore-not-found", "--filename=-", stdin=manifest)
        self._kept |= there - set(self._installed)
        super().install(manifest)
        mine = self._named("get", "--filename=-", stdin=manifest) - self._kept
        self._installed += sorted(mine - set(self._installed))

    def uninstall(self) -> None:
        """Delete what was installed; with a kind go its objects."""
        if self._installed:
            self.kubectl("delete", "--ignore-not-found", "--timeout=100s", *self._installed, timeout=110)
            self._installed.clear()

    def load_image(self, archive: Path) -> None:
        """Say how this is done: only the one who made the cluster can do it."""
        raise ClusterError(
            f"load {archive} into the given cluster yourself: kind load image-archive {archive}, "
            f"or k3d image import {archive}, or push it to the registry your cluster pulls from"
        )

    @contextmanager
    def reach(self, namespace: str, service: str, port: int) -> Iterator[str]:
        """Yield a forwarded port; kubectl drops it when the pod goes, so it is started again for the next one."""
        local = free_ports(1)[0]
        kubectl = kubectl_command(self.folder, self.kubeconfig)
        forward = [*kubectl, "port-forward", f"--namespace={namespace}", f"service/{service}", f"{local}:{port}"]
        over = threading.Event()
        process = Process(self.folder, f"forward-{local}", forward)
        guard = threading.Thread(target=_keep_alive, args=(process, over), daemon=True)
        guard.start()
        try:
            _wait_for(local, f"{service}.{namespace}:{port}", process)
            yield f"http://127.0.0.1:{local}"
        finally:
            over.set()
            guard.join(timeout=10)
            process.stop()

    def _named(self, *args: str, stdin: str) -> set[str]:
        return set(self.kubectl(*args, "--output=name", stdin=stdin).split())

    def _create_user(self, name: str, user: str, groups: list[str]) -> Path:
        document: dict[str, Any] = yaml.safe_load(self.kubeconfig.read_text())
        document["users"][0]["user"].update({"as": user, "as-groups": groups} if groups else {"as": user})
        file = self.folder / f"{name}.kubeconfig"
        write_private(file, yaml.safe_dump(document).encode())
        return file


def _keep_alive(process: Process, over: threading.Event) -> None:
    while not over.wait(_LOOK_EVERY):
        if process.has_ended():
            process.start_again()


def _wait_for(port: int, what: str, process: Process) -> None:
    try:
        wait_until(lambda: opens("127.0.0.1", port), f"{what} can be reached", 60)
    except TimeoutError as late:
        raise ClusterError(f"{late}\n{process.last_words()}") from late
