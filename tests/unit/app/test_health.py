from datetime import timedelta

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter

from homeostat.app.health import Health


class Engine:
    def __init__(self, age: float, ready: bool) -> None:
        self.age, self.ready = age, ready

    def heartbeat_age(self) -> float:
        return self.age

    def is_ready(self) -> bool:
        return self.ready


@pytest.mark.parametrize(
    ("synced", "ready", "age", "alive", "is_ready"),
    [
        (False, False, 0, 200, 503),
        (True, False, 0, 200, 503),
        (True, False, 900, 200, 503),
        (True, True, 1, 200, 200),
        (True, True, 31, 500, 200),
    ],
)
async def test_probes(synced, ready, age, alive, is_ready):
    engine, registry = Engine(age, ready), CollectorRegistry()
    Counter("homeostat_x", "X.", registry=registry).inc()
    health = Health(engine, lambda: synced, registry, timedelta(seconds=30))
    port = await health.start("127.0.0.1", 0)
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            assert (await session.get("/healthz")).status == alive
            assert (await session.get("/readyz")).status == is_ready
            assert "homeostat_x_total 1.0" in await (await session.get("/metrics")).text()
    finally:
        await health.stop()
