"""Calls to systems outside the cluster: only to origins that the administrator named, at addresses that were checked.

A name is resolved once; the connection goes to the very address that was checked, so that a name which changes its
address between check and connection gains nothing. No redirect is followed, nothing is taken from the environment.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from homeostat.flow.facts import CallAnswer
from homeostat.flow.ports import NoAnswerError, NotSentError

LONGEST_ANSWER = 64 * 1024
"""Bytes of an answer that are read."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PORTS = {"http": 80, "https": 443}
_TRANSLATED = tuple(ipaddress.ip_network(n) for n in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
"""IPv6 addresses that stand for IPv4 ones, and so for inner ones too."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be called: origins such as ``https://oss.example.com:8443``, and inner networks they may lie in."""

    origins: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, origins: Collection[str], networks: Collection[str]) -> "Allowed":
        """Read what an administrator wrote.

        Raises:
            ValueError: an origin is not scheme, host and port; a network is none.
        """
        return cls(frozenset(origin(o, strict=True) for o in origins), tuple(map(ipaddress.ip_network, networks)))

    def permits(self, address: Address) -> bool:
        """Whether a connection may be made to an address: a public one, or one of a network that is named."""
        inner = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped else address
        if any(inner.version == network.version and inner in network for network in self.networks):
            return True
        is_translated = any(inner.version == network.version and inner in network for network in _TRANSLATED)
        return inner.is_global and not inner.is_multicast and not is_translated


def origin(url: str, *, strict: bool = False) -> str:
    """Scheme, host and port of a URL, always with its port; ``strict``: nothing else may stand in it.

    Raises:
        ValueError: there are none, or something else stands there.
    """
    parts = urlsplit(url)
    extra = parts.username or parts.password or (strict and (parts.path not in ("", "/") or parts.query))
    if parts.scheme not in _PORTS or not parts.hostname or extra:
        raise ValueError(f"{url!r} is not an origin such as https://oss.example.com:8443")
    return f"{parts.scheme}://{parts.hostname.lower()}:{parts.port or _PORTS[parts.scheme]}"


class HttpCalls:
    """Makes single calls, each at most ``timeout`` seconds long in all."""

    def __init__(self, allowed: Allowed, timeout: float = 10.0) -> None:
        self._allowed, self._timeout = allowed, timeout

    def refusal(self, url: str) -> str:
        """Why a URL may not be called; empty where its origin is allowed."""
        try:
            asked = origin(url)
        except ValueError as error:
            return str(error)
        if asked in self._allowed.origins:
            return ""
        return f"{asked} is not among the origins that the operator may call (setting HOMEOSTAT_HTTP_ORIGINS)"

    async def call(self, method: str, url: str, headers: Mapping[str, str], body: str | None) -> CallAnswer:
        """Make one call, once.

        Raises:
            NotSentError: it surely did not leave.
            NoAnswerError: it may have arrived; no answer came.
        """
        refused = self.refusal(url)
        if refused:
            raise NotSentError(refused)
        try:
            async with asyncio.timeout(self._timeout):
                addresses = await self._checked(url)
                return await self._exchange(method, url, headers, body, addresses)
        except TimeoutError as error:
            raise NoAnswerError(f"no answer from {origin(url)} in {self._timeout:g} s") from error

    async def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: str | None, addresses: Sequence[str]
    ) -> CallAnswer:
        connector = aiohttp.TCPConnector(resolver=_Pinned(addresses), use_dns_cache=False, force_close=True)
        given = {"Accept": "application/json", "User-Agent": "homeostat", **headers}
        given |= {"Content-Type": "application/json"} if body is not None else {}
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector,
                    cookie_jar=aiohttp.DummyCookieJar(),
                    timeout=aiohttp.ClientTimeout(total=None),
                    trust_env=False,
                    middlewares=(_once(),),
                ) as session,
                session.request(method, url, headers=given, data=body, allow_redirects=False) as answer,
            ):
                return CallAnswer(answer.status, await _text(answer))
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
            raise NotSentError(f"{origin(url)} could not be reached: {error}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise NoAnswerError(f"{origin(url)} gave no answer: {error!r}") from error

    async def _checked(self, url: str) -> tuple[str, ...]:
        """The addresses of a URL's host, every one of them permitted."""
        parts = urlsplit(url)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                parts.hostname, parts.port or _PORTS[parts.scheme], type=socket.SOCK_STREAM
            )
        except OSError as error:
            raise NotSentError(f"the name {parts.hostname} cannot be resolved: {error}") from error
        addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            if not self._allowed.permits(ipaddress.ip_address(address.partition("%")[0])):
                raise NotSentError(
                    f"{parts.hostname} is at {address}, which is not public; an inner network must be named in the "
                    "setting HOMEOSTAT_HTTP_NETWORKS"
                )
        return addresses


def _once() -> aiohttp.ClientMiddlewareType:
    """The library sends an idempotent method again when the connection breaks before an answer; we do not."""
    is_sent = False

    async def middleware(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        nonlocal is_sent
        if is_sent:
            raise aiohttp.ClientConnectionError("the connection ended before an answer came")
        is_sent = True
        return await handler(request)

    return middleware


class _Pinned(AbstractResolver):
    """Answers every question with the addresses that were checked."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = addresses

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,
    ) -> list[ResolveResult]:
        """The checked addresses of a family."""
        found = [(socket.AF_INET6 if ":" in address else socket.AF_INET, address) for address in self._addresses]
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST)
            for kind, address in found
            if family in (socket.AF_UNSPEC, kind)
        ]

    async def close(self) -> None:
        """Nothing is held."""


async def _text(answer: aiohttp.ClientResponse) -> str:
    content = bytearray()
    async for chunk in answer.content.iter_chunked(8192):
        content += chunk
        if len(content) >= LONGEST_ANSWER:
            break
    return bytes(content[:LONGEST_ANSWER]).decode("utf-8", errors="replace")
