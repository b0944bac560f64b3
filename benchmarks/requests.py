"""What each way of measuring requests adds to one, in process: no sockets, one event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import Response

import telemetry
from telemetry.catalog import BY_NAME
from telemetry.testing import recording

REQUESTS = 2_000
BUCKETS = BY_NAME["http_request_duration_seconds"].buckets


def service() -> FastAPI:
    """The app that every contender gets: one route, two path parameters."""
    app = FastAPI()

    @app.get("/items/{item}/parts/{part}")
    async def part(item: int, part: str) -> dict[str, Any]:
        return {"item": item, "part": part}

    return app


class Specification(BaseHTTPMiddleware):
    """The specification's own middleware: BaseHTTPMiddleware over prometheus_client, paths as labels."""

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        registry = CollectorRegistry()
        labels = ["method", "endpoint"]
        self._requests = Counter("http_requests", "requests", [*labels, "status_code"], registry=registry)
        self._seconds = Histogram(
            "http_request_duration_seconds", "seconds", labels, buckets=BUCKETS, registry=registry
        )

    async def dispatch(
        self, request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        """Time a request, and count it by its path."""
        start = time.time()
        response = await call_next(request)
        labels = (request.method, request.url.path)
        self._requests.labels(*labels, str(response.status_code)).inc()
        self._seconds.labels(*labels).observe(time.time() - start)
        return response


def bare() -> FastAPI:
    """Nothing measured."""
    return service()


def specification() -> FastAPI:
    """As the specification prints it."""
    app = service()
    app.add_middleware(Specification)
    return app


def ours(pipeline: telemetry.Pipeline) -> FastAPI:
    """telemetry.instrument(app)."""
    app = service()
    telemetry.instrument(app, pipeline)
    return app


async def _drive(app: Any, number: int) -> float:
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "path": "/items/7/parts/wheel",
        "raw_path": b"/items/7/parts/wheel",
        "query_string": b"",
        "headers": [(b"host", b"bench")],
        "scheme": "http",
        "server": ("bench", 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Any) -> None:
        return None

    start = time.perf_counter()
    for _ in range(number):
        await app(dict(scope), receive, send)
    return (time.perf_counter() - start) / number * 1e6


def run(rounds: int) -> dict[str, list[float]]:
    """Microseconds a request, by contender, one figure a round; the contenders take turns."""
    with recording() as recorded:
        contenders = {
            "bare": bare(),
            "the specification's middleware": specification(),
            "telemetry.instrument": ours(recorded.pipeline),
        }
        figures: dict[str, list[float]] = {name: [] for name in contenders}
        for turn in range(rounds + 1):
            for name, app in contenders.items():
                figure = asyncio.run(_drive(app, REQUESTS))
                if turn:  # the first turn warms up
                    figures[name].append(figure)
    return figures
