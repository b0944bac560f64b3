"""Ways of measuring requests, each as its own documentation writes it. One process has one of them."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi import FastAPI, Request
from opentelemetry import metrics
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import Counter, Histogram
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import Response

import telemetry
from benchmarks.service import service
from telemetry.catalog import BY_NAME

BUCKETS = BY_NAME["http_request_duration_seconds"].buckets
BARE = "bare"
SPECIFICATION = "the specification's middleware"
INSTRUMENTATOR = "prometheus-fastapi-instrumentator"
EXPORTER = "starlette_exporter"
AUTOMATIC = "automatic OTel instrumentation"
PLAIN = "plain ASGI, public OTel calls"
OURS = "telemetry.instrument"
PEERS = frozenset({INSTRUMENTATOR, EXPORTER})
"""Those that benchmarks/peers.txt brings."""

Message = MutableMapping[str, Any]


class Specification(BaseHTTPMiddleware):
    """The specification's own middleware: BaseHTTPMiddleware over prometheus_client, paths as labels."""

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        labels = ["method", "endpoint"]
        self._requests = Counter("http_requests", "requests", [*labels, "status_code"])
        self._seconds = Histogram("http_request_duration_seconds", "seconds", labels, buckets=BUCKETS)

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


class PlainMiddleware:
    """The least that public OTel calls take: no private name, no class of Starlette's."""

    def __init__(self, app: Any) -> None:
        self.app = app
        meter = MeterProvider([PrometheusMetricReader()]).get_meter("bench")
        self._requests = meter.create_counter("http_requests_total")
        self._seconds = meter.create_histogram(
            "http_request_duration_seconds", "s", explicit_bucket_boundaries_advisory=BUCKETS
        )

    async def __call__(self, scope: Any, receive: Any, send: Callable[[Message], Awaitable[None]]) -> None:
        """Time a request, and count it by its route."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, status = time.perf_counter(), 500

        async def noticing(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noticing)
        finally:
            labels = {"method": scope["method"], "endpoint": getattr(scope.get("route"), "path", "")}
            self._seconds.record(time.perf_counter() - start, labels)
            self._requests.add(1, {**labels, "status_code": str(status)})


def specification() -> FastAPI:
    """As the specification prints it."""
    app = service()
    app.add_middleware(Specification)
    return app


def instrumentator() -> FastAPI:
    """prometheus-fastapi-instrumentator with its defaults."""
    from prometheus_fastapi_instrumentator import Instrumentator

    app = service()
    Instrumentator().instrument(app).expose(app)
    return app


def exporter() -> FastAPI:
    """starlette_exporter with its defaults."""
    from starlette_exporter import PrometheusMiddleware, handle_metrics

    app = service()
    app.add_middleware(PrometheusMiddleware)
    app.add_route("/metrics", handle_metrics)
    return app


def automatic() -> FastAPI:
    """opentelemetry-instrumentation-fastapi, metrics only."""
    metrics.set_meter_provider(MeterProvider([PrometheusMetricReader()]))
    app = service()
    FastAPIInstrumentor.instrument_app(app)
    return app


def plain() -> FastAPI:
    """A middleware of one's own over the SDK."""
    app = service()
    app.add_middleware(PlainMiddleware)
    return app


def ours() -> FastAPI:
    """What the README says."""
    app = service()
    telemetry.instrument(app)
    return app


APPS: dict[str, Callable[[], FastAPI]] = {
    BARE: service,
    SPECIFICATION: specification,
    INSTRUMENTATOR: instrumentator,
    EXPORTER: exporter,
    AUTOMATIC: automatic,
    PLAIN: plain,
    OURS: ours,
}
