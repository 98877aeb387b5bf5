"""The operator from the virtual environment, as a process that can be killed and started again."""

import sys
import urllib.request
from pathlib import Path

from hack.cluster.processes import Process, free_ports

OPERATOR = "homeostat-operator"
"""User that the operator is to the API server."""

FIELD_MANAGER = "homeostat"
"""Name under which it writes."""

_ROOT = Path(__file__).resolve().parents[1]

# The same program as in production; only its patience is cut to the length of a demo.
_SHORT = {
    "HOMEOSTAT_EVIDENCE_WINDOW": "5s",
    "HOMEOSTAT_KNOWN_GOOD_AFTER": "12s",
    "HOMEOSTAT_CONFIG_LOOK_EVERY": "1s",
    "HOMEOSTAT_REDECIDE_EVERY": "2s",
    "HOMEOSTAT_READINESS_EVERY": "5s",
    "HOMEOSTAT_REREAD_EVERY": "2s",
    "HOMEOSTAT_DIAGNOSIS_PATIENCE": "20s",
}


class Operator:
    """One operator process at a time."""

    def __init__(self, folder: Path, kubeconfig: Path, prometheus: str) -> None:
        self._folder = folder
        self._kubeconfig = kubeconfig
        self._prometheus = prometheus
        self._process: Process | None = None

    def start(self, kubeconfig: Path | None = None) -> None:
        """Start it, by another kubeconfig if one is given, and return when it says that it is ready."""
        self.stop()
        port = free_ports(1)[0]
        command = [
            sys.executable,
            "-m",
            "homeostat",
            "run",
            f"--kubeconfig={kubeconfig or self._kubeconfig}",
            f"--prometheus-url={self._prometheus}",
        ]
        health = {"HOMEOSTAT_HEALTH_HOST": "127.0.0.1", "HOMEOSTAT_HEALTH_PORT": str(port)}
        environment = {"PYTHONPATH": str(_ROOT / "operator"), "PYTHONDONTWRITEBYTECODE": "1", **health, **_SHORT}
        self._process = Process(self._folder, "operator", command, environment)
        self._process.wait_until(lambda: _answers(f"http://127.0.0.1:{port}/readyz"), "the operator is ready", 40)

    def kill(self) -> int:
        """SIGKILL: no goodbye, no clean-up. Return the id that the process had."""
        process = self._running()
        process.kill()
        return process.pid

    def stop(self) -> None:
        """End it in order, if it runs."""
        if self._process is not None:
            self._process.stop(grace=8)
            self._process = None

    def log(self) -> Path:
        """Where it logs; over all its lives."""
        return self._folder / "logs" / "operator.log"

    def last_words(self) -> str:
        """End of its log."""
        return self._process.last_words(25) if self._process else ""

    def _running(self) -> Process:
        if self._process is None:
            raise RuntimeError("the operator was not started")
        return self._process


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
