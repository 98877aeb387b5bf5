"""The telemetry port over prometheus-api-client: blocking calls in threads of its own, bounded in every direction.

Every fault of a source becomes an ``Answer`` with a reason; none is raised. Nothing that is logged or told names more
of a source's address than scheme, host and port.
"""

import asyncio
import contextlib
import logging
import math
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException

from homeostat.contracts.common import parse_duration
from homeostat.contracts.telemetry_source import TelemetrySourceSpec
from homeostat.flow.facts import Answer, Series, Unknown
from homeostat.observe.http_session import Exchange, Payload, QuerySession, TooLargeError

log = logging.getLogger(__name__)

LARGEST_ANSWER = 8 * 1024 * 1024
"""Bytes of one decoded answer: some 50,000 series, far more than any indicator needs."""

_CLIENTS_PER_THREAD = 8
_CONNECT_SECONDS = 3.05
_REFUSED = frozenset({400, 422})
_DENIED = frozenset({401, 403})
_LONGEST_QUOTE = 300


@dataclass(slots=True)
class _Lane:
    """Turns at one source, and how many hold or await one."""

    key: tuple[str, int]
    turns: asyncio.Semaphore
    users: int = 0


@dataclass(frozen=True, slots=True)
class _Client:
    session: QuerySession
    connect: PrometheusConnect


class _Clients(threading.local):
    """The clients of one thread, the least used one first: a requests session is not safe across threads.

    Without ``__slots__``: threads would share what they hold.
    """

    def __init__(self) -> None:
        self.known: OrderedDict[str, _Client] = OrderedDict()


class PrometheusTelemetry:
    """Instant queries to Prometheus-compatible sources.

    A query waits for its turn at most as long as the source's timeout, and runs at most as long again. A thread that
    a source holds longer keeps that source's turn, so that one bad source cannot take the threads of the others.
    """

    def __init__(self, *, threads: int = 16, largest_queue: int = 256, largest_answer: int = LARGEST_ANSWER) -> None:
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="prometheus")
        self._largest_queue, self._largest_answer = largest_queue, largest_answer
        self._lanes: dict[tuple[str, int], _Lane] = {}
        self._waiting = 0
        self._clients = _Clients()
        self._sessions: set[QuerySession] = set()
        self._in_flight: set[Exchange] = set()

    async def query(self, source: TelemetrySourceSpec, promql: str) -> Answer:
        """Ask one instant query at the source's present; never raises for a fault of the source."""
        if self._waiting >= self._largest_queue:
            return _failed(
                Unknown.SOURCE_DOWN, f"busy: {self._waiting} queries wait already, so this one was not asked"
            )
        seconds = parse_duration(source.timeout).total_seconds()
        with self._lane(source) as lane:
            try:
                await self._turn(lane, seconds)
            except TimeoutError:
                return _failed(Unknown.TIMED_OUT, f"{_place(source)} is busy: no turn within {source.timeout}")
            return await self._run(source, promql, seconds, lane)

    async def close(self) -> None:
        """End what is in flight and close every connection."""
        for exchange in tuple(self._in_flight):
            exchange.abort()
        await asyncio.to_thread(self._threads.shutdown, wait=True, cancel_futures=True)
        for session in tuple(self._sessions):
            session.close()

    @contextlib.contextmanager
    def _lane(self, source: TelemetrySourceSpec) -> Iterator[_Lane]:
        """The source's lane, remembered while anybody waits in it or any thread holds one of its turns."""
        key = (source.url, source.concurrency)
        lane = self._lanes.setdefault(key, _Lane(key, asyncio.Semaphore(source.concurrency)))
        lane.users += 1
        try:
            yield lane
        finally:
            self._left(lane)

    def _left(self, lane: _Lane) -> None:
        lane.users -= 1
        if not lane.users:
            self._lanes.pop(lane.key, None)

    async def _turn(self, lane: _Lane, seconds: float) -> None:
        self._waiting += 1
        try:
            async with asyncio.timeout(seconds):
                await lane.turns.acquire()
        finally:
            self._waiting -= 1

    async def _run(self, source: TelemetrySourceSpec, promql: str, seconds: float, lane: _Lane) -> Answer:
        exchange = Exchange()
        self._in_flight.add(exchange)
        lane.users += 1
        try:
            work = asyncio.get_running_loop().run_in_executor(
                self._threads, self._ask, source, promql, seconds, exchange
            )
        except RuntimeError:
            self._ended(lane, exchange)
            return _failed(Unknown.SOURCE_DOWN, "the operator is stopping")
        work.add_done_callback(lambda _: self._ended(lane, exchange))
        try:
            return await asyncio.wait_for(asyncio.shield(work), seconds)
        except TimeoutError:
            return _failed(Unknown.TIMED_OUT, f"{_place(source)} did not answer within {source.timeout}")
        finally:
            exchange.abort()

    def _ended(self, lane: _Lane, exchange: Exchange) -> None:
        self._in_flight.discard(exchange)
        lane.turns.release()
        self._left(lane)

    def _ask(self, source: TelemetrySourceSpec, promql: str, seconds: float, exchange: Exchange) -> Answer:
        """Runs in a thread of ours."""
        client = self._client(source.url)
        client.session.exchange = exchange
        try:
            client.connect.custom_query(
                promql,
                params={"timeout": f"{seconds:g}s"},
                timeout=(min(_CONNECT_SECONDS, seconds), seconds),
            )
        except PrometheusApiClientException:
            return _refusal(source, client.session.last)
        except Exception as error:
            return _fault(source, error)
        return _answer(source, client.session.last)

    def _client(self, url: str) -> _Client:
        known = self._clients.known
        if url not in known:
            session = QuerySession(self._largest_answer)
            self._sessions.add(session)
            known[url] = _Client(session, PrometheusConnect(url=url.rstrip("/"), session=session, method="POST"))
        known.move_to_end(url)
        if len(known) > _CLIENTS_PER_THREAD:
            _, oldest = known.popitem(last=False)
            oldest.session.close()
            self._sessions.discard(oldest.session)
        return known[url]


