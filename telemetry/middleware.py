"""The metrics middleware: counts each request once, when its response has ended."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from time import perf_counter
from typing import Any

from starlette.requests import ClientDisconnect

from telemetry import logs, tracing
from telemetry.catalog import METHODS, OTHER
from telemetry.children import Together
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
        self._answers: dict[tuple[str, int, int], _Answer] = {}
        self.clock = clock

    def look_at_routes(self) -> None:
        """Make the table of templates anew, when routes have come or gone."""
        routes = self._routes()
        if len(routes) != self._known_routes:
            self._known_routes = len(routes)
            self._endpoints = Endpoints(routes)
            self._answers.clear()
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
        app = self.app
        try:
            await app(scope, exchange.receive, exchange.send)
        except BaseException as error:
            exchange.left(error)
            raise
        if not exchange.ended:
            exchange.end(exchange.status or 500)
            exchange.log()

    def answer(self, scope: Scope, root_path: str, status_code: int) -> _Answer:
        """Where an answer is recorded. `root_path`: the scope's when the request came in."""
        routes = self._routes
        if len(routes()) != self._known_routes:
            self.look_at_routes()
        key = scope["method"], status_code, id(scope.get("endpoint"))
        return self._answers.get(key) or self._new_answer(key, scope, root_path)

    def _new_answer(self, key: tuple[str, int, int], scope: Scope, root_path: str) -> _Answer:
        given, status_code, _ = key
        method = given if given in _METHODS else OTHER
        endpoint = self._endpoints.of(scope, root_path, status_code == REDIRECTED)
        answer = _Answer(method, endpoint, status_code)
        is_one = method == given and self._endpoints.is_one(scope)
        if is_one and not answer.is_folded and len(self._answers) < MOST_KEPT:
            self._answers[key] = answer
        return answer


class _Answer(Together):
    """Where the answers of an end point with one status are recorded: found once where the end point has one
    template, and kept unless a bound folds it."""

    __slots__ = ("endpoint", "is_folded", "method", "status_code")

    def __init__(self, method: str, endpoint: str, status_code: int) -> None:
        requests = http_requests_total.labels(method=method, endpoint=endpoint, status_code=str(status_code))
        seconds = http_request_duration_seconds.labels(method=method, endpoint=endpoint)
        super().__init__(requests, seconds)
        self.method, self.endpoint, self.status_code = method, endpoint, status_code
        self.is_folded = any(getattr(child, "is_folded", True) for child in (requests, seconds))

    def stream(self, aborted: bool, waited: float | None) -> None:
        """Record a response that announced no length. `waited`: seconds to its first byte, if any."""
        method, endpoint = self.method, self.endpoint
        # By 0 too: the first abort is seen only where the series was there before.
        http_streams_aborted_total.labels(method=method, endpoint=endpoint).inc(aborted)
        if waited is not None:
            http_first_byte_seconds.labels(method=method, endpoint=endpoint).observe(max(0.0, waited))

    def log(self, seconds: float, trace_id: str) -> None:
        """A line of the access log."""
        logs.access(_log, self.method, self.endpoint, self.status_code, seconds, trace_id)


class _Exchange:
    """One request and its response: ended once, when the body, an exception or the application says so.

    `first_byte`: when a streamed body began; None: it never did. `trace_id` is None where no line is logged.
    """

    __slots__ = (
        "_answer",
        "_by",
        "_gone",
        "_line",
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
        self._answer: _Answer | None
        self.first_byte: float | None
        self.trace_id: str | None
        self._line: tuple[_Answer, float] | None
        self._answer = self._line = self.first_byte = self.trace_id = None
        if _log.isEnabledFor(logging.INFO):
            self.trace_id = ""
        clock = by.clock
        self.started = clock()

    async def receive(self) -> Message:
        """Hand a message on; notice a client that leaves before any answer."""
        receive = self._receive
        message = await receive()
        if message["type"] == "http.disconnect" and not self.status:
            self._gone = True
        return message

    def send(self, message: Message) -> Awaitable[None]:
        """Hand a message on; notice the status, and the end of the body."""
        kind = message["type"]
        if kind == "http.response.start":
            self._start = message
            self.status = status = CLIENT_CLOSED if self._gone else message["status"]
            if self.trace_id is not None:
                self.trace_id = tracing.trace_id()
            # Now, for many servers send the start at once and wake the client: what is done between that and
            # the body may cost a wake-up more.
            try:
                self._answer = self._by.answer(self.scope, self.root_path, status)
            except Exception:
                self.ended = True  # as a fault alone
                guard.fault("record")
        elif kind in _BODY:
            if not message.get("more_body"):
                # Before its client can have the end: what was answered is counted, whatever comes then.
                self.end(self.status, True)
                if self._line is not None:
                    return self._send_last(message)
            elif self.first_byte is None and message.get("body"):
                self.first_byte = self._by.clock()
        send = self._send
        return send(message)

    async def _send_last(self, message: Message) -> None:
        """Hand the end on, and log the request then: its client does not wait for a line to be written."""
        try:
            await self._send(message)
        finally:
            self.log()

    def left(self, error: BaseException) -> None:
        """End with the exception that left the application."""
        unhandled = isinstance(error, Exception) and not isinstance(error, ClientDisconnect)
        if unhandled:
            errors_total.labels(error_type="unhandled", component="api").inc()
        self.end(500 if unhandled else self.status or CLIENT_CLOSED, whole=unhandled)
        self.log()

    def end(self, status_code: int, whole: bool = False) -> None:
        """Count the request, the first time this is called. `whole`: not because its client left."""
        if self.ended:
            return
        self.ended = True
        try:
            clock = self._by.clock
            elapsed = clock() - self.started
            seconds = elapsed if elapsed > 0.0 else 0.0  # clocks may go back
            answer = self._answer
            if answer is None or status_code != self.status:
                answer = self._by.answer(self.scope, self.root_path, status_code)
            answer.record(seconds)
            if self.first_byte is not None or not whole:
                self._stream(answer, not whole)
            if self.trace_id is not None:
                self._line = answer, seconds
        except Exception:
            guard.fault("record")

    def log(self) -> None:
        """Write the line of what was recorded, the first time this is called."""
        line, self._line = self._line, None
        if line is None:
            return
        try:
            answer, seconds = line
            answer.log(seconds, self.trace_id or "")
        except Exception:
            guard.fault("record")

    def _stream(self, answer: _Answer, aborted: bool) -> None:
        if self.is_stream():
            answer.stream(aborted, None if self.first_byte is None else self.first_byte - self.started)

    def is_stream(self) -> bool:
        """Whether the body began, or was to begin, and its length was not announced."""
        began = self.first_byte is not None or self.status
        headers: Iterable[tuple[bytes, bytes]] = self._start.get("headers", ()) if began else ()
        return bool(began) and all(name.lower() != b"content-length" for name, _ in headers)
