"""The metrics middleware: counts each request once, when its response has ended."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from time import perf_counter
from typing import Any, NamedTuple

from starlette.requests import ClientDisconnect

from telemetry import logs, tracing
from telemetry.catalog import METHODS, OTHER
from telemetry.endpoints import Endpoints
from telemetry.exposition import ASGIApp, Message, Receive, Scope, Send
from telemetry.guard import guard
from telemetry.metrics import (
    errors_total,
    http_first_byte_seconds,
    http_request_duration_seconds,
    http_requests_total,
    http_streams_aborted_total,
)

CLIENT_CLOSED = 499
REDIRECTED = 307  # what routing answers where a slash is missing at the end, or one too many
SEEN = "telemetry.counted"
_METHODS = frozenset(METHODS)
_BODY = frozenset({"http.response.body", "http.response.pathsend"})
MOST_KEPT = 10_000
_log = logging.getLogger("telemetry.access")


class MetricsMiddleware:
    """Plain ASGI, around everything else. A request inside a mounted, also instrumented application is
    counted once, by the outermost; one whose client left before any answer is counted as 499.

    `on_routes` is called when routes have come or gone since the last time that anyone looked.
    """

    def __init__(
        self,
        app: ASGIApp,
        routes: Callable[[], list[Any]],
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        self.app = app
        self._routes = routes
        self.on_routes: Callable[[], None] = lambda: None
        self._known_routes = -1
        self._endpoints = Endpoints(())
        self._pairs: dict[tuple[str, int, int], _Pair] = {}
        self.clock = clock

    def look_at_routes(self) -> None:
        """Make the table of templates anew, when routes have come or gone."""
        routes = self._routes()
        if len(routes) != self._known_routes:
            self._known_routes = len(routes)
            self._endpoints = Endpoints(routes)
            self._pairs.clear()
            self.on_routes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count an HTTP request; pass everything else through."""
        if scope["type"] != "http" or SEEN in scope:
            await self.app(scope, receive, send)
        else:
            await self.count(scope, receive, send)

    async def count(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an HTTP request on that nobody has counted yet, and count it."""
        scope[SEEN] = True
        exchange = _Exchange(self, scope, receive, send)
        try:
            await self.app(scope, exchange.receive, exchange.send)
        except BaseException as error:
            exchange.left(error)
            raise
        if not exchange.ended:
            exchange.end(exchange.status or 500)

    def record(self, exchange: _Exchange, status_code: int, whole: bool) -> None:
        """Count a request that has ended. `whole`: not because its client left."""
        elapsed = self.clock() - exchange.started
        seconds = elapsed if elapsed > 0.0 else 0.0  # clocks may go back
        if len(self._routes()) != self._known_routes:
            self.look_at_routes()
        scope = exchange.scope
        key = scope["method"], status_code, id(scope.get("endpoint"))
        pair = self._pairs.get(key) or self._new_pair(key, exchange)
        inc, observe, method, endpoint = pair
        inc()
        observe(seconds)
        if exchange.first_byte is not None or not whole:
            self._record_stream(exchange, pair, not whole)
        if exchange.trace_id is not None:
            logs.access(_log, method, endpoint, status_code, seconds, exchange.trace_id)

    def _new_pair(self, key: tuple[str, int, int], exchange: _Exchange) -> _Pair:
        given, status_code, _ = key
        scope = exchange.scope
        method = given if given in _METHODS else OTHER
        endpoint = self._endpoints.of(scope, exchange.root_path, status_code == REDIRECTED)
        requests = http_requests_total.labels(method=method, endpoint=endpoint, status_code=str(status_code))
        seconds = http_request_duration_seconds.labels(method=method, endpoint=endpoint)
        pair = _Pair(requests.inc, seconds.observe, method, endpoint)
        is_kept = not any(getattr(child, "is_folded", True) for child in (requests, seconds))
        if is_kept and method == given and self._endpoints.is_one(scope) and len(self._pairs) < MOST_KEPT:
            self._pairs[key] = pair
        return pair

    def _record_stream(self, exchange: _Exchange, pair: _Pair, aborted: bool) -> None:
        """A response that announced no length, if it is one."""
        if not exchange.is_stream():
            return
        method, endpoint = pair.method, pair.endpoint
        # By 0 too: the first abort is seen only where the series was there before.
        http_streams_aborted_total.labels(method=method, endpoint=endpoint).inc(aborted)
        if exchange.first_byte is not None:
            waited = max(0.0, exchange.first_byte - exchange.started)
            http_first_byte_seconds.labels(method=method, endpoint=endpoint).observe(waited)


class _Pair(NamedTuple):
    """Where a request is recorded: found once for an end point with one template, and kept unless a bound
    folds it."""

    inc: Callable[[], None]
    observe: Callable[[float], None]
    method: str
    endpoint: str


class _Exchange:
    """One request and its response: ended once, when the body, an exception or the application says so.

    `first_byte`: when a streamed body began; None: it never did. `trace_id` is None where no line is logged.
    """

    __slots__ = (
        "_by",
        "_gone",
        "_receive",
        "_send",
        "_start",
        "ended",
        "first_byte",
        "root_path",
        "scope",
        "started",
        "status",
        "trace_id",
    )

    def __init__(self, by: MetricsMiddleware, scope: Scope, receive: Receive, send: Send) -> None:
        self._by, self.scope, self._receive, self._send = by, scope, receive, send
        self.root_path = scope.get("root_path", "")
        self.status = 0
        self._gone = self.ended = False
        self.first_byte: float | None = None
        self.trace_id: str | None = "" if _log.isEnabledFor(logging.INFO) else None
        self.started = by.clock()

    async def receive(self) -> Message:
        """Hand a message on; notice a client that leaves before any answer."""
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self.status:
            self._gone = True
        return message

    def send(self, message: Message) -> Awaitable[None]:
        """Hand a message on; notice the status, and the end of the body."""
        kind = message["type"]
        if kind == "http.response.start":
            self.status = CLIENT_CLOSED if self._gone else message["status"]
            self._start = message
            if self.trace_id is not None:
                self.trace_id = tracing.trace_id()
        elif kind in _BODY:
            if not message.get("more_body"):
                # Before its client can have the end: what was answered is counted, whatever comes then.
                self.end(self.status, whole=True)
            elif self.first_byte is None and message.get("body"):
                self.first_byte = self._by.clock()
        return self._send(message)

    def left(self, error: BaseException) -> None:
        """End with the exception that left the application."""
        unhandled = isinstance(error, Exception) and not isinstance(error, ClientDisconnect)
        if unhandled:
            errors_total.labels(error_type="unhandled", component="api").inc()
        self.end(500 if unhandled else self.status or CLIENT_CLOSED, whole=unhandled)

    def end(self, status_code: int, whole: bool = False) -> None:
        """Count the request, the first time this is called. `whole`: not because its client left."""
        if self.ended:
            return
        self.ended = True
        try:
            self._by.record(self, status_code, whole)
        except Exception:
            guard.fault("record")

    def is_stream(self) -> bool:
        """Whether the body began, or was to begin, and its length was not announced."""
        began = self.first_byte is not None or self.status
        headers: Iterable[tuple[bytes, bytes]] = self._start.get("headers", ()) if began else ()
        return bool(began) and all(name.lower() != b"content-length" for name, _ in headers)
