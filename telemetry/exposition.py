"""/metrics: the registry as text 0.0.4, or as OpenMetrics when asked, rendered off the event loop."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from telemetry.guard import guard
from telemetry.scraped import Scraped

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

PLAIN = "text/plain; charset=utf-8"
OPENMETRICS = "application/openmetrics-text"
NOT_SCRAPED = (
    "metrics are not exposed here: OTEL_METRICS_EXPORTER has no 'prometheus' in it, "
    "or OTEL_SDK_DISABLED is true\n"
)
FAILED = b"the metrics could not be rendered; the log has the reason\n"


class Exposition:
    """Our metrics, and a registry with the rest, as text. Scrapes at the same time wait for each other: the
    exporter's collector hands its snapshot over through a queue, and two readers of it would mix."""

    def __init__(self, registry: CollectorRegistry, ours: Scraped | None = None) -> None:
        self._registry = registry
        self._ours = ours
        self._lock = threading.Lock()

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """The body and its content type, for an Accept header."""
        pieces, content_type = self.pieces(accept)
        return b"".join(pieces), content_type

    def pieces(self, accept: str = "") -> tuple[list[bytes], str]:
        """The same in pieces: what is copied at once, for a slow reader, stops nobody for long."""
        encode, content_type = _encoder(accept)
        with self._lock:
            ours = self._ours.render(content_type.startswith(OPENMETRICS)) if self._ours else []
            return [*ours, encode(self._registry)], content_type


def _encoder(accept: str) -> tuple[Callable[[CollectorRegistry], bytes], str]:
    try:
        return choose_encoder(accept)
    except (TypeError, ValueError):  # a version that is no number
        return choose_encoder("")


_limiter: RunVar[CapacityLimiter] = RunVar("telemetry.scrapes")


def _one_thread() -> CapacityLimiter:
    """A thread for the scrapes of one event loop: those that sync end points share may all be busy."""
    try:
        return _limiter.get()
    except LookupError:
        _limiter.set(CapacityLimiter(1))
        return _limiter.get()


async def answer(exposition: Exposition | None, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request for /metrics: 200; 404 where nothing is exposed; 500 when rendering fails."""
    if scope["method"] not in ("GET", "HEAD"):
        await _respond(send, 405, [b"expected GET\n"], PLAIN, (b"allow", b"GET, HEAD"))
        return
    if exposition is None:
        await _respond(send, 404, [NOT_SCRAPED.encode()], PLAIN)
        return
    accept = b",".join(value for name, value in scope["headers"] if name == b"accept").decode("latin-1")
    try:
        pieces, content_type = await to_thread.run_sync(exposition.pieces, accept, limiter=_one_thread())
    except Exception:
        guard.fault("render")
        await _respond(send, 500, [FAILED], PLAIN)
        return
    await _respond(send, 200, [] if scope["method"] == "HEAD" else pieces, content_type)


async def _respond(
    send: Send, status: int, pieces: list[bytes], content_type: str, *more: tuple[bytes, bytes]
) -> None:
    headers = [(b"content-type", content_type.encode()), (b"cache-control", b"no-store"), *more]
    if pieces:
        headers.append((b"content-length", str(sum(map(len, pieces))).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    *first, last = pieces or [b""]
    for piece in first:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": last})
