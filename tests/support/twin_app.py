"""An application with something of everything that a span may tell of, which journals what it sees."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import APIRouter, BackgroundTasks, FastAPI, HTTPException, Request, WebSocket
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import DEFAULT_ON, Sampler
from starlette.background import BackgroundTask
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.routing import Mount, Route
from starlette.routing import Router as PlainRouter
from support.twins import SIDES, Journal, drive, provider, request, seen, traced


class OddError(Exception):
    """Has a handler."""


class Watching:
    """A middleware as users write them: answers some requests before routing."""

    def __init__(self, app: Any, journal: Journal) -> None:
        self.app, self.journal = app, journal

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        seen(self.journal, "middleware")
        if (b"x-short", b"1") in scope.get("headers", ()):
            await PlainTextResponse("no", 401)(scope, receive, send)
            return
        if (b"x-break", b"1") in scope.get("headers", ()):
            raise OddError("before routing")
        await self.app(scope, receive, send)
        seen(self.journal, "middleware, afterwards")


class Through:
    """What app.middleware("http") makes, which runs the rest in a task of its own; on request only."""

    def __init__(self, app: Any, journal: Journal) -> None:
        async def dispatch(request: Request, call_next: Callable[[Request], Any]) -> Any:
            seen(journal, "http middleware")
            return (
                await call_next(request) if request.headers["x-through"] == "1" else PlainTextResponse("no")
            )

        self.app, self._through = app, BaseHTTPMiddleware(app, dispatch)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        wanted = any(name == b"x-through" for name, _ in scope.get("headers", ()))
        await (self._through if wanted else self.app)(scope, receive, send)


async def plain(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.url.path)


def twin(journal: Journal, by: TracerProvider) -> FastAPI:
    """The application, made anew; its own spans are made by the same provider."""
    app = FastAPI()
    app.add_middleware(Watching, journal=journal)
    app.add_middleware(Through, journal=journal)
    _answers(app, journal, by)
    _streams(app, journal)
    _tasks(app, journal)
    _others(app, journal)

    @app.exception_handler(OddError)
    async def odd(request: Request, error: OddError) -> JSONResponse:
        seen(journal, "handler")
        return JSONResponse({"odd": str(error)}, 418)

    @app.exception_handler(Exception)
    async def any_other(request: Request, error: Exception) -> JSONResponse:
        seen(journal, "last handler")
        return JSONResponse({"failed": True}, 500)

    return app


def both(path: str, sampler: Sampler = DEFAULT_ON, **changes: Any) -> list[Journal]:
    """One request to either side; the two journals."""
    found = []
    for side in SIDES:
        journal: Journal = []
        by = provider(sampler, journal)
        with traced(side, twin(journal, by), by) as app:
            found.append(drive(app, journal, request(path=path, **changes)))
    return found


def _answers(app: FastAPI, journal: Journal, by: TracerProvider) -> None:
    @app.get("/items/{item_id}")
    async def item(item_id: int) -> dict[str, int]:
        seen(journal, "end point")
        with by.get_tracer("own").start_as_current_span("own"):
            return {"item": item_id}

    @app.put("/items/{item_id}")
    def changed(item_id: int) -> dict[str, int]:
        seen(journal, "end point in a thread")
        return {"changed": item_id}

    @app.get("/status/{code}")
    async def status(code: int) -> PlainTextResponse:
        return PlainTextResponse("", code)

    @app.get("/refused/{code}")
    async def refused(code: int) -> None:
        raise HTTPException(code, "no")

    @app.get("/odd")
    async def odd() -> None:
        raise OddError("odd")

    @app.get("/failing")
    async def failing() -> None:
        trace.get_current_span().set_attribute("mine", True)
        raise ValueError("broken")

    @app.get("/cancelled")
    async def cancelled() -> None:
        raise asyncio.CancelledError

    @app.get("/renamed")
    async def renamed() -> None:
        trace.get_current_span().update_name("mine")
        trace.get_current_span().set_status(trace.StatusCode.OK)
        raise HTTPException(503)

    @app.get("/slash/")
    async def slash() -> None: ...


def _streams(app: FastAPI, journal: Journal) -> None:
    async def parts(fail: bool) -> AsyncIterator[bytes]:
        yield b"one"
        seen(journal, "stream")
        if fail:
            raise ValueError("broken off")
        yield b"two"

    @app.get("/stream")
    async def stream(fail: bool = False) -> StreamingResponse:
        return StreamingResponse(parts(fail))

    @app.get("/listening")
    async def listening(request: Request) -> dict[str, bool]:
        return {"gone": await request.is_disconnected()}


def _tasks(app: FastAPI, journal: Journal) -> None:
    def later(fail: bool) -> None:
        seen(journal, "background")
        if fail:
            raise ValueError("afterwards")

    @app.get("/task")
    async def task(fail: bool = False) -> PlainTextResponse:
        return PlainTextResponse("ok", background=BackgroundTask(later, fail))

    @app.get("/tasks")
    async def tasks(todo: BackgroundTasks) -> None:
        todo.add_task(later, False)
        todo.add_task(later, False)


def _others(app: FastAPI, journal: Journal) -> None:
    @app.websocket("/ws/{room}")
    async def room(socket: WebSocket, room: str) -> None:
        seen(journal, "websocket")
        await socket.accept()
        await socket.send_text(room)
        await socket.close()

    inner, deeper, sub = APIRouter(prefix="/inner"), APIRouter(prefix="/deeper"), FastAPI()

    @deeper.get("/{thing}")
    async def thing(thing: str) -> str:
        return thing

    @inner.api_route("/many", methods=["GET", "POST"])
    async def many() -> None: ...

    @sub.get("/deep/{item_id}")
    async def deep(item_id: int) -> int:
        seen(journal, "mounted end point")
        return item_id

    inner.include_router(deeper)
    app.include_router(inner, prefix="/v1")
    app.mount("/sub/{tenant}", sub)
    app.router.routes += [
        Route("/files/{rest:path}", plain),
        Mount("", PlainRouter([Route("/last", plain)])),
    ]
