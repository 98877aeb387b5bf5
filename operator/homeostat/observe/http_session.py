"""One bounded HTTP exchange at a time for prometheus-api-client, which leaves size, warnings and deadlines to others.

The query goes into the body, no redirect is followed, neither proxy nor credentials are taken from the environment,
the decoded answer is capped while it streams, and another thread can end an exchange that drips.
"""

import contextlib
import io
import json
import socket
import threading
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_CHUNK = 65536
_USER_AGENT = "homeostat"


class TooLargeError(requests.RequestException):
    """The answer is larger than the cap."""


class Exchange:
    """One exchange in flight; ``abort`` may be called from any thread and ends it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self.aborted = False

    def uses(self, connected: socket.socket | None) -> None:
        """Note the socket that the exchange runs over."""
        with self._lock:
            self._socket = connected
            if self.aborted:
                self._shut()

    def ended(self) -> None:
        """The socket is no longer this exchange's."""
        with self._lock:
            self._socket = None

    def abort(self) -> None:
        """End it: whoever waits on the socket wakes up with an error."""
        with self._lock:
            self.aborted = True
            self._shut()

    def _shut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


_in_flight = threading.local()


def _announce(connected: socket.socket | None) -> None:
    exchange = getattr(_in_flight, "exchange", None)
    if exchange is not None:
        exchange.uses(connected)


class _Connection(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        _announce(self.sock)

    def putrequest(self, method: str, url: str, skip_host: bool = False, skip_accept_encoding: bool = False) -> None:
        _announce(self.sock)
        super().putrequest(method, url, skip_host, skip_accept_encoding)


class _SecureConnection(HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        _announce(self.sock)

    def putrequest(self, method: str, url: str, skip_host: bool = False, skip_accept_encoding: bool = False) -> None:
        _announce(self.sock)
        super().putrequest(method, url, skip_host, skip_accept_encoding)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - the library's signature
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


class Payload(requests.Response):
    """A whole answer, decoded once; ``payload`` is None where it is not JSON."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__()
        self.status_code, self.raw = status, io.BytesIO(body)
        self.payload = _decoded(body)

    def json(self, **_: Any) -> Any:  # noqa: ANN401 - the library's signature
        """The decoded answer.

        Raises:
            requests.JSONDecodeError: it is not JSON.
        """
        if self.payload is None:
            raise requests.JSONDecodeError("not JSON", "", 0)
        return self.payload


class QuerySession(requests.Session):
    """A session for one thread; the last answer stays readable, because the client drops its warnings."""

    def __init__(self, largest: int) -> None:
        super().__init__()
        self.trust_env = False
        self.headers["User-Agent"] = _USER_AGENT
        self._largest = largest
        self._bounded = _Adapter(max_retries=0, pool_connections=1, pool_maxsize=1)
        self.last: Payload | None = None
        self.exchange = Exchange()

    def get_adapter(self, url: str | bytes) -> HTTPAdapter:  # noqa: ARG002 - one for every address
        """Our own adapter, whatever others mount."""
        return self._bounded

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> Payload:  # noqa: ANN401 - the library's signature
        """Send the parameters as a form and read at most the cap.

        Raises:
            requests.RequestException: no whole answer came.
        """
        kwargs |= {"data": kwargs.pop("params", None), "allow_redirects": False, "stream": True}
        self.last = None
        _in_flight.exchange = self.exchange
        try:
            with super().request(method, url, *args, **kwargs) as response:
                self.last = Payload(response.status_code, self._read(response))
        finally:
            self.exchange.ended()
            _in_flight.exchange = None
        return self.last

    def close(self) -> None:
        """Close every connection."""
        self._bounded.close()
        super().close()

    def _read(self, response: requests.Response) -> bytes:
        body = bytearray()
        for chunk in response.iter_content(_CHUNK):
            body += chunk
            if len(body) > self._largest:
                raise TooLargeError(f"the answer is larger than {self._largest} bytes")
            if self.exchange.aborted:
                raise requests.Timeout("the answer did not end in time")
        return bytes(body)


def _decoded(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
