"""The metrics middleware: counts each request once, when its response has ended."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from time import perf_counter

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from telemetry import logs
from telemetry.asgi import leaving
from telemetry.asgi.leaving import HasLeft
from telemetry.asgi.routes import method_label
from telemetry.asgi.table import Routed, RouteTable
from telemetry.builtin import (
    errors_total,
    http_first_byte_seconds,
    http_request_duration_seconds,
    http_requests_total,
    http_streams_aborted_total,
)
from telemetry.current import trace_id
from telemetry.guard import guard
from telemetry.record.children import CounterWithHistogram

REDIRECTED = 307  # what routing answers where a slash is missing at the end, or one too many
SEEN = "telemetry.counted"
_BODY = frozenset({"http.response.body", "http.response.pathsend"})
_log = logging.getLogger("telemetry.access")


class MetricsMiddleware:
    """Plain ASGI, around everything else. A request inside a mounted, also instrumented application is
    counted once, by the outermost.

    `table`: of the application's routes, where others have it as well. `on_routes` is called when they have
    been walked anew.
    """

    def __init__(
        self,
        app: ASGIApp,
        router: Routed,
        clock: Callable[[], float] = perf_counter,
        table: RouteTable | None = None,
    ) -> None:
        self.app = app
        self._router = router
        self._table = table or RouteTable(router)
        self._table.after_walk(self._walked)
        self.on_routes: Callable[[], None] = lambda: None
        self._answers: dict[tuple[str, int, int], _Answer] = {}  # by method, status and end point function
        self._named: dict[tuple[str, str, int], _Answer] = {}  # by method, template and status
        self.clock = clock
        self.has_left: HasLeft = self.ask_whether_left

    def ask_whether_left(self, send: Send) -> bool:
        """Whether the client of a request has left, and how to learn that of the next requests."""
        self.has_left = has_left = leaving.of_server(send)
        return has_left(send)

    def look_at_routes(self) -> None:
        """Walk them anew, when some have come or gone."""
        self._table.look()

    def _walked(self) -> None:
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
        exchange = (_LoggedExchange if _log.isEnabledFor(logging.INFO) else _Exchange)(
            self, scope, receive, send
        )
        app = self.app
        try:
            await app(scope, exchange.receive, exchange.send)
        except BaseException as error:
            exchange.left(error)
            raise
        if not exchange.ended:
            exchange.left()

    def answer(self, scope: Scope, root_path: str, status_code: int) -> _Answer:
        """Where an answer is recorded. `root_path`: the scope's when the request came in."""
        lists = self._table.lists
        if self._router.routes is not lists.root or lists.live != lists.known:
            self.look_at_routes()
        key = scope["method"], status_code, id(scope.get("endpoint"))
        return self._answers.get(key) or self._new_answer(key, scope, root_path)

    def _new_answer(self, key: tuple[str, int, int], scope: Scope, root_path: str) -> _Answer:
        self.look_at_routes()
        given, status_code, _ = key
        method = method_label(given)
        endpoints = self._table.endpoints
        endpoint = endpoints.of(scope, root_path, status_code == REDIRECTED)
        name = method, endpoint, status_code
        answer = self._named.get(name) or _Answer(*name)
        if not answer.is_folded:
            self._named[name] = answer
            if method == given and endpoints.is_one(scope):
                self._answers[key] = answer
        return answer


class _Answer(CounterWithHistogram):
    """Where the answers of one template with one status are recorded; kept unless a limit folds it."""

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


