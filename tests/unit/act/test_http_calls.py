"""Calls outside the cluster: only where the administrator allows, once, bounded, and never redirected."""

import asyncio
import contextlib
import ipaddress
import socket
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.act.http_calls import LONGEST_ANSWER, Allowed, HttpCalls, origin
from homeostat.flow.ports import NoAnswerError, NotSentError

LOOPBACK = ["127.0.0.0/8", "::1/128"]


@asynccontextmanager
async def served(answer: bytes, *, drip: bool = False, cut: bool = False):
    """A server that gives every request the same answer; yields its port and the requests."""
    seen: list[bytes] = []
    over = asyncio.Event()
    serving: set[Any] = set()

    async def serve(reader, writer):
        serving.add(asyncio.current_task())
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        if not cut:
            writer.write(answer)
            await writer.drain()
        if drip:
            await over.wait()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], seen
    finally:
        over.set()
        server.close()
        await asyncio.gather(*serving, return_exceptions=True)


def _calls(port: int, host: str = "127.0.0.1", networks: list[str] | None = None, timeout: float = 5.0) -> HttpCalls:
    return HttpCalls(Allowed.of([f"http://{host}:{port}"], LOOPBACK if networks is None else networks), timeout)


OK = b"HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\ndone"


async def test_one_call_with_its_headers_and_body():
    async with served(OK) as (port, seen):
        answer = await _calls(port).call("POST", f"http://127.0.0.1:{port}/a", {"Idempotency-Key": "k"}, '{"a":1}')
    assert (answer.status, answer.text) == (201, "done")
    (request,) = seen
    assert request.startswith(b"POST /a HTTP/1.1")
    assert b"Idempotency-Key: k" in request
    assert b"Content-Type: application/json" in request


async def test_a_name_is_called_at_the_address_that_was_checked():
    async with served(OK) as (port, seen):
        answer = await _calls(port, "localhost").call("POST", f"http://localhost:{port}/", {}, None)
    assert answer.status == 201
    assert f"Host: localhost:{port}".encode() in seen[0]


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:{}/", "https://127.0.0.1:{port}/", "http://localhost:{port}/", "http://x@127.0.0.1:{port}/"],
)
async def test_another_origin_is_not_called(url):
    async with served(OK) as (port, seen):
        with pytest.raises(NotSentError):
            await _calls(port).call("POST", url.format(1, port=port), {}, None)
    assert seen == []


async def test_an_inner_address_is_not_called_unless_its_network_is_named():
    async with served(OK) as (port, seen):
        for host in ("127.0.0.1", "localhost"):
            with pytest.raises(NotSentError, match="HOMEOSTAT_HTTP_NETWORKS"):
                await _calls(port, host, networks=[]).call("POST", f"http://{host}:{port}/", {}, None)
    assert seen == []


async def test_no_redirect_is_followed():
    async with served(OK) as (elsewhere, seen):
        moved = f"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:{elsewhere}/\r\nContent-Length: 0\r\n\r\n".encode()
        async with served(moved) as (port, _):
            answer = await _calls(port).call("POST", f"http://127.0.0.1:{port}/", {}, None)
    assert answer.status == 307
    assert seen == []


async def test_a_long_answer_is_cut():
    async with served(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (3 * LONGEST_ANSWER)) as (port, _):
        answer = await _calls(port).call("POST", f"http://127.0.0.1:{port}/", {}, None)
    assert len(answer.text) == LONGEST_ANSWER


async def test_an_answer_that_drips_is_lost():
    async with served(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", drip=True) as (port, _):
        with pytest.raises(NoAnswerError, match=r"in 0.2 s"):
            await _calls(port, timeout=0.2).call("POST", f"http://127.0.0.1:{port}/", {}, None)


async def test_a_connection_that_ends_without_an_answer_is_tried_once_and_lost():
    async with served(b"", cut=True) as (port, seen):
        with pytest.raises(NoAnswerError):
            await _calls(port).call("DELETE", f"http://127.0.0.1:{port}/", {}, None)
    assert len(seen) == 1


async def test_where_nobody_listens_nothing_was_sent():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(NotSentError, match="could not be reached"):
            await _calls(port).call("POST", f"http://127.0.0.1:{port}/", {}, None)


async def test_a_name_that_does_not_exist_was_not_called():
    with pytest.raises(NotSentError, match="cannot be resolved"):
        await _calls(80, "no-such-name.invalid").call("POST", "http://no-such-name.invalid/", {}, None)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
        "64:ff9b::a00:1", "2002:a00:1::", "2001:0:a00:1::",
    ],
)  # fmt: skip
def test_inner_addresses_are_not_permitted(address):
    assert not Allowed().permits(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are_permitted(address):
    assert Allowed().permits(ipaddress.ip_address(address))


@given(st.ip_addresses())
def test_a_named_network_permits_its_own_addresses_and_no_others(address):
    allowed = Allowed.of([], ["10.20.0.0/16"])
    named = address.version == 4 and address in ipaddress.ip_network("10.20.0.0/16")
    assert allowed.permits(address) == (named or Allowed().permits(address) or str(address).startswith("::ffff:10.20."))


def test_origins_are_compared_with_their_ports():
    assert origin("https://Oss.Example.com/a?b") == "https://oss.example.com:443"
    calls = HttpCalls(Allowed.of(["https://oss.example.com"], []))
    assert calls.refusal("https://oss.example.com:443/x") == ""
    assert "HOMEOSTAT_HTTP_ORIGINS" in calls.refusal("https://oss.example.com:8443/x")
    assert "HOMEOSTAT_HTTP_ORIGINS" in HttpCalls(Allowed()).refusal("https://oss.example.com/")


@pytest.mark.parametrize(
    "text", ["oss.example.com", "ftp://a", "https://", "https://a/path", "https://u:p@a", "https://a:x"]
)
def test_what_is_no_origin_is_refused(text):
    with pytest.raises(ValueError, match=r"origin|[Pp]ort"):
        Allowed.of([text], [])
