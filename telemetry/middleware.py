"""The metrics middleware: counts each request once, when its response has ended."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
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
_log = logging.getLogger("telemetry.access")


class MetricsMiddleware:
    """Plain ASGI, around everything else. A request inside a mounted, also instrumented application is
    counted once, by the outermost; one whose client left before any answer is counted as 499."""

    def __init__(
        self, app: ASGIApp, routes: Callable[[], list[Any]], clock: Callable[[], float] = perf_counter
    ) -> None:
        self.app = app
        self._routes = routes
        self._known_routes = 0
        self._table = Endpoints(())
        self.clock = clock

    @property
    def _endpoints(self) -> Endpoints:
        """The table of templates, made anew when routes have come or gone."""
        routes = self._routes()
        if len(routes) != self._known_routes:
            self._known_routes, self._table = len(routes), Endpoints(routes)
        return self._table

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count an HTTP request; pass everything else through."""
        if scope["type"] != "http" or SEEN in scope:
            await self.app(scope, receive, send)
            return
        scope[SEEN] = True
        exchange = _Exchange(self, scope, receive, send)
        try:
            await self.app(scope, exchange.receive, exchange.send)
        except BaseException as error:
            exchange.left(error)
            raise
        exchange.end(exchange.status or 500)

    def record(
        self,
        scope: Scope,
        root_path: str,
        status_code: int,
        started: float,
        trace_id: str,
        stream: _Stream | None,
    ) -> None:
        """Count a request that has ended."""
        seconds = max(0.0, self.clock() - started)
        method = scope["method"] if scope["method"] in _METHODS else OTHER
        endpoint = self._endpoints.of(scope, root_path, status_code == REDIRECTED)
        http_requests_total.labels(method=method, endpoint=endpoint, status_code=status_code).inc()
        http_request_duration_seconds.labels(method=method, endpoint=endpoint).observe(seconds)
        if stream:
            # By 0 too: the first abort is seen only where the series was there before.
            http_streams_aborted_total.labels(method=method, endpoint=endpoint).inc(stream.aborted)
            if stream.first_byte is not None:
                waited = max(0.0, stream.first_byte - started)
                http_first_byte_seconds.labels(method=method, endpoint=endpoint).observe(waited)
        logs.access(_log, method, endpoint, status_code, seconds, trace_id)


class _Stream(NamedTuple):
    """A response that announced no length. `first_byte`: when its body began; None: it never did."""

    first_byte: float | None
    aborted: bool


class _Exchange:
    """One request and its response: ended once, when the body, an exception or the application says so."""

    def __init__(self, by: MetricsMiddleware, scope: Scope, receive: Receive, send: Send) -> None:
        self._by, self._scope, self._receive, self._send = by, scope, receive, send
        self._started, self._root_path = by.clock(), scope.get("root_path", "")
        self.status, self._gone, self._ended, self._trace_id = 0, False, False, ""
        self._headers: Iterable[tuple[bytes, bytes]] = ()
        self._first_byte: float | None = None

    async def receive(self) -> Message:
        """Hand a message on; notice a client that leaves before any answer."""
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self.status:
            self._gone = True
        return message

    async def send(self, message: Message) -> None:
        """Hand a message on; notice the status, and the end of the body."""
        if message["type"] == "http.response.start":
            self.status = CLIENT_CLOSED if self._gone else message["status"]
            self._trace_id, self._headers = tracing.trace_id(), message.get("headers", ())
        elif self._first_byte is None and message.get("more_body") and message.get("body"):
            self._first_byte = self._by.clock()
        await self._send(message)
        if message["type"] in _BODY and not message.get("more_body"):
            self.end(self.status, whole=True)

    def left(self, error: BaseException) -> None:
        """End with the exception that left the application."""
        unhandled = isinstance(error, Exception) and not isinstance(error, ClientDisconnect)
        if unhandled:
            errors_total.labels(error_type="unhandled", component="api").inc()
        self.end(500 if unhandled else self.status or CLIENT_CLOSED, whole=unhandled)

    def end(self, status_code: int, whole: bool = False) -> None:
        """Count the request, the first time this is called. `whole`: not because its client left."""
        if self._ended:
            return
        self._ended = True
        try:
            self._by.record(
                self._scope, self._root_path, status_code, self._started, self._trace_id, self._stream(whole)
            )
        except Exception:
            guard.fault("record")

    def _stream(self, whole: bool) -> _Stream | None:
        began = self._first_byte is not None or (self.status and not whole)
        if not began or any(name.lower() == b"content-length" for name, _ in self._headers):
            return None
        return _Stream(self._first_byte, not whole)
