import asyncio
import inspect
from typing import Any

import kopf
import pytest

from homeostat.intake.catalog import KINDS, Catalog
from homeostat.intake.handlers import register
from tests.unit.intake.bodies import intent


@pytest.fixture
def catalog():
    return Catalog()


@pytest.fixture
def seen():
    return []


@pytest.fixture
def registry(catalog, seen):
    registry = kopf.OperatorRegistry()
    register(registry, catalog, lambda kind, body: seen.append((kind, body)))
    return registry


def handlers_of(registry: kopf.OperatorRegistry, part: str) -> list[Any]:
    return list(getattr(registry, part).get_all_handlers())


def test_nothing_but_raw_events(registry):
    """Indices are quadratic; timers, daemons and change handlers write finalizers or annotations to objects."""
    parts = {name: part for name, part in vars(registry).items() if hasattr(part, "get_all_handlers")}
    assert {"_watching", "_changing", "_spawning", "_indexing", "_webhooks"} <= parts.keys()
    filled = {name for name in parts if handlers_of(registry, name)}
    assert filled == {"_watching"}
    assert len(handlers_of(registry, "_watching")) == len(KINDS) + 1


def body_of(content: Any) -> kopf.Body:
    return kopf.Body(content)


def call(registry: kopf.OperatorRegistry, name: str, **given: Any) -> object:
    handler = next(h for h in handlers_of(registry, "_watching") if h.id == name)
    assert inspect.iscoroutinefunction(handler.fn)
    return asyncio.run(handler.fn(**given))


@pytest.mark.parametrize("type_", [None, "ADDED", "MODIFIED"])
def test_events_reach_the_catalog_and_return_nothing(registry, catalog, type_):
    assert call(registry, "serviceintents", type=type_, body=body_of(intent()), logger=None) is None
    assert set(catalog.intents()) == {("ims", "calls")}
    assert call(registry, "serviceintents", type="DELETED", body=body_of(intent()), logger=None) is None
    assert not catalog.intents()


def test_records_are_handed_on(registry, seen):
    record: Any = {"metadata": {"name": "r"}}
    assert call(registry, "remediations", type=None, body=body_of(record)) is None
    assert call(registry, "remediations", type="DELETED", body=body_of(record)) is None
    assert seen == [("", record), ("DELETED", record)]
