"""Real exporters on loopback, and the configuration by which a real Prometheus scrapes them as pods."""

import http.server
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

NAMESPACE = "ims"


@dataclass
class Exporter:
    """The metrics endpoint of one pod: call counters as a SIP proxy counts them, and a gauge set at will."""

    pod: str
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    exposition: Callable[[], bytes] | None = None
    status: int = 200
    port: int = 0

    def __post_init__(self) -> None:
        self.calls = Counter("sip_calls", "Calls by outcome.", ["outcome"], registry=self.registry)
        self.load = Gauge("sip_load", "Any value.", registry=self.registry)
        self.calls.labels("effective").inc(0)
        self.load.set(0.5)

    def text(self) -> bytes:
        return self.exposition() if self.exposition else generate_latest(self.registry)


@contextmanager
def serving(exporter: Exporter) -> Iterator[Exporter]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = exporter.text()
            self.send_response(exporter.status)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        exporter.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield exporter
        finally:
            server.shutdown()
            thread.join()


def configure(folder: Path, exporters: Sequence[Exporter], kubelet: Exporter | None = None) -> None:
    """Scrape each exporter as the pod it belongs to, and the kubelet as what it is: it names pods itself."""
    jobs: list[dict[str, Any]] = [
        {
            "job_name": "sip",
            "honor_timestamps": True,
            "static_configs": [
                {"targets": [f"127.0.0.1:{e.port}"], "labels": {"namespace": NAMESPACE, "pod": e.pod}}
                for e in exporters
            ],
        }
    ]
    if kubelet is not None:
        jobs.append(
            {
                "job_name": "kubelet",
                "honor_labels": True,
                "static_configs": [{"targets": [f"127.0.0.1:{kubelet.port}"]}],
            }
        )
    timing = {"scrape_interval": "1s", "scrape_timeout": "1s"}
    (folder / "prometheus.yaml").write_text(yaml.safe_dump({"global": timing, "scrape_configs": jobs}))
