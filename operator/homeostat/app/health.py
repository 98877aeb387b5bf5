"""Probes and metrics over HTTP: alive, ready, and what the operator counts of itself."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest

log = logging.getLogger(__name__)


class Beating(Protocol):
    """The engine, as far as its health goes."""

    def heartbeat_age(self) -> float:
        """Seconds since the loop last went round."""
        ...

    def is_ready(self) -> bool:
        """Whether it looks at intents."""
        ...


class Health:
    """Serves /healthz, /readyz and /metrics."""

    def __init__(
        self, engine: Beating, is_synced: Callable[[], bool], registry: CollectorRegistry, limit: timedelta
    ) -> None:
        self._engine, self._is_synced, self._registry = engine, is_synced, registry
        self._limit = limit.total_seconds()
        self._runner = web.AppRunner(self._application(), access_log=None)

    async def start(self, host: str, port: int) -> int:
        """Begin to serve; gives the port."""
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        bound = int(self._runner.addresses[0][1])
        log.info("probes and metrics are served on port %d", bound)
        return bound

    async def stop(self) -> None:
        """Serve no more."""
        await self._runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/healthz", self._alive)
        application.router.add_get("/readyz", self._ready)
        application.router.add_get("/metrics", self._metrics)
        return application

    async def _alive(self, _: web.Request) -> web.Response:
        """Alive until the loop stands still; a start that waits for the API server is no reason for a restart."""
        age = self._engine.heartbeat_age()
        if self._engine.is_ready() and age > self._limit:
            return web.Response(status=500, text=f"the engine's loop has stood still for {age:.0f} s\n")
        return web.Response(text="alive\n")

    async def _ready(self, _: web.Request) -> web.Response:
        if not self._is_synced():
            return web.Response(status=503, text="the declared resources have not all been read yet\n")
        if not self._engine.is_ready():
            return web.Response(status=503, text="open remediations are being resumed\n")
        return web.Response(text="ready\n")

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": "text/plain; version=0.0.4"})
