"""Faults of HTTP and of the server's process: none is raised, each has its reason, and none outlasts its time."""

import asyncio
import contextlib
import gzip
import http.server
import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from hack.cluster.processes import free_ports
from homeostat.contracts.telemetry_source import TelemetrySourceSpec
from homeostat.flow.facts import Unknown
from homeostat.observe.prometheus import LARGEST_ANSWER, PrometheusTelemetry
from tests.telemetry.conftest import Site

GOOD = {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {"a": "b"}, "value": [1.5, "7"]}]}}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answer: Callable[["Handler"], None]
    bodies: list[str]

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.bodies.append(self.body)
        with contextlib.suppress(OSError):
            type(self).answer(self)

    def send(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(answer: Callable[[Handler], None]) -> Iterator[tuple[str, list[str]]]:
    bodies: list[str] = []
    handler = type("One", (Handler,), {"answer": staticmethod(answer), "bodies": bodies})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", bodies
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def source_at(url: str, **more: object) -> TelemetrySourceSpec:
    return TelemetrySourceSpec.model_validate({"url": url, "timeout": "1s", **more})


def drip_body(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    for _ in range(300):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.1)


def drip_headers(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(300):
        handler.wfile.write(b"a")
        handler.wfile.flush()
        time.sleep(0.1)


def huge(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    for _ in range(10_000):
        handler.wfile.write(chunk)


BOMB = gzip.compress(b" " * (20 * LARGEST_ANSWER))


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        (lambda h: h.send(b"", 302, Location="http://127.0.0.1:1/"), Unknown.BAD_ANSWER, "redirect"),
        (lambda h: h.send(b"not json"), Unknown.BAD_ANSWER, "no answer"),
        (lambda h: h.send(b"[" * 100_000), Unknown.BAD_ANSWER, "no answer"),
        (lambda h: h.send(b"{}"), Unknown.BAD_ANSWER, "no answer"),
        (lambda h: h.send(b'{"data": {"result": 3}}'), Unknown.BAD_ANSWER, "no answer"),
        (
            lambda h: h.send(json.dumps({"data": {"resultType": "matrix", "result": []}}).encode()),
            Unknown.BAD_ANSWER,
            "",
        ),
        (lambda h: h.send(b"boom", 503), Unknown.SOURCE_DOWN, "503"),
        (lambda h: h.send(b"", 429), Unknown.SOURCE_DOWN, "429"),
        (lambda h: h.send(b"", 401), Unknown.SOURCE_DOWN, "denies"),
        (lambda h: h.send(b'{"errorType": "timeout", "error": "slow"}', 503), Unknown.TIMED_OUT, "slow"),
        (lambda h: h.send(b'{"error": "parse error"}', 400), Unknown.QUERY_REFUSED, "parse error"),
        (lambda h: h.send(json.dumps({**GOOD, "warnings": ["store down"]}).encode()), Unknown.WARNINGS, "store down"),
        (lambda h: h.send(BOMB, Content_Encoding="gzip"), Unknown.BAD_ANSWER, "too large"),
        (lambda h: h.send(b"no gzip", Content_Encoding="gzip"), Unknown.BAD_ANSWER, "decompress"),
        (huge, Unknown.BAD_ANSWER, "too large"),
        (lambda h: h.connection.shutdown(socket.SHUT_RDWR), Unknown.SOURCE_DOWN, ""),
        (drip_body, Unknown.TIMED_OUT, "1s"),
        (drip_headers, Unknown.TIMED_OUT, "1s"),
    ],
)
async def test_fault(
    telemetry: PrometheusTelemetry, answer: Callable[[Handler], None], reason: Unknown, words: str
) -> None:
    with serving(answer) as (url, bodies):
        began = time.monotonic()
        got = await telemetry.query(source_at(url), "up")
        assert got.failure is reason, got
        assert words in got.message
        assert not got.series
        assert time.monotonic() - began < 4
        assert len(bodies) == 1, "a query is never repeated"


async def test_query_goes_in_the_body_and_infos_are_no_warnings(telemetry: PrometheusTelemetry) -> None:
    body = json.dumps({**GOOD, "infos": ["maybe no counter"]}).encode()
    with serving(lambda h: h.send(body)) as (url, bodies):
        got = await telemetry.query(source_at(f"{url}/"), 'up{a="b c"}')
        assert [(s.value, dict(s.labels)) for s in got.series] == [(7.0, {"a": "b"})]
        assert bodies == ["query=up%7Ba%3D%22b+c%22%7D&timeout=1s"]


async def test_thread_of_a_dripping_source_is_freed(telemetry: PrometheusTelemetry) -> None:
    with serving(drip_headers) as (url, _):
        await asyncio.gather(*(telemetry.query(source_at(url, concurrency=16), "up") for _ in range(16)))
        with serving(lambda h: h.send(json.dumps(GOOD).encode())) as (well, _):
            assert (await telemetry.query(source_at(well), "up")).failure is None


async def test_threads_do_not_share_a_session(telemetry: PrometheusTelemetry) -> None:
    """Many answers at once, each to its own question."""

    def echo(handler: Handler) -> None:
        asked = urllib.parse.parse_qs(handler.body)["query"][0]
        time.sleep(0.01)
        labels = {**GOOD, "data": {"resultType": "scalar", "result": [1.5, "1"]}, "warnings": [asked]}
        handler.send(json.dumps(labels).encode())

    with serving(echo) as (url, _):
        source = source_at(url, concurrency=16, timeout="10s")
        answers = await asyncio.gather(*(telemetry.query(source, f"up{n}") for n in range(200)))
    assert [a.warnings for a in answers] == [(f"up{n}",) for n in range(200)]


async def test_one_source_has_only_its_turns() -> None:
    running, most, lock = 0, 0, threading.Lock()

    def slow(handler: Handler) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.05)
        with lock:
            running -= 1
        handler.send(json.dumps(GOOD).encode())

    telemetry = PrometheusTelemetry(largest_queue=20)
    with serving(slow) as (url, bodies):
        source = source_at(url, concurrency=2, timeout="5s")
        answers = await asyncio.gather(*(telemetry.query(source, "up") for _ in range(40)))
        await telemetry.close()
    assert most <= 2
    busy = [a for a in answers if a.failure is not None]
    assert {a.failure for a in busy} == {Unknown.SOURCE_DOWN}
    assert all("busy" in a.message for a in busy)
    assert len(bodies) == 40 - len(busy) >= 20


