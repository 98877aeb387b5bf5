"""Follows the operator's resources: what changes is said at once, and replicas are kept for the chart."""

import threading
import time
import urllib.error
from typing import Any

from e2e.api import Api
from e2e.timeline import Timeline, Who

_EVERY = 0.5
_INTENTS = "/apis/homeostat.dev/v1alpha1/namespaces/ims/serviceintents/call-setup"


class Follower:
    """A thread that looks twice a second."""

    def __init__(self, api: Api, timeline: Timeline) -> None:
        self._api = api
        self._timeline = timeline
        self._told: dict[str, str] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._here = False
        self._samples: list[tuple[float, int]] = []

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join(timeout=10)

    def replicas(self, start: float, end: float) -> list[tuple[float, int]]:
        """Ready replicas of the edge at each look, with seconds since the epoch."""
        return [(at, ready) for at, ready in self._samples if start <= at <= end]

    def _run(self) -> None:
        while not self._over.wait(_EVERY):
            try:
                self._look()
            except (OSError, urllib.error.URLError, KeyError, ValueError):
                continue  # the API server is busy or on its way down; the next look tells

    def _look(self) -> None:
        wanted, ready = self._api.replicas()
        self._samples.append((time.time(), ready))
        self._tell("replicas", f"pcscf has {ready} of {wanted} replicas ready", Who.STAGE)
        if not self._operator_is_here():
            return
        for record in self._api.records():
            status = record.get("status") or {}
            if status:
                self._tell(record["metadata"]["name"], told(record["metadata"]["name"], status), Who.OPERATOR)
        intent = self._api.intent()
        summary = (intent.get("status") or {}).get("summary", "")
        if summary:
            self._tell("intent", f"intent {summary}", Who.OPERATOR, key=fulfilment(intent))

    def _operator_is_here(self) -> bool:
        self._here = self._here or self._api.find(_INTENTS) is not None
        return self._here

    def _tell(self, what: str, text: str, who: Who, key: str = "") -> None:
        if self._told.get(what) != (key or text):
            self._told[what] = key or text
            self._timeline.say(who, text)


def told(name: str, status: dict[str, Any]) -> str:
    """One line about a record."""
    release = (status.get("release") or {}).get("message", "")
    return f"{name} {status.get('phase', '')}: {release or status.get('message', '')}"


def fulfilment(intent: dict[str, Any]) -> str:
    """What must change for the intent's line to be worth saying again."""
    conditions = (intent.get("status") or {}).get("conditions", [])
    states = [f"{c['type']}={c['status']}/{c['reason']}" for c in conditions if c["type"] in _TOLD]
    return " ".join(sorted(states))


_TOLD = frozenset({"Fulfilled", "TelemetryAvailable"})
