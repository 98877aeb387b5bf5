"""The edge's agent: keeps a running Kamailio at the tuning that its ConfigMap states, and says what is in force.

It follows the ConfigMap at the API server (a watch, by the pod's service account), so that a change is in force within
a second on any cluster; while the API server is away it reads the mounted file, which the kubelet renews in its own
time. A tuning that cannot be used is refused as a whole: the last good one stays in force.

    GET  /metrics   the tuning in force (by digest), refusals, CPU time, datagrams lost in the pod's full receive queue
    GET  /tuning    the text in force, byte for byte, its digest in the header Tuning-Sha256
    GET  /digest    the SHA-256 of the text in force, in hexadecimal, and nothing else
    POST /reload    read the ConfigMap now; answers 200 and the digest when it is in force, else 409 and the reason
    GET  /ready     200 once Kamailio answers with a known tuning in force
    GET  /drain     answers when the pod may go without harm to a call (preStop)
    POST /fault     a broken exporter: the CNF's call counters once more, as NaN;  DELETE /fault ends it
"""

import contextlib
import hashlib
import json
import os
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

KEY = "tuning.yaml"
MOUNTED = Path(os.environ.get("TUNING_FILE", "/etc/edge/tuning/tuning.yaml"))
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
DRAIN_SECONDS = float(os.environ.get("DRAIN_SECONDS", "25"))
SETTLE_SECONDS = 4.0  # new calls still arrive until every node knows that the pod is leaving
CHECK_SECONDS = 2.0
BOUNDS = {
    ("limits", "invitesPerSecond"): (1, 100_000),
    ("limits", "retryAfterSeconds"): (1, 300),
    ("timers", "noReactionMs"): (500, 32_000),
    ("timers", "ringingMs"): (5_000, 180_000),
}
FAULTY = "\n".join(
    f'kamailio_sip_invite_transactions{{outcome="{outcome}",exporter="broken"}} NaN'
    for outcome in ("effective", "ineffective")
)


class RefusedError(ValueError):
    """A tuning that cannot be used; the text says why."""


