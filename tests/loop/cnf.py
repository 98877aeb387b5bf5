"""Stand-in for the network function: calls offered to its pods, and an exporter per pod that tells what became of them.

Each pod carries so many calls per second, takes its rate limit from its configuration when it starts, and counts as a
real one does: calls by outcome, CPU seconds, calls in progress. Nothing here knows of the operator.
"""

import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import yaml
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

CAPACITY = 100.0
"""Calls per second that use up the CPU limit of one pod."""

CPU_LIMIT = 0.5
"""Cores."""

IDLE_SHARE = 0.02


class Face(Enum):
    """How a pod's exporter shows itself; the pod itself is well."""

    TRUE = "tells the truth"
    GONE = "answers no scrape"
    NAN = "gives values that are not numbers"
    EMPTY = "answers with nothing"


@dataclass
class Pod:
    """One running instance and its counters."""

    name: str
    limit: float
    face: Face = Face.TRUE
    in_progress: float = 0.0
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    counted_at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.calls = Counter("cnf_calls", "Calls by outcome.", ["outcome"], registry=self.registry)
        self.cpu = Counter("cnf_cpu_seconds", "CPU time used.", registry=self.registry)
        self.busy = Gauge("cnf_calls_in_progress", "Calls in progress.", registry=self.registry)

    def count(self, offered: float, refused: float) -> None:
        """Count what happened since the last time at this rate; ``refused``: share that the callees turn away."""
        now = time.monotonic()
        elapsed, self.counted_at = now - self.counted_at, now
        admitted = min(offered, self.limit)
        good = min(admitted, CAPACITY) * (1 - refused)
        self.calls.labels("effective").inc(good * elapsed)
        self.calls.labels("failed").inc((admitted - good) * elapsed)
        self.calls.labels("shed").inc((offered - admitted) * elapsed)
        self.cpu.inc(max(IDLE_SHARE, min(1.0, admitted / CAPACITY)) * CPU_LIMIT * elapsed)
        self.busy.set(self.in_progress)

    def exposition(self) -> bytes | None:
        match self.face:
            case Face.GONE:
                return None
            case Face.EMPTY:
                return b""
            case Face.NAN:
                return b'cnf_calls_total{outcome="effective"} NaN\ncnf_calls_total{outcome="failed"} NaN\n'
            case Face.TRUE:
                return generate_latest(self.registry)


class Cnf:
    """The function in one namespace."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pods: dict[str, Pod] = {}
        self._offered, self._refused = 0.5 * CAPACITY, 0.0

    @property
    def pods(self) -> list[str]:
        with self._lock:
            return sorted(self._pods)

    def offer(self, calls_per_second: float, *, refused: float = 0.0) -> None:
        """Offer so many calls, spread over all pods; of those that are served, a share is refused by the callees."""
        with self._lock:
            self._count()
            self._offered, self._refused = calls_per_second, refused

    def start(self, pod: str, tuning: str) -> None:
        with self._lock:
            self._count()
            self._pods[pod] = Pod(pod, _limit(tuning))

    def end(self, pod: str) -> None:
        with self._lock:
            self._count()
            self._pods.pop(pod, None)

    def reload(self, tuning: str) -> None:
        """Have every pod take up a configuration, as a person does by hand."""
        with self._lock:
            self._count()
            for pod in self._pods.values():
                pod.limit = _limit(tuning)

    def show(self, face: Face, *pods: str) -> None:
        with self._lock:
            for name in pods or self._pods:
                self._pods[name].face = face

    def cripple(self, pod: str) -> None:
        """Have one pod turn nearly all of its calls away."""
        with self._lock:
            self._count()
            self._pods[pod].limit = 1.0

    def hold_calls(self, each: float) -> None:
        """Keep so many calls in progress on each pod."""
        with self._lock:
            for pod in self._pods.values():
                pod.in_progress = each

    def scrape(self, pod: str) -> bytes | None:
        """What the pod's exporter answers; None: no answer."""
        with self._lock:
            self._count()
            return self._pods[pod].exposition() if pod in self._pods else None

    def _count(self) -> None:
        for pod in self._pods.values():
            pod.count(self._offered / len(self._pods), self._refused)


def _limit(tuning: str) -> float:
    return float(yaml.safe_load(tuning)["limits"]["invitesPerSecond"])


class Exporters:
    """The exporters of all pods of all namespaces, and the list of them by which Prometheus finds them."""

    def __init__(self) -> None:
        self.cnfs: dict[str, Cnf] = {}
        self.port = 0

    def answer(self, at: str) -> bytes | None:
        _, kind, *rest = at.split("/")
        if kind == "targets":
            return json.dumps(self._targets()).encode()
        cnf = self.cnfs.get(rest[0])
        return cnf.scrape(rest[1]) if cnf else None

    def _targets(self) -> list[dict[str, Any]]:
        return [
            {
                "targets": [f"127.0.0.1:{self.port}"],
                "labels": {"__metrics_path__": f"/metrics/{namespace}/{pod}", "namespace": namespace, "pod": pod},
            }
            for namespace, cnf in list(self.cnfs.items())
            for pod in cnf.pods
        ]

    def scrape_configuration(self) -> str:
        found = {"url": f"http://127.0.0.1:{self.port}/targets", "refresh_interval": "1s"}
        timing = {"scrape_interval": "1s", "scrape_timeout": "1s"}
        return yaml.safe_dump({"global": timing, "scrape_configs": [{"job_name": "cnf", "http_sd_configs": [found]}]})


@contextmanager
def serving() -> Iterator[Exporters]:
    exporters = Exporters()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = exporters.answer(self.path)
            self.send_response(503 if body is None else 200)
            content = "application/json" if self.path == "/targets" else "text/plain; version=0.0.4"
            self.send_header("Content-Type", content)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        exporters.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
        thread.start()
        try:
            yield exporters
        finally:
            server.shutdown()
            thread.join()
