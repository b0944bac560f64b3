"""The answer to a request for /metrics, through whatever server it comes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import parse_qs

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from starlette.types import Scope, Send

from telemetry.guard import guard
from telemetry.scrape.exposition import Exposition
from telemetry.scrape.negotiation import accepts_gzip
from telemetry.scrape.token import TokenFile
from telemetry.settings import LISTENER_PORT, SettingsError

NOT_SCRAPED = (
    "metrics are not exposed here: OTEL_METRICS_EXPORTER has no 'prometheus' in it, "
    "or OTEL_SDK_DISABLED is true\n"
)
UNAUTHORIZED = "expected the header Authorization: Bearer, with the token of the metrics\n"
CLOSED = "the file with the token of the metrics cannot be used; the log has the reason\n"
FAILED = "the metrics could not be rendered; the log has the reason\n"
_PLAIN = "text/plain; charset=utf-8"
_GZIP = 16 + zlib.MAX_WBITS
_LEVEL = 1
"""Of compression: a page becomes a tenth, and higher levels take several times as long for little more."""


class ScrapeRequest(NamedTuple):
    """A request: its method, query, and headers by names in small letters, those of one name joined."""

    method: str
    query: str
    headers: Mapping[str, str]


class Reply(NamedTuple):
    """What is sent back, but for the length of the body."""

    status: int
    pieces: list[bytes]
    headers: Mapping[str, str]


class MetricsEndpoint:
    """Answers 200; 401 without the token, where one is set, and 503 while its file cannot be used; 404 where
    nothing is exposed; 500 when the page cannot be rendered."""

    def __init__(self, exposition: Exposition | None, token: TokenFile | None = None) -> None:
        self._exposition = exposition
        self._token = token

    def refusal(self, asked: ScrapeRequest) -> Reply | None:
        """The answer to a request that nothing is rendered for."""
        if self._token and (closed := _closed(self._token, asked)):
            return closed
        if asked.method not in ("GET", "HEAD"):
            return said(HTTPStatus.METHOD_NOT_ALLOWED, "expected GET\n", allow="GET, HEAD")
        if self._exposition is None:
            return said(HTTPStatus.NOT_FOUND, NOT_SCRAPED)
        return None

    def page(self, asked: ScrapeRequest) -> Reply:
        """The metrics, as far as `name[]` asks for them. Takes its time: not for an event loop."""
        if self._exposition is None:
            return said(HTTPStatus.NOT_FOUND, NOT_SCRAPED)
        try:
            only = parse_qs(asked.query).get("name[]")
            pieces, content_type = self._exposition.pieces(asked.headers.get("accept", ""), only)
        except OSError as error:
            guard.report("render", "the metrics cannot be shown: %s", error)
            return said(HTTPStatus.INTERNAL_SERVER_ERROR, FAILED)
        except Exception:
            guard.fault("render")
            return said(HTTPStatus.INTERNAL_SERVER_ERROR, FAILED)
        headers = {"content-type": content_type}
        if accepts_gzip(asked.headers.get("accept-encoding", "")):
            pieces, headers["content-encoding"] = _compressed(pieces), "gzip"
        return Reply(HTTPStatus.OK, pieces, headers)


def _closed(token: TokenFile, asked: ScrapeRequest) -> Reply | None:
    try:
        if token.admits(asked.headers.get("authorization", "")):
            return None
    except SettingsError as error:
        guard.say("%s; nobody reads the metrics until then", error)
        return said(HTTPStatus.SERVICE_UNAVAILABLE, CLOSED)
    return said(HTTPStatus.UNAUTHORIZED, UNAUTHORIZED, www_authenticate='Bearer realm="metrics"')


def said(status: int, words: str, **headers: str) -> Reply:
    """A line for whoever reads the answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, [words.encode()], {"content-type": _PLAIN, **named})


def _compressed(pieces: Iterable[bytes]) -> list[bytes]:
    compressor = zlib.compressobj(_LEVEL, wbits=_GZIP)
    smaller = [*map(compressor.compress, pieces), compressor.flush()]
    return [piece for piece in smaller if piece]


_limiter: RunVar[CapacityLimiter] = RunVar("telemetry.scrapes")


def _one_thread() -> CapacityLimiter:
    """A thread for the scrapes of one event loop: those that sync end points share may all be busy."""
    try:
        return _limiter.get()
    except LookupError:
        _limiter.set(CapacityLimiter(1))
        return _limiter.get()


async def elsewhere(where: str, scope: Scope, send: Send) -> None:
    """Answer on a port that the metrics are not on."""
    words = f"the metrics have a port of their own: {where} ({LISTENER_PORT})\n"
    await respond(said(HTTPStatus.NOT_FOUND, words), scope, send)


async def answer(endpoint: MetricsEndpoint, scope: Scope, send: Send) -> None:
    """Answer one request of an ASGI server; the page is rendered off the event loop."""
    asked = _asked(scope)
    reply = endpoint.refusal(asked)
    if reply is None:
        reply = await to_thread.run_sync(endpoint.page, asked, limiter=_one_thread())
    await respond(reply, scope, send)


def _asked(scope: Scope) -> ScrapeRequest:
    headers: dict[str, str] = {}
    for raw, content in scope["headers"]:
        name, value = raw.decode("latin-1").lower(), content.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return ScrapeRequest(scope["method"], scope.get("query_string", b"").decode("latin-1"), headers)


async def respond(reply: Reply, scope: Scope, send: Send) -> None:
    """Send a reply by ASGI; to HEAD without its body."""
    pieces = [] if scope["method"] == "HEAD" else reply.pieces
    headers = {**reply.headers, "cache-control": "no-store"}
    if pieces:
        headers["content-length"] = str(sum(map(len, pieces)))
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": int(reply.status), "headers": encoded})
    *first, last = pieces or [b""]
    for piece in first:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": last})
