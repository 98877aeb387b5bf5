"""What people declared, as last seen: every resource as stored, its newest good version, and why others are refused.

A cache of the API server that may lag behind or hold what is gone; whoever acts reads again first.
"""

import logging
from collections.abc import Callable, Mapping, MutableMapping
from types import MappingProxyType
from typing import Any

from homeostat.contracts.annotations import PREFIX
from homeostat.flow.resources import (
    Body,
    CompiledCeiling,
    CompiledIntent,
    CompiledPolicy,
    CompiledSource,
    CompiledWindow,
    Refusal,
)
from homeostat.intake.compile import compile_ceiling, compile_intent, compile_policy, compile_source, compile_window

log = logging.getLogger(__name__)

Key = tuple[str, str]
"""Namespace and name; the namespace is empty for what no namespace owns."""

Compiled = CompiledIntent | CompiledPolicy | CompiledSource | CompiledWindow | CompiledCeiling

INTENT, POLICY, SOURCE, WINDOW = "ServiceIntent", "RemediationPolicy", "TelemetrySource", "MaintenanceWindow"
CEILING = "AutonomyCeiling"
KINDS = (INTENT, POLICY, SOURCE, WINDOW, CEILING)
_COMPILERS: Mapping[str, Callable[[Body], Compiled | Refusal]] = {
    INTENT: compile_intent,
    POLICY: compile_policy,
    SOURCE: compile_source,
    WINDOW: compile_window,
    CEILING: compile_ceiling,
}


class Catalog:
    """Intents, policies, sources, maintenance windows and the autonomy ceiling; one thread only, the event loop's."""

    def __init__(self) -> None:
        self._intents: dict[Key, CompiledIntent] = {}
        self._policies: dict[Key, CompiledPolicy] = {}
        self._sources: dict[Key, CompiledSource] = {}
        self._windows: dict[Key, CompiledWindow] = {}
        self._ceilings: dict[Key, CompiledCeiling] = {}
        self._stored: dict[str, dict[Key, Body]] = {kind: {} for kind in KINDS}
        self._refused: dict[str, dict[Key, Refusal]] = {kind: {} for kind in KINDS}
        self._subscribers: list[Callable[[], None]] = []

    def intents(self) -> Mapping[Key, CompiledIntent]:
        """The newest good version of every intent."""
        return MappingProxyType(self._intents)

    def policies(self) -> Mapping[Key, CompiledPolicy]:
        """The newest good version of every policy."""
        return MappingProxyType(self._policies)

    def sources(self) -> Mapping[Key, CompiledSource]:
        """The newest good version of every telemetry source."""
        return MappingProxyType(self._sources)

    def windows(self) -> Mapping[Key, CompiledWindow]:
        """The newest good version of every maintenance window."""
        return MappingProxyType(self._windows)

    def source(self, namespace: str, name: str) -> CompiledSource | None:
        """The newest good version of a telemetry source; None where there is none."""
        return self._sources.get((namespace, name))

    def refused(self, kind: str) -> Mapping[Key, Refusal]:
        """Why the newest version of some resources of a kind is refused."""
        return MappingProxyType(self._refused[kind])

    def refusal(self, kind: str, namespace: str, name: str) -> Refusal | None:
        """Why the newest version of a resource is refused; None if it is good, or gone."""
        return self._refused[kind].get((namespace, name))

    def keys(self, kind: str) -> frozenset[Key]:
        """All resources of a kind that are known to be stored."""
        return frozenset(self._stored[kind])

    def stored(self, kind: str, namespace: str, name: str) -> Body | None:
        """A resource with its status, as last seen; None where it is gone. Kinds not kept here are not known."""
        return self._stored.get(kind, {}).get((namespace, name))

    def subscribe(self, callback: Callable[[], None]) -> None:
        """Have a callback called after each change of what is declared; echoes of status writes are none."""
        self._subscribers.append(callback)

    def put(self, kind: str, body: Body) -> None:
        """Take in a resource as seen; an older version than the known one changes nothing."""
        key = _key(body)
        known = self._stored[kind].get(key)
        if known is not None and _is_older(body, known):
            return
        self._stored[kind][key] = body
        if known is not None and _declares_the_same(body, known):
            return
        if known is not None and known["metadata"]["uid"] != body["metadata"]["uid"]:
            self._drop(kind, key)
        self._compile(kind, key, body)
        self._tell()

    def remove(self, kind: str, namespace: str, name: str, uid: str) -> None:
        """Forget a resource that is gone; one that was created anew under the same name stays."""
        known = self._stored[kind].get((namespace, name))
        if known is None or known["metadata"]["uid"] != uid:
            return
        del self._stored[kind][(namespace, name)]
        self._drop(kind, (namespace, name))
        self._tell()

    def _compile(self, kind: str, key: Key, body: Body) -> None:
        compiled = _COMPILERS[kind](body)
        if isinstance(compiled, Refusal):
            self._refused[kind][key] = compiled
            log.warning("%s %s/%s is refused: %s", kind, *key, compiled.message)
            return
        self._good(kind)[key] = compiled
        self._refused[kind].pop(key, None)

    def _drop(self, kind: str, key: Key) -> None:
        """A new object under an old name inherits no good version from the old one."""
        self._refused[kind].pop(key, None)
        self._good(kind).pop(key, None)

    def _good(self, kind: str) -> MutableMapping[Key, Any]:
        """The newest good version of every resource of a kind."""
        good: dict[str, MutableMapping[Key, Any]] = {
            INTENT: self._intents,
            POLICY: self._policies,
            SOURCE: self._sources,
            WINDOW: self._windows,
            CEILING: self._ceilings,
        }
        return good[kind]

    def _tell(self) -> None:
        for callback in self._subscribers:
            callback()


def _key(body: Body) -> Key:
    return body["metadata"].get("namespace", ""), body["metadata"]["name"]


def _is_older(body: Body, known: Body) -> bool:
    """Resource versions of one object are comparable numbers (KEP-5504)."""
    new, old = body["metadata"], known["metadata"]
    return new["uid"] == old["uid"] and int(new["resourceVersion"]) < int(old["resourceVersion"])


def _declares_the_same(body: Body, known: Body) -> bool:
    new, old = body["metadata"], known["metadata"]
    same = all(new.get(part) == old.get(part) for part in ("uid", "generation", "labels"))
    return same and _marks(new) == _marks(old)


def _marks(metadata: Mapping[str, Any]) -> Mapping[str, str]:
    """Annotations by which people speak to the operator."""
    return {k: v for k, v in (metadata.get("annotations") or {}).items() if k.startswith(PREFIX)}