async def test_nobody_listens_and_nobody_answers(telemetry: PrometheusTelemetry) -> None:
    got = await telemetry.query(source_at(f"http://127.0.0.1:{free_ports(1)[0]}"), "up")
    assert got.failure is Unknown.SOURCE_DOWN
    with socket.create_server(("127.0.0.1", 0)) as silent:
        got = await telemetry.query(source_at(f"http://127.0.0.1:{silent.getsockname()[1]}"), "up")
    assert got.failure is Unknown.TIMED_OUT
    assert (await telemetry.query(source_at("http://no-such-host.invalid"), "up")).failure in {
        Unknown.SOURCE_DOWN,
        Unknown.TIMED_OUT,
    }


async def test_loop_is_not_held_up(telemetry: PrometheusTelemetry) -> None:
    """A bomb and a drip are chewed elsewhere: the event loop keeps its beat."""
    longest = 0.0

    async def beat() -> None:
        nonlocal longest
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - began)

    beating = asyncio.create_task(beat())
    with serving(drip_body) as (drips, _), serving(lambda h: h.send(BOMB, Content_Encoding="gzip")) as (bombs, _):
        await asyncio.gather(*(telemetry.query(source_at(url), "up") for url in (drips, bombs)))
    beating.cancel()
    assert longest < 0.5


async def test_closing_ends_what_is_in_flight() -> None:
    telemetry = PrometheusTelemetry()
    with serving(drip_headers) as (url, _):
        asked = asyncio.create_task(telemetry.query(source_at(url, timeout="60s"), "up"))
        await asyncio.sleep(0.3)
        began = time.monotonic()
        await telemetry.close()
        assert (await asked).failure is not None
    assert time.monotonic() - began < 5
    assert (await telemetry.query(source_at(url), "up")).message == "the operator is stopping"


async def test_real_prometheus_that_stands_still(site: Site, telemetry: PrometheusTelemetry) -> None:
    port = str(site.prometheus).rpartition(":")[2]
    pattern = f"web.listen-address=127.0.0.1:{port}"
    process = int(
        subprocess.run(["pgrep", "-f", pattern], capture_output=True, text=True, check=True).stdout.split()[0]
    )
    source = source_at(str(site.prometheus))
    assert (await telemetry.query(source, "vector(1)")).failure is None
    os.kill(process, signal.SIGSTOP)
    try:
        assert (await telemetry.query(source, "vector(1)")).failure is Unknown.TIMED_OUT
    finally:
        os.kill(process, signal.SIGCONT)
    assert (await telemetry.query(source, "vector(1)")).failure is None
