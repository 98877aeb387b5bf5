"""Measure the edge in a real cluster: what one replica carries, how it fails, how it heals.

python -m e2e.cnf.trial            the whole story on one time line, SIPp's and Prometheus' figures side by side
python -m e2e.cnf.trial capacity   effectiveness at rising call rates on one replica
"""

import json
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from e2e.cnf import queries
from e2e.cnf.deploy import NAMESPACE, deploy, scale, wait_ready
from e2e.subscribers import Load, Second, Step
from hack.cluster import Cluster, print_to_stderr, provide

LIMIT_CORES = 0.1
_COLUMNS = {
    "seer": queries.effectiveness("5s"),
    "cps": queries.total("5s"),
    "p95": queries.setup_p95("5s"),
    "503": queries.limited_share("5s"),
    "calls": f"sum({queries.active_calls()})",
    "cpu": f"max({queries.cpu_share('5s', LIMIT_CORES)})",
    "lost": f"sum({queries.lost_datagrams('5s')})",
    "up": 'sum(up{job="cnf",endpoint="metrics"})',
    "tuned": f"count({queries.tuning()}) by (sha256)",
}


class Prometheus:
    """The demo's Prometheus."""

    def __init__(self, address: str) -> None:
        self._address = address

    def now(self, query: str) -> float:
        answer = self._get("query", {"query": query})
        return float(answer[0]["value"][1]) if answer else float("nan")

    def past(self, query: str, start: float, end: float) -> dict[int, float]:
        """Return the value at each second; of several series, the last one."""
        answer = self._get("query_range", {"query": query, "start": f"{start}", "end": f"{end}", "step": "1"})
        return {int(at): float(value) for series in answer for at, value in series["values"]}

    def _get(self, what: str, parameters: Mapping[str, str]) -> list[dict[str, Any]]:
        url = f"{self._address}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return result


def measured_capacity(cluster: Cluster, prometheus: Prometheus) -> float:
    """Return the calls per second that use up one replica's limit, from its CPU time at two easy rates."""
    load = Load(cluster.kubectl, "easy", [Step(20, 17), Step(40, 17)], hold=3)
    load.start()
    seen: list[tuple[float, float]] = []
    for _ in range(2):
        time.sleep(16.5)
        cores = prometheus.now(f"sum({queries.cpu_share('10s', 1.0)})")
        seen.append((prometheus.now(queries.total("10s")), cores))
    load.wait()
    load.stop()
    (few, little), (many, more) = seen
    per_call = (more - little) / (many - few)
    return (LIMIT_CORES - (little - few * per_call)) / per_call


def capacity(cluster: Cluster, prometheus: Prometheus) -> None:
    print(f"by CPU time: {measured_capacity(cluster, prometheus):.0f} calls/s")
    for rate in range(50, 171, 15):
        load = Load(cluster.kubectl, f"rate-{rate}", [Step(rate, 15)], hold=4)
        load.start()
        time.sleep(15)
        seen = {name: prometheus.now(query) for name, query in _COLUMNS.items()}
        lived = load.wait()
        load.stop()
        placed, made = sum(s.attempted for s in lived), sum(s.established for s in lived)
        print(
            f"{rate:4d}/s  SIPp {made / placed:.3f} of {placed}, dropped {sum(s.dropped for s in lived)}  "
            + "  ".join(f"{name} {value:.2f}" for name, value in seen.items()),
            flush=True,
        )
        time.sleep(5)


def tune(cluster: Cluster, text: str) -> None:
    patch = json.dumps({"data": {"tuning.yaml": text}})
    cluster.kubectl("patch", "-n", NAMESPACE, "configmap/pcscf-tuning", "--type=merge", f"--patch={patch}")


def story(cluster: Cluster, prometheus: Prometheus) -> None:
    base = measured_capacity(cluster, prometheus)
    easy, much = round(0.6 * base), round(2.6 * base)
    print(f"one replica carries {base:.0f} calls/s by CPU time; load {easy}, {much}, {easy} calls/s")
    good_text = Path(__file__).with_name("tuning.yaml").read_text()
    acts: Sequence[tuple[int, str, Callable[[], None]]] = (
        (40, "scale to 3", lambda: scale(cluster, 3)),
        (90, "limit too low", lambda: tune(cluster, good_text.replace(": 400 ", ": 8 "))),
        (105, "not YAML", lambda: tune(cluster, "limits: [")),
        (110, "limit restored", lambda: tune(cluster, good_text)),
        (125, "scale to 1", lambda: scale(cluster, 1)),
    )
    load = Load(cluster.kubectl, "story", [Step(easy, 20), Step(much, 55), Step(easy, 75)], hold=8)
    load.start()
    started = time.time()
    timers = [threading.Timer(at, act) for at, _, act in acts]
    for timer in timers:
        timer.start()
    lived = load.wait()
    wait_ready(cluster, "pcscf")
    _print(lived, prometheus, started, {at: text for at, text, _ in acts})
    load.stop()


def _print(lived: Sequence[Second], prometheus: Prometheus, started: float, marks: Mapping[int, str]) -> None:
    end = max(second.at for second in lived)
    past = {name: prometheus.past(query, int(started), end) for name, query in _COLUMNS.items()}
    print(
        "  t  | SIPp placed  made failed(503) dropped    p95  seer | Prometheus "
        + " ".join(f"{name:>6}" for name in _COLUMNS)
    )
    for second in lived:
        at = int(second.at)
        p95, seer = second.setup_quantile(0.95), second.effectiveness
        prom = " ".join(f"{past[name].get(at, float('nan')):6.2f}" for name in _COLUMNS)
        print(
            f"{second.at - started:5.0f}|{second.attempted:11d} {second.established:6d} {second.failed_at_setup:5d}"
            f"({second.limited:3d}) {second.dropped + second.broken:6d} {p95 or 0:7.2f} "
            f"{'  -  ' if seer is None else f'{seer:5.3f}'}|           {prom}  {marks.get(at - int(started), '')}"
        )
    print(f"dropped in progress: {sum(second.dropped for second in lived)}")


def main() -> None:
    what = capacity if "capacity" in sys.argv[1:] else story
    with provide(node=True) as cluster:
        deploy(cluster, print_to_stderr)
        with cluster.reach(NAMESPACE, "prometheus", 9090) as address:
            time.sleep(5)
            what(cluster, Prometheus(address))


if __name__ == "__main__":
    main()
