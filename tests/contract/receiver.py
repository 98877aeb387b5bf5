"""A system outside the cluster: orders by idempotency key, kept apart by namespace."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote


@dataclass
class Desk:
    """Orders of one namespace; ``locked``: someone else works on it, and it takes none. ``forgets``: it keeps none."""

    orders: dict[str, Any] = field(default_factory=dict)
    taken: list[str] = field(default_factory=list)
    locked: bool = False
    forgets: bool = False
    state: str = "done"
    answers: list[int] = field(default_factory=list)
    """Statuses to answer the next writes with, once they are done."""


class Receiver:
    """Listens on the loopback from its making to the end of the interpreter."""

    def __init__(self) -> None:
        self.desks: dict[str, Desk] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def desk(self, namespace: str) -> Desk:
        return self.desks.setdefault(namespace, Desk())

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                desk, key = self._asked()
                known = key in desk.orders
                self._answer(200 if known else 404, {"state": desk.state} if known else {"error": "no such order"})

            def do_POST(self) -> None:
                desk, _ = self._asked()
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
                if desk.locked:
                    return self._answer(409, {"error": "someone else works on this desk"})
                key = self.headers["Idempotency-Key"]
                desk.taken.append(key)
                if not desk.forgets:
                    desk.orders.setdefault(key, body)
                return self._answer(desk.answers.pop(0) if desk.answers else 201, {"order": key})

            def do_DELETE(self) -> None:
                desk, key = self._asked()
                desk.orders.pop(key, None)
                self._answer(204, None)

            def _asked(self) -> tuple[Desk, str]:
                _, _, namespace, *key = self.path.split("/")
                return receiver.desk(unquote(namespace)), unquote(key[0]) if key else ""

            def _answer(self, status: int, body: Any) -> None:
                self.send_response(status)
                self.end_headers()
                if body is not None:
                    self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_: object) -> None:
                pass

        return Handler


RECEIVER = Receiver()