def _failed(reason: Unknown, message: str) -> Answer:
    return Answer(failure=reason, message=message)


def _place(source: TelemetrySourceSpec) -> str:
    parts = urlsplit(source.url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


_FAULTS: tuple[tuple[tuple[type[Exception], ...], Unknown, str], ...] = (
    ((TooLargeError,), Unknown.BAD_ANSWER, "sent an answer that is too large; aggregate in the query"),
    ((requests.Timeout,), Unknown.TIMED_OUT, "did not answer in time"),
    ((requests.exceptions.ContentDecodingError,), Unknown.BAD_ANSWER, "sent what cannot be decompressed"),
    (
        (requests.JSONDecodeError, KeyError, TypeError),
        Unknown.BAD_ANSWER,
        "sent something that is no answer to a query",
    ),
    ((requests.RequestException, OSError), Unknown.SOURCE_DOWN, "cannot be reached"),
)
"""The first kind that fits an error says what it means; texts of errors are not shown, they may hold addresses."""


def _fault(source: TelemetrySourceSpec, error: Exception) -> Answer:
    for kinds, reason, sentence in _FAULTS:
        if isinstance(error, kinds):
            return _failed(reason, f"{_place(source)} {sentence} ({type(error).__name__})")
    log.error("a query to %s failed in an unforeseen way", _place(source), exc_info=error)
    return _failed(Unknown.BAD_ANSWER, f"{_place(source)}: the query failed in an unforeseen way; see the log")


def _refusal(source: TelemetrySourceSpec, last: Payload | None) -> Answer:
    """An answer with another status than 200."""
    # A requests.Response is false in itself where its status is an error.
    status = 0 if last is None else last.status_code
    payload = _mapping(last)
    said = str(payload.get("error", ""))[:_LONGEST_QUOTE]
    if status in _REFUSED:
        return _failed(Unknown.QUERY_REFUSED, f"{_place(source)} refused the query: {said or f'HTTP {status}'}")
    if 300 <= status < 400:  # noqa: PLR2004 - the range of redirects in HTTP
        return _failed(
            Unknown.BAD_ANSWER, f"{_place(source)} answered with a redirect, which is not followed: correct the url"
        )
    if status in _DENIED:
        return _failed(Unknown.SOURCE_DOWN, f"{_place(source)} denies access (HTTP {status})")
    if payload.get("errorType") == "timeout":
        return _failed(Unknown.TIMED_OUT, f"{_place(source)} gave up after {source.timeout}: {said}")
    return _failed(Unknown.SOURCE_DOWN, f"{_place(source)} answered HTTP {status} {said}".rstrip())


def _answer(source: TelemetrySourceSpec, last: Payload | None) -> Answer:
    payload = _mapping(last)
    warnings = tuple(str(w)[:_LONGEST_QUOTE] for w in payload.get("warnings") or ())
    if warnings:
        return Answer(
            warnings=warnings,
            failure=Unknown.WARNINGS,
            message=f"{_place(source)} answered with a warning, so the answer may be a part: {warnings[0]}",
        )
    try:
        return Answer(series=_series(payload["data"]))
    except (KeyError, TypeError, ValueError, OverflowError, OSError, AttributeError):
        return _failed(Unknown.BAD_ANSWER, f"{_place(source)} sent something that is no answer to an instant query")


def _mapping(last: Payload | None) -> Mapping[str, Any]:
    return last.payload if last is not None and isinstance(last.payload, Mapping) else {}


def _series(data: Mapping[str, Any]) -> tuple[Series, ...]:
    match data["resultType"]:
        case "scalar":
            return (_one({}, data["result"]),)
        case "vector":
            return tuple(_one(item["metric"], item["value"]) for item in data["result"])
        case other:
            raise ValueError(f"no single values but {other}")


def _one(labels: Mapping[str, str], value: tuple[float, str]) -> Series:
    at, text = value
    if not isinstance(text, str) or not math.isfinite(at):
        raise ValueError("no sample")
    return Series(
        labels={str(k): str(v) for k, v in labels.items()}, value=float(text), at=datetime.fromtimestamp(at, UTC)
    )
