"""The application: the page, its boards and runbooks, and the read-only way to Prometheus."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from telemetry.look import bounds, page
from telemetry.look.boards import Folders
from telemetry.look.bounds import Pairs
from telemetry.look.catalogue import catalogue
from telemetry.look.options import Options
from telemetry.look.policy import Policy
from telemetry.look.refusals import RefusedError, answer
from telemetry.look.runbooks import Runbooks
from telemetry.look.upstream import Answer, Upstream

REFRESH = ("", "5s", "10s", "30s", "1m", "5m", "15m")
MINIMUM_INTERVAL_SECONDS = 15
FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 100
_GONE = 499  # nobody reads it


class Look:
    """What the requests are answered from. Raises SettingsError for options that cannot be used."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.folders = Folders(options.dashboards)
        self.runbooks = Runbooks(options.runbooks)
        self.folders.check()
        self.runbooks.check()
        self.upstream = Upstream(options)
        self._files = page.files()
        self._index = page.index(self._files, options.prefix)

    def application(self) -> ASGIApp:
        """The page and its API, below the path prefix, behind the policy."""
        routes = [
            Route("/", self._page),
            Route("/healthz", self._healthz),
            Route("/static/{name:path}", self._static),
            Route("/api/config", self._config),
            Route("/api/boards", self._boards),
            Route("/api/boards/{uid}", self._board),
            Route("/api/runbooks", self._runbooks),
            Route("/api/runbooks/{name}", self._runbook),
            Route("/api/catalogue", self._catalogue),
            Route("/api/prometheus/{path:path}", self._prometheus, methods=["GET", "POST"]),
        ]
        prefix = self.options.prefix
        if prefix:
            routes = [Route(prefix, self._to_page), Mount(prefix, routes=routes)]  # type: ignore[list-item]
        app = Starlette(
            routes=routes,
            lifespan=self._lifespan,
            exception_handlers={
                RefusedError: _refused,
                HTTPException: _failed,
                ClientDisconnect: _left_early,
                Exception: _failed,
            },
        )
        app.router.redirect_slashes = False
        return Policy(app, self.options.allowed_hosts, f"{prefix}/")

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        yield
        await self.upstream.close()

    async def _to_page(self, _: Request) -> Response:
        return RedirectResponse(f"{self.options.prefix}/")

    async def _page(self, request: Request) -> Response:
        return self._index.response(request)

    async def _static(self, request: Request) -> Response:
        file = self._files.get(request.path_params["name"])
        if file is None:
            raise HTTPException(404)
        return file.response(request)

    async def _healthz(self, _: Request) -> Response:
        return answer({"status": "ok"})

    async def _config(self, _: Request) -> Response:
        return answer(self.config())

    def config(self) -> dict[str, Any]:
        """What the page has to know of this process. Prometheus's address is not among it."""
        link = self.options.prometheus_link
        return {
            "title": self.options.title,
            "languages": ["ko", "en"],
            "trace_url": self.options.trace_link,
            "refresh": list(REFRESH),
            "version": _version(),
            "links": {"prometheus": link} if link else {},
            "limits": {
                "range_seconds": bounds.RANGE_SECONDS,
                "points": bounds.POINTS,
                "concurrency": bounds.CONCURRENCY,
            },
            "minimum_interval_seconds": MINIMUM_INTERVAL_SECONDS,
        }

    def _boards(self, _: Request) -> Response:
        return answer(self.folders.read().listing())

    def _board(self, request: Request) -> Response:
        board = self.folders.read().boards.get(request.path_params["uid"])
        if board is None:
            raise HTTPException(404)
        return answer(board.text)

    def _runbooks(self, _: Request) -> Response:
        return answer({"runbooks": self.runbooks.listing()})

    def _runbook(self, request: Request) -> Response:
        found = self.runbooks.read(request.path_params["name"], request.query_params.get("language", "en"))
        if found is None:
            raise HTTPException(404)
        return answer(found)

    async def _catalogue(self, request: Request) -> Response:
        return answer(await _while_there(request, self.catalogue()))

    async def catalogue(self) -> dict[str, Any]:
        """Every metric; those that are known here where Prometheus does not answer. RefusedError where its
        answers are not as Prometheus has them."""
        metadata, rules = await asyncio.gather(self._data("metadata"), self._data("rules"))
        boards = (await run_in_threadpool(self.folders.read)).boards.values()
        try:
            flat = [rule for group in (rules or {}).get("groups", ()) for rule in group["rules"]]
            return {"metrics": catalogue(metadata or {}, self.options.catalogue, boards, flat)}
        except (AttributeError, IndexError, KeyError, TypeError):
            raise RefusedError(502, "unreachable", "Prometheus: its metadata or rules are odd") from None

    async def _data(self, path: str) -> Any:
        try:
            return json.loads((await self.upstream.ask(path, [])).body).get("data")
        except (RefusedError, ValueError):
            return None

    async def _prometheus(self, request: Request) -> Response:
        path = request.path_params["path"]
        if bounds.parameters(path) is None:
            raise HTTPException(404)
        if request.method == "POST" and path not in bounds.FORMS:
            raise HTTPException(405, headers={"allow": "GET"})
        given = await _given(request)
        told: Answer = await _while_there(request, self.upstream.ask(path, given))
        return answer(told.body, told.status)


async def _given(request: Request) -> Pairs:
    """The parameters in address and form, in their order. RefusedError where they cannot be read."""
    texts = [request.scope["query_string"]]
    if request.method == "POST":
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
            raise RefusedError(415, "bad_data", f"expected a form: {FORM}")
        texts.append(await _body(request))
    try:
        return [
            pair
            for text in texts
            for pair in parse_qsl(
                text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
            )
        ]
    except ValueError:
        raise RefusedError(
            400, "bad_data", "the parameters cannot be read as UTF-8, or are too many"
        ) from None


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > bounds.BODY_BYTES:
            raise RefusedError(413, "limit", f"the body has more than {bounds.BODY_BYTES} bytes")
    return bytes(body)


async def _while_there(request: Request, work: Awaitable[Any]) -> Any:
    """The result of the work, which is given up where the browser leaves before."""
    doing = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({doing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise HTTPException(_GONE)
        return doing.result()
    finally:
        doing.cancel()
        leaving.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


_KINDS = {404: "not_found", 405: "not_found"}


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)  # noqa: S101
    return error.response()


async def _left_early(_: Request, error: Exception) -> Response:
    return await _failed(_, HTTPException(_GONE))


async def _failed(_: Request, error: Exception) -> Response:
    """A fault in Prometheus's shape. Its words are the status's own."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    phrase = "the client left" if status == _GONE else HTTPStatus(status).phrase
    kept = dict(getattr(error, "headers", None) or {})
    return RefusedError(status, _KINDS.get(status, "internal"), phrase, **kept).response()


def _version() -> str:
    try:
        return version("reviewlens")
    except PackageNotFoundError:
        return ""
