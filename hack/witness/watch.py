"""A watch as a witness, for clusters whose audit log nobody can read."""

import contextlib
import http.client
import json
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from hack.witness.versions import Versions
from hack.witness.write import WitnessError, Write, of_resources

_TIMEOUT = 10.0
_LAG = 15.0
"""Seconds within which the watch must have told what a list shows already."""
_ROUND = 240
"""Seconds after which the API server ends a watch; the next one goes on where it ended."""
_PAUSE = 0.5
_BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})


class Watch:
    """Every version of the objects of some resources in a namespace, from now on.

    Each request that changes something makes a version of its own, and a watch tells them all, in order; when its
    connection ends it goes on from the last version. What it cannot tell:

    - a write that changed nothing: it makes no version, and has no effect;
    - who deleted an object;
    - an update of a whole object from a patch: both are a patch here;
    - in `sent`, the values that were sent as they stood already;
    - by whom a field was taken away with nothing put in its place (see `managed_fields.changed_by`).

    Raises WitnessError, at every question from then on, when a version may have been missed: a witness that missed
    something is none.
    """

    name = "a watch on every version of the objects (no audit log can be read here)"

    def __init__(self, address: str, namespace: str, resources: Mapping[str, str], manager: str) -> None:
        """Begin. ``address`` asks for no credentials; ``resources`` has each one's API path, such as /apis/apps/v1."""
        self._lock = threading.Lock()
        self._told: list[Write] = []
        self._watched: dict[str, _Resource] = {}
        try:
            for resource, api in resources.items():
                path = f"{api}/namespaces/{namespace}/{resource}"
                self._watched[resource] = _Resource(address, path, resource, manager, self._tell)
        except BaseException:
            self.close()
            raise

    def mark(self) -> int:
        """Return the number of writes so far."""
        return len(self.writes())

    def writes(self, *resources: str, since: int = 0) -> list[Write]:
        """Return the manager's writes to these resources, or to all; those of one resource oldest first."""
        asked = {resource.partition("/")[0] for resource in resources} or self._watched.keys()
        if not asked <= self._watched.keys():
            raise WitnessError(f"nobody watches {', '.join(sorted(asked - self._watched.keys()))}")
        for resource in asked:
            self._watched[resource].catch_up()
        with self._lock:
            return of_resources(self._told[since:], resources)

    def close(self) -> None:
        """End the watches."""
        for watched in self._watched.values():
            watched.end()

    def _tell(self, write: Write) -> None:
        with self._lock:
            self._told.append(write)


class _Resource:
    """The watch on one resource, in a thread of its own."""

    def __init__(self, address: str, path: str, resource: str, manager: str, tell: Callable[[Write], None]) -> None:
        self._host = urllib.parse.urlsplit(address).netloc
        self._path = path
        self._tell = tell
        self._over = threading.Event()
        self._news = threading.Condition()
        self._fault: Exception | None = None
        self._connection: http.client.HTTPConnection | None = None
        listed = self._list()
        self._from = listed["metadata"]["resourceVersion"]
        self._versions = Versions(resource, manager, listed["items"])
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def catch_up(self) -> None:
        """Wait until the watch has told all that has happened up to now."""
        with self._news:
            present = self._versions.present()
        try:
            items = self._list()["items"]
        except (OSError, http.client.HTTPException) as error:
            raise WitnessError(f"{self._path} cannot be listed: {error!r}") from error
        with self._news:
            self._news.wait_for(lambda: self._fault or self._versions.have_reached(items, present), _LAG)
            if self._fault is not None:
                raise WitnessError(f"the watch on {self._path} is no witness any more: {self._fault}") from self._fault
            if not self._versions.have_reached(items, present):
                raise WitnessError(f"the watch on {self._path} is {_LAG:.0f} s behind what the API server lists")

    def end(self) -> None:
        self._over.set()
        with self._news:
            if self._connection is not None and self._connection.sock is not None:
                # Closing would not wake up who reads from it; the thread closes it.
                with contextlib.suppress(OSError):
                    self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(_TIMEOUT)

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self._follow()
            except (OSError, http.client.HTTPException, json.JSONDecodeError):
                # The connection ended, in the middle of a line perhaps: the last whole version is where to go on from.
                self._over.wait(_PAUSE)
            except Exception as fault:  # told to whoever asks the witness
                with self._news:
                    self._fault = fault
                    self._news.notify_all()
                return

    def _follow(self) -> None:
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._from,
            "timeoutSeconds": _ROUND,
        }
        with self._connected(_ROUND + _TIMEOUT) as connection:
            with self._news:
                self._connection = connection
            if self._over.is_set():
                return
            connection.request("GET", f"{self._path}?{urllib.parse.urlencode(query)}")
            answer = connection.getresponse()
            if answer.status in _BUSY:
                raise http.client.HTTPException(answer.reason)
            if answer.status != HTTPStatus.OK:
                raise WitnessError(f"{answer.status} {answer.read().decode(errors='replace')}")
            for line in answer:
                self._take(json.loads(line))

    def _take(self, event: dict[str, Any]) -> None:
        with self._news:
            write = self._versions.take(event, datetime.now(UTC))
            self._from = event["object"]["metadata"]["resourceVersion"]
            if write is not None:
                self._tell(write)
            self._news.notify_all()

    def _list(self) -> dict[str, Any]:
        deadline = time.monotonic() + _LAG
        status, content = self._read()
        while status in _BUSY and time.monotonic() < deadline:  # as it is with a kind that is new
            self._over.wait(_PAUSE)
            status, content = self._read()
        if status != HTTPStatus.OK:
            raise WitnessError(f"{self._path} cannot be listed: {status} {content}")
        body: dict[str, Any] = json.loads(content)
        return body

    def _read(self) -> tuple[int, str]:
        with self._connected(_TIMEOUT) as connection:
            connection.request("GET", self._path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    @contextmanager
    def _connected(self, timeout: float) -> Iterator[http.client.HTTPConnection]:
        connection = http.client.HTTPConnection(self._host, timeout=timeout)
        try:
            connection.connect()
            yield connection
        finally:
            connection.close()
