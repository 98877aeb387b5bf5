"""The proxy that holds one write back, before a server of plain HTTP."""

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from e2e.holding_proxy import HoldingProxy, is_scale_write

SCALE = "/apis/apps/v1/namespaces/ims/deployments/pcscf/scale"


class Echo(BaseHTTPRequestHandler):
    seen: list[str] = []  # noqa: RUF012 - one server per test, emptied by the fixture

    def do_GET(self) -> None:
        self._answer()

    def do_PATCH(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.seen.append(f"{self.command} {self.path} {body} {self.headers.get('Content-Type', '')}")
        answer = self.seen[-1].encode()
        self.send_response(200)
        self.send_header("Audit-Id", "42")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def upstream() -> Iterator[str]:
    Echo.seen.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def send(method: str, url: str, body: bytes | None = None) -> tuple[str, str]:
    request = urllib.request.Request(url, data=body, method=method, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode(), answer.headers["Audit-Id"]


def test_everything_is_passed_on_with_query_and_headers(upstream):
    with HoldingProxy(upstream) as proxy:
        answer = send("PATCH", f"{proxy.address}{SCALE}?fieldManager=a%2Fb", b'{"spec":{}}')
    assert answer == (f'PATCH {SCALE}?fieldManager=a%2Fb {{"spec":{{}}}} application/json', "42")


def test_one_write_of_a_scale_is_held_and_never_sent(upstream):
    with HoldingProxy(upstream) as proxy, ThreadPoolExecutor(1) as threads:
        proxy.hold_next_scale()
        send("GET", f"{proxy.address}{SCALE}")
        held = threads.submit(send, "PATCH", f"{proxy.address}{SCALE}", b"{}")
        assert proxy.wait_until_holding(10)
        assert [one.split()[0] for one in Echo.seen] == ["GET"]
        proxy.drop()
        with pytest.raises(urllib.error.HTTPError, match="503") as refused:
            held.result(timeout=10)
        refused.value.close()
        send("PATCH", f"{proxy.address}{SCALE}", b"{}")
    assert [one.split()[0] for one in Echo.seen] == ["GET", "PATCH"]


@pytest.mark.parametrize(
    ("method", "path", "query", "expected"),
    [
        ("PATCH", SCALE, "fieldManager=homeostat", True),
        ("PATCH", SCALE, "dryRun=All", False),
        ("GET", SCALE, "", False),
        ("PATCH", SCALE.removesuffix("/scale"), "", False),
    ],
)
def test_what_counts_as_a_write_of_a_scale(method, path, query, expected):
    assert is_scale_write(method, path, query) is expected
