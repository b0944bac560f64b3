"""One application in the arrangements that people have: as it is, below BaseHTTPMiddleware, mounted."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable

from fastapi import FastAPI, Request
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import StreamingResponse

import telemetry


def shop() -> FastAPI:
    """Streams that break off or never end, a cancelled end point, and bodies that are read or not."""
    app = FastAPI()

    async def breaking_off() -> AsyncIterator[bytes]:
        yield b"one"
        raise RuntimeError("on purpose, amid the stream")

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1000
            await asyncio.sleep(0.01)

    @app.get("/streamboom")
    def streamboom() -> StreamingResponse:
        return StreamingResponse(breaking_off())

    @app.get("/endless")
    def forever() -> StreamingResponse:
        return StreamingResponse(endless())

    @app.get("/cancelled")
    async def cancelled() -> None:
        raise asyncio.CancelledError

    @app.post("/reads")
    async def reads(request: Request) -> int:
        return len(await request.body())

    @app.post("/looks-away")
    async def looks_away() -> int:
        await asyncio.sleep(0.3)  # by then the server has seen what is wrong with the body
        return 1

    return app


def below(app: FastAPI) -> FastAPI:
    """Below the middleware that many have, which runs it in another task."""
    app.add_middleware(BaseHTTPMiddleware, dispatch=lambda request, call_next: call_next(request))
    return app


def mounted(inner: FastAPI) -> FastAPI:
    app = FastAPI()
    app.mount("", inner)
    return app


ARRANGEMENTS: dict[str, Callable[[], FastAPI]] = {
    "plain": shop,
    "below BaseHTTPMiddleware": lambda: below(shop()),
    "below two": lambda: below(below(shop())),
    "mounted": lambda: mounted(shop()),
    "mounted, below": lambda: below(mounted(shop())),
    "mounted, with its own": lambda: mounted(below(shop())),
}


def create() -> FastAPI:
    """The arrangement that ARRANGEMENT names, observed."""
    app = ARRANGEMENTS[os.environ["ARRANGEMENT"]]()
    telemetry.instrument(app)
    return app
