import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from homeostat.flow.ports import KubernetesError
from homeostat.flow.resources import Body
from homeostat.intake.catalog import INTENT, Catalog
from homeostat.intake.resync import Resync
from tests.unit.intake.bodies import changed, intent

OTHER = changed(intent(), name="other", uid="u2")


class Lists:
    """Gives lists as a test states them, and does something while one is asked for."""

    def __init__(self) -> None:
        self.intents: list[Body] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.failures = 0

    async def list(self, api_version: str, kind: str, namespace: str, label_selector: str = "") -> tuple[Body, ...]:
        assert (api_version, namespace, label_selector) == ("homeostat.dev/v1alpha1", "", "")
        if self.failures:
            self.failures -= 1
            raise KubernetesError(503, "ServiceUnavailable", "not now")
        found = tuple(self.intents) if kind == INTENT else ()
        self.meanwhile()
        return found


@pytest.fixture
def lists():
    return Lists()


@pytest.fixture
def catalog():
    return Catalog()


@pytest.fixture
def resync(lists, catalog):
    return Resync(lists, catalog, timedelta(hours=1))


async def test_ghosts_go_and_lost_ones_come(lists, catalog, resync):
    catalog.put(INTENT, intent())
    lists.intents = [OTHER]
    assert not resync.is_synced()
    await resync.sweep()
    assert set(catalog.intents()) == {("ims", "other")}
    assert resync.is_synced()


async def test_one_that_came_by_the_watch_during_the_list_stays(lists, catalog, resync):
    lists.meanwhile = lambda: catalog.put(INTENT, intent())
    await resync.sweep()
    assert set(catalog.intents()) == {("ims", "calls")}


async def test_one_created_anew_stays(lists, catalog, resync):
    catalog.put(INTENT, intent())
    lists.meanwhile = lambda: catalog.put(INTENT, changed(intent(), uid="u9", resourceVersion="30"))
    await resync.sweep()
    assert catalog.stored(INTENT, "ims", "calls")["metadata"]["uid"] == "u9"


async def test_failed_list_drops_nothing_and_is_tried_again(lists, catalog, resync):
    catalog.put(INTENT, intent())
    lists.failures = 1
    lists.intents = [OTHER]
    with pytest.raises(KubernetesError):
        await resync.sweep()
    assert set(catalog.intents()) == {("ims", "calls")}
    lists.failures = 1
    running = asyncio.create_task(resync.run())
    async with asyncio.timeout(10):
        await resync.wait_synced()
    running.cancel()
    assert set(catalog.intents()) == {("ims", "other")}