@dataclass(frozen=True)
class Tuning:
    """A valid tuning and the exact text that it came from."""

    text: str
    values: dict[tuple[str, str], int]

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def parse(text: str) -> Tuning:
    """Read a tuning, all or nothing."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RefusedError(f"not YAML: {error}") from error
    if not isinstance(document, dict):
        raise RefusedError("not a mapping")
    return Tuning(text, {path: _value(document, *path) for path in BOUNDS})


def _value(document: dict[str, Any], section: str, name: str) -> int:
    low, high = BOUNDS[section, name]
    part = document.get(section)
    value = part.get(name) if isinstance(part, dict) else None
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise RefusedError(f"{section}.{name} must be a whole number from {low} to {high}, not {value!r}")
    return value


class Kamailio:
    """The running proxy, by JSON-RPC over loopback."""

    def call(self, method: str, *params: str | int) -> Any:  # noqa: ANN401 - each method has a result of its own
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
        with urllib.request.urlopen("http://127.0.0.1:9090/rpc", body.encode(), timeout=5) as answer:
            # The answer of rl.get_pipes holds raw control characters.
            reply = json.loads(answer.read(), strict=False)
        if "error" in reply:
            raise OSError(f"{method}: {reply['error']}")
        return reply["result"]

    def apply(self, tuning: Tuning) -> None:
        values = tuning.values
        self.call("cfg.set_now_int", "edge", "retry_after", values["limits", "retryAfterSeconds"])
        self.call("cfg.set_now_int", "tm", "fr_timer", values["timers", "noReactionMs"])
        self.call("cfg.set_now_int", "tm", "fr_inv_timer", values["timers", "ringingMs"])
        self.call("rl.set_pipe", 0, "TAILDROP", values["limits", "invitesPerSecond"])

    def has(self, tuning: Tuning) -> bool:
        """Whether the limit is in force; it is set last, and a restarted Kamailio lacks it."""
        return f"/{tuning.values['limits', 'invitesPerSecond']} (" in str(self.call("rl.get_pipes"))

    def calls(self) -> tuple[int, int]:
        """Calls in progress, and those among them that are not answered yet."""
        counts = self.call("dlg.stats_active")
        return counts["all"], counts["starting"] + counts["connecting"]


class Agent:
    """Holds what is wanted and what is in force."""

    def __init__(self, kamailio: Kamailio) -> None:
        self.kamailio = kamailio
        self.wanted: Tuning | None = None
        self.in_force: Tuning | None = None
        self.refusals = 0
        self.reloads = 0
        self.faulty = False
        self._lock = threading.Lock()

    def take(self, text: str) -> None:
        """Put a text in force. A text that cannot be used raises RefusedError and changes nothing."""
        with self._lock:
            if self.in_force and self.in_force.text == text:
                return
            try:
                self.wanted = parse(text)
            except RefusedError as error:
                self.refusals += 1
                _say(f"tuning refused, the last good one stays in force: {error}")
                raise
            self._enforce()

    def check(self) -> None:
        """Notice a Kamailio that lost the tuning (it restarted) or that never got it."""
        with self._lock:
            if self.wanted and not (self.in_force is self.wanted and self.kamailio.has(self.wanted)):
                self._enforce()

    def _enforce(self) -> None:
        assert self.wanted is not None
        self.in_force = None
        self.kamailio.apply(self.wanted)
        if not self.kamailio.has(self.wanted):
            raise OSError("Kamailio did not take the limit")
        self.in_force = self.wanted
        self.reloads += 1
        _say(f"in force: {self.wanted.digest[:12]}")

    def metrics(self) -> str:
        lines = [
            f"kamailio_tuning_refusals_total {self.refusals}",
            f"kamailio_tuning_reloads_total {self.reloads}",
            f"kamailio_udp_datagrams_lost_total {_datagrams_lost()}",
            f"kamailio_process_cpu_seconds_total {_cpu_seconds():.2f}",
        ]
        if self.in_force:
            lines.append(f'kamailio_tuning_info{{sha256="{self.in_force.digest}"}} 1')
            limit = self.in_force.values["limits", "invitesPerSecond"]
            lines.append(f"kamailio_tuning_invites_per_second {limit}")
        if self.faulty:
            lines.append(FAULTY)
        return "\n".join(lines) + "\n"


def _datagrams_lost() -> int:
    rows = [line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Udp:")]
    return int(rows[1][rows[0].index("RcvbufErrors")])


def _cpu_seconds(program: str = "kamailio") -> float:
    """Return the CPU time of all processes of a program; the pod shares its process namespace for this.

    cAdvisor renews its figures every 10 s or so, too seldom to tell saturation within seconds.
    """
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            head, _, tail = path.read_text().rpartition(")")
            if head.endswith(f"({program}"):
                ticks += sum(int(field) for field in tail.split()[11:15])  # of children that ended, too
    return ticks / os.sysconf("SC_CLK_TCK")


class ConfigMap:
    """The ConfigMap at the API server."""

    def __init__(self) -> None:
        host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        self._base = f"https://{host}:{port}/api/v1/namespaces/{os.environ.get('POD_NAMESPACE')}/configmaps"
        self._name = os.environ.get("TUNING_CONFIGMAP", "pcscf-tuning")
        self._trust = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt")) if host else None

    def read(self) -> str:
        with self._open(f"/{self._name}", 5) as answer:
            return str(json.load(answer)["data"][KEY])

    def follow(self) -> Iterator[str]:
        """Yield the text now and at each change, until the API server ends the watch."""
        with self._open(f"?watch=1&timeoutSeconds=600&fieldSelector=metadata.name={self._name}", 660) as answer:
            for line in answer:
                event = json.loads(line)
                if event["type"] in ("ADDED", "MODIFIED") and KEY in event["object"].get("data", {}):
                    yield event["object"]["data"][KEY]

    def _open(self, path: str, timeout: float) -> Any:  # noqa: ANN401 - urlopen says no more
        if self._trust is None:
            raise OSError("not in a cluster")
        token = (ACCOUNT / "token").read_text()
        request = urllib.request.Request(self._base + path, headers={"Authorization": f"Bearer {token}"})
        return urllib.request.urlopen(request, timeout=timeout, context=self._trust)


def follow(agent: Agent, source: ConfigMap) -> None:
    while True:
        with _told("cannot follow the ConfigMap"):
            for text in source.follow():
                with _told("tuning not in force"):
                    agent.take(text)
        with _told("cannot use the mounted tuning"):
            agent.take(MOUNTED.read_text())
        time.sleep(1)


def keep(agent: Agent) -> None:
    while True:
        with _told("Kamailio does not answer"):
            agent.check()
        time.sleep(CHECK_SECONDS if agent.in_force else 0.3)


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError) as error:
        _say(f"{what}: {error}")


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} agent: {text}", flush=True)


class Handler(BaseHTTPRequestHandler):
    agent: Agent
    source: ConfigMap

    def do_GET(self) -> None:
        self._route(
            {
                "/metrics": self._metrics,
                "/tuning": self._tuning,
                "/digest": self._digest,
                "/ready": self._ready,
                "/drain": self._drain,
            }
        )

    def do_POST(self) -> None:
        self._route({"/reload": self._reload, "/fault": lambda: self._fault(True)})

    def do_DELETE(self) -> None:
        self._route({"/fault": lambda: self._fault(False)})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's naming
        """Keep quiet: probes and scrapes are no news."""

    def _route(self, routes: dict[str, Callable[[], None]]) -> None:
        routes.get(self.path, lambda: self._answer(404, "not found\n"))()

    def _metrics(self) -> None:
        self._answer(200, self.agent.metrics())

    def _tuning(self) -> None:
        tuning = self.agent.in_force
        self._answer(200 if tuning else 503, tuning.text if tuning else "", tuning)

    def _digest(self) -> None:
        tuning = self.agent.in_force
        self._answer(200 if tuning else 503, f"{tuning.digest}\n" if tuning else "", tuning)

    def _ready(self) -> None:
        self._answer(200 if self.agent.in_force else 503, "")

    def _reload(self) -> None:
        try:
            self.agent.take(self.source.read())
        except (OSError, ValueError, KeyError) as error:
            self._answer(409, f"{error}\n", self.agent.in_force)
        else:
            self._tuning()

    def _fault(self, faulty: bool) -> None:
        self.agent.faulty = faulty
        self._answer(200, "")

    def _drain(self) -> None:
        """Wait for no call at all; then at least for a moment without an unanswered one.

        A caller's port that comes into use again may still lead here (UDP connection tracking), so the last calls may
        never be over. An answered call needs no replica in particular; one that is being set up needs this one.
        """
        started = time.monotonic()
        time.sleep(SETTLE_SECONDS)
        while (passed := time.monotonic() - started) < DRAIN_SECONDS + 10:
            with contextlib.suppress(OSError, ValueError):
                calls, unanswered = self.agent.kamailio.calls()
                if calls == 0 or (passed > DRAIN_SECONDS and unanswered == 0):
                    break
            time.sleep(0.1)
        _say(f"drained in {passed:.1f} s")
        self._answer(200, "")

    def _answer(self, status: int, body: str, tuning: Tuning | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        if tuning:
            self.send_header("Tuning-Sha256", tuning.digest)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())


def main() -> None:
    Handler.agent, Handler.source = Agent(Kamailio()), ConfigMap()
    for task in (lambda: follow(Handler.agent, Handler.source), lambda: keep(Handler.agent)):
        threading.Thread(target=task, daemon=True).start()
    ThreadingHTTPServer(("", 8080), Handler).serve_forever()


if __name__ == "__main__":
    main()
