"""A small proxy on loopback that can hold one write back: a crash between record and act, in sight."""

import asyncio
import threading
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}
_CREDENTIALS = {"authorization", "impersonate-user", "impersonate-group"}
"""Left out, for the proxy behind this one brings them."""

_LARGEST = 64 * 1024 * 1024


class HoldingProxy:
    """Passes everything on, watches included; holds the next write of a /scale once told to."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._armed = False
        self._held = threading.Event()
        self._dropped = asyncio.Event()
        self.address = ""
        self.held_request = ""

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(timeout=10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.drop()
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(timeout=20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    def hold_next_scale(self) -> None:
        """From now on, hold the first write of a scale."""
        self._armed = True

    def wait_until_holding(self, seconds: float) -> bool:
        """Wait for a write to hold; tell whether one came."""
        return self._held.wait(seconds)

    def drop(self) -> None:
        """Forget the held write: it never reaches the API server."""
        self._armed = False
        self._loop.call_soon_threadsafe(self._dropped.set)

    async def _start(self) -> None:
        self._session = aiohttp.ClientSession(
            auto_decompress=False, timeout=aiohttp.ClientTimeout(total=None), connector=aiohttp.TCPConnector(limit=0)
        )
        application = web.Application(client_max_size=_LARGEST)
        application.router.add_route("*", "/{path:.*}", self._pass_on)
        self._runner = web.AppRunner(application, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.address = "http://{}:{}".format(*self._runner.addresses[0])

    async def _stop(self) -> None:
        await self._runner.cleanup()
        await self._session.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if self._armed and is_scale_write(request.method, request.path, request.query_string):
            self._armed = False
            self.held_request = f"{request.method} {request.path} {body.decode(errors='replace')}"
            self._held.set()
            await self._dropped.wait()
            return web.Response(status=503)
        headers = _kept(request.headers)
        address = URL(f"{self._upstream}{request.raw_path}", encoded=True)
        async with self._session.request(request.method, address, headers=headers, data=body or None) as answer:
            return await _stream(request, answer)


def is_scale_write(method: str, path: str, query: str) -> bool:
    """Whether a request changes the size of a workload for real."""
    return method == "PATCH" and path.endswith("/scale") and "dryRun" not in query


def _kept(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    return CIMultiDict(
        (name, value) for name, value in headers.items() if name.lower() not in _HOP_BY_HOP | _CREDENTIALS
    )


async def _stream(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    passed = web.StreamResponse(status=answer.status, headers=_kept(answer.headers))
    await passed.prepare(request)
    async for chunk in answer.content.iter_any():
        await passed.write(chunk)
    await passed.write_eof()
    return passed
