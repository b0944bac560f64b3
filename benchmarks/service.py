"""The application that every contender gets, and how it is driven without a socket."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from fastapi import FastAPI

PATH = "/items/7/parts/wheel"
TEMPLATE = "/items/{item}/parts/{part}"


def service() -> FastAPI:
    """One route, two path parameters."""
    app = FastAPI()

    @app.get(TEMPLATE)
    async def part(item: int, part: str) -> dict[str, Any]:
        return {"item": item, "part": part}

    return app


async def ask(app: Any, number: int, path: str = PATH) -> None:
    """So many requests, one after the other, with what uvicorn puts into a scope: a key less, and where the
    dict of it grows would be another place."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"bench")],
        "scheme": "http",
        "server": ("bench", 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
        "state": {},
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Any) -> None:
        return None

    for _ in range(number):
        await app(dict(scope), receive, send)


def microseconds(app: Any, number: int) -> float:
    """Of the processor, per request, over so many."""

    async def timed() -> float:
        start = time.process_time()
        await ask(app, number)
        return time.process_time() - start

    return asyncio.run(timed()) / number * 1e6
