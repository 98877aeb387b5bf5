"""kopf's raw events into the catalog: no logic, no writes, no finalizers, nothing returned."""

from collections.abc import Callable
from typing import Any

import kopf

from homeostat.contracts.common import GROUP, VERSION
from homeostat.flow.resources import Body
from homeostat.intake.catalog import CEILING, INTENT, POLICY, SOURCE, WINDOW, Catalog

OnRecord = Callable[[str, Body], None]
"""Called with the type of an event (ADDED, MODIFIED, DELETED; empty at the first listing) and the Remediation."""

DELETED = "DELETED"

_PLURALS = {
    INTENT: "serviceintents",
    POLICY: "remediationpolicies",
    SOURCE: "telemetrysources",
    WINDOW: "maintenancewindows",
    CEILING: "autonomyceilings",
}


def register(registry: kopf.OperatorRegistry, catalog: Catalog, on_record: OnRecord) -> None:
    """Have every event of our kinds handed on."""
    for kind, plural in _PLURALS.items():
        _register_kind(registry, catalog, kind, plural)

    @kopf.on.event(GROUP, VERSION, "remediations", registry=registry, id="remediations")
    async def seen(type: str | None, body: kopf.Body, **_: Any) -> None:  # noqa: A002, ANN401 - kopf's names
        on_record(type or "", dict(body))


def _register_kind(registry: kopf.OperatorRegistry, catalog: Catalog, kind: str, plural: str) -> None:
    @kopf.on.event(GROUP, VERSION, plural, registry=registry, id=plural)
    async def seen(type: str | None, body: kopf.Body, **_: Any) -> None:  # noqa: A002, ANN401 - kopf's names
        if type == DELETED:
            metadata = body["metadata"]
            catalog.remove(kind, metadata.get("namespace", ""), metadata["name"], metadata["uid"])
        else:
            catalog.put(kind, dict(body))
