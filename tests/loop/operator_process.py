"""The operator as a process of its own, as the user that its chart gives rights to and as nobody more."""

import sys
import urllib.error
import urllib.request
from pathlib import Path

from hack.cluster import Cluster
from hack.cluster.processes import Process, free_ports

OPERATOR = "homeostat-operator"
"""User that the operator is to the API server."""

_ROOT = Path(__file__).resolve().parents[2]

# The same program as in production; only its patience is cut to the length of a test.
_SHORT = {
    "HOMEOSTAT_EVIDENCE_WINDOW": "3s",
    "HOMEOSTAT_KNOWN_GOOD_AFTER": "3s",
    "HOMEOSTAT_CONFIG_LOOK_EVERY": "1s",
    "HOMEOSTAT_REDECIDE_EVERY": "1s",
    "HOMEOSTAT_READINESS_EVERY": "2s",
    "HOMEOSTAT_REREAD_EVERY": "2s",
    "HOMEOSTAT_DIAGNOSIS_PATIENCE": "10s",
}


class Operator:
    """One operator process at a time."""

    def __init__(self, cluster: Cluster) -> None:
        port = free_ports(1)[0]
        self._ready = f"http://127.0.0.1:{port}/readyz"
        command = [sys.executable, "-m", "homeostat", "run", "--log-format=text"]
        command += [f"--kubeconfig={cluster.kubeconfig_for(OPERATOR)}", "--prometheus-url=http://127.0.0.1:9"]
        health = {"HOMEOSTAT_HEALTH_HOST": "127.0.0.1", "HOMEOSTAT_HEALTH_PORT": str(port)}
        self._process = Process(
            cluster.folder, "operator", command, {"PYTHONPATH": str(_ROOT / "operator"), **health, **_SHORT}
        )
        self.wait_ready()

    @property
    def log(self) -> str:
        return self._process.log.read_text(errors="replace")

    def wait_ready(self) -> None:
        self._process.wait_until(lambda: _answers(self._ready), "the operator is ready", 60)

    def kill(self) -> None:
        """SIGKILL: no goodbye, no clean-up."""
        self._process.kill()

    def start_again(self) -> None:
        self._process.start_again()
        self.wait_ready()

    def ensure_running(self) -> None:
        if self._process.has_ended():
            self.start_again()

    def stop(self) -> None:
        self._process.stop(grace=20)


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except (urllib.error.URLError, OSError):
        return False
    return True
