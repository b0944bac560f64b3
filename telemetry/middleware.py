"""The metrics middleware: counts each request once, when its response has ended."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import perf_counter
from typing import Any

from starlette.requests import ClientDisconnect

from telemetry import logs, tracing
from telemetry.catalog import METHODS, OTHER
from telemetry.endpoints import Endpoints
from telemetry.exposition import ASGIApp, Message, Receive, Scope, Send
from telemetry.guard import guard
from telemetry.metrics import errors_total, http_request_duration_seconds, http_requests_total

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
        self._clock = clock

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
        started, root_path = self._clock(), scope.get("root_path", "")
        status, gone, ended, trace_id = 0, False, False, ""

        def end(status_code: int) -> None:
            nonlocal ended
            ended = True
            try:
                self._record(scope, root_path, status_code, max(0.0, self._clock() - started), trace_id)
            except Exception:
                guard.fault("record")

        async def watching_receive() -> Message:
            nonlocal gone
            message = await receive()
            gone = gone or (message["type"] == "http.disconnect" and not status)
            return message

        async def counting_send(message: Message) -> None:
            nonlocal status, trace_id
            if message["type"] == "http.response.start":
                status = CLIENT_CLOSED if gone else message["status"]
                trace_id = tracing.trace_id()
            await send(message)
            if message["type"] in _BODY and not message.get("more_body") and not ended:
                end(status)

        try:
            await self.app(scope, watching_receive, counting_send)
        except BaseException as error:
            unhandled = isinstance(error, Exception) and not isinstance(error, ClientDisconnect)
            if unhandled:
                errors_total.labels(error_type="unhandled", component="api").inc()
            if not ended:
                end(500 if unhandled else status or CLIENT_CLOSED)
            raise
        if not ended:
            end(status or 500)

    def _record(self, scope: Scope, root_path: str, status_code: int, seconds: float, trace_id: str) -> None:
        method = scope["method"] if scope["method"] in _METHODS else OTHER
        endpoint = self._endpoints.of(scope, root_path, status_code == REDIRECTED)
        http_requests_total.labels(method=method, endpoint=endpoint, status_code=status_code).inc()
        http_request_duration_seconds.labels(method=method, endpoint=endpoint).observe(seconds)
        logs.access(_log, method, endpoint, status_code, seconds, trace_id)