class _Exchange:
    """One request and its response: ended once, when the body, an exception or the application says so.

    `first_byte`: when a streamed body began; None: it never did.
    """

    __slots__ = (
        "_answer",
        "_by",
        "_receive",
        "_send",
        "_start",
        "_stays",
        "ended",
        "first_byte",
        "root_path",
        "scope",
        "started",
        "status",
    )

    def __init__(self, by: MetricsMiddleware, scope: Scope, receive: Receive, send: Send) -> None:
        self._by = by
        self.scope = scope
        self._receive = receive
        self._send = send
        self.root_path = scope.get("root_path", "")
        self.status = 0
        self._stays, self.ended = True, False
        self._answer: _Answer | None
        self.first_byte: float | None
        self._answer = self.first_byte = None
        self.started = by.clock()

    async def receive(self) -> Message:
        """Hand a message on; notice a client that leaves."""
        receive = self._receive
        message = await receive()
        if message["type"] == "http.disconnect":
            self._stays = False
        return message

    def send(self, message: Message) -> Awaitable[None]:
        """Hand a message on; notice the status, and the end of the body."""
        kind = message["type"]
        if kind == "http.response.start":
            self._start = message
            by, status = self._by, message["status"]
            try:
                if not self._stays or by.has_left(self._send):
                    status = leaving.status(self._send)
            except AttributeError:  # another server than before; the next request is asked
                by.has_left = by.ask_whether_left
            self.status = status
            # Now, for many servers send the start at once and wake the client: what is done between that and
            # the body may cost a wake-up more.
            try:
                self._answer = by.answer(self.scope, self.root_path, status)
            except Exception:
                self.ended = True  # as a fault alone
                guard.fault("record")
        elif kind in _BODY:
            if not message.get("more_body"):
                # Before its client can have the end: what was answered is counted, whatever comes then.
                self.end(self.status, self._stays)
            elif self.first_byte is None and message.get("body"):
                self.first_byte = self._by.clock()
        return self._send(message)

    def left(self, error: BaseException | None = None) -> None:
        """End with the exception that left the application; None: it returned amid its answer."""
        unhandled = isinstance(error, Exception) and not isinstance(error, ClientDisconnect)
        if unhandled:
            errors_total.labels(error_type="unhandled", component="api").inc()
        self.end(500 if unhandled else self.status or self._never_answered(), whole=unhandled)

    def _never_answered(self) -> int:
        """The status where the application sent none: the server answers 500 to a client that is there."""
        return leaving.status(self._send) if self._has_gone() else 500

    def _has_gone(self) -> bool:
        try:
            return not self._stays or self._by.has_left(self._send)
        except AttributeError:  # another server than before
            return self._by.ask_whether_left(self._send)

    def end(self, status_code: int, whole: bool = False) -> float | None:
        """Count the request, the first time this is called; the seconds that were recorded then.
        `whole`: not because its client left."""
        if self.ended:
            return None
        self.ended = True
        try:
            elapsed = self._by.clock() - self.started
            seconds = elapsed if elapsed > 0.0 else 0.0  # clocks may go back
            answer = self._answer
            if answer is None or status_code != self.status:
                self._answer = answer = self._by.answer(self.scope, self.root_path, status_code)
            answer.record(seconds)
            if self.first_byte is not None or not whole:
                self._stream(answer, whole)
        except Exception:
            guard.fault("record")
            return None
        return seconds

    def _stream(self, answer: _Answer, whole: bool) -> None:
        if self.is_stream():
            # BaseHTTPMiddleware ends the body as if it were whole when its client has left.
            aborted = not whole or self._has_gone()
            answer.stream(aborted, None if self.first_byte is None else self.first_byte - self.started)

    def is_stream(self) -> bool:
        """Whether the body began, or was to begin, and its length was not announced."""
        began = self.first_byte is not None or self.status
        headers: Iterable[tuple[bytes, bytes]] = self._start.get("headers", ()) if began else ()
        return bool(began) and all(name.lower() != b"content-length" for name, _ in headers)


class _LoggedExchange(_Exchange):
    """One that the access log has a line of: written once its end has been handed on, so that its client does
    not wait for it."""

    __slots__ = ("_seconds", "_trace_id")

    def __init__(self, by: MetricsMiddleware, scope: Scope, receive: Receive, send: Send) -> None:
        self._seconds: float | None = None
        self._trace_id = ""
        super().__init__(by, scope, receive, send)

    def send(self, message: Message) -> Awaitable[None]:
        """As of any exchange; the line follows the end."""
        if message["type"] == "http.response.start":
            self._trace_id = trace_id()
        sent = super().send(message)
        return sent if self._seconds is None else self._logged(sent)

    async def _logged(self, sent: Awaitable[None]) -> None:
        try:
            await sent
        finally:
            self._log()

    def left(self, error: BaseException | None = None) -> None:
        """As of any exchange; the line follows at once."""
        super().left(error)
        self._log()

    def end(self, status_code: int, whole: bool = False) -> float | None:
        """As of any exchange; what was recorded is due to be logged."""
        seconds = super().end(status_code, whole)
        if seconds is not None:
            self._seconds = seconds
        return seconds

    def _log(self) -> None:
        seconds, self._seconds = self._seconds, None
        answer = self._answer
        if seconds is None or answer is None:
            return
        try:
            logs.access(_log, answer.method, answer.endpoint, answer.status_code, seconds, self._trace_id)
        except Exception:
            guard.fault("record")
