"""What prometheus-fastapi-instrumentator's own tests ask of it, asked again; its release carries no tests.

Each row is named as the test that it stands for. All run with and without our telemetry.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, HTTPException, Response, WebSocket
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from prometheus_client import REGISTRY, CollectorRegistry, Counter
from prometheus_fastapi_instrumentator import Instrumentator, metrics
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

OK = {"handler": "/", "method": "GET", "status": "2xx"}
GETS = ("/", "/", "/items/678?q=43243", "/always_error", "/does_not_exist")


def shop() -> FastAPI:
    """An application with each kind of answer."""
    app, router, mounted = FastAPI(), APIRouter(prefix="/included"), FastAPI()

    @app.get("/")
    def root() -> str:
        return "Hello World!"

    @app.get("/always_error")
    def always_error() -> None:
        raise HTTPException(404, "not an error")

    @app.get("/always_server_error")
    def always_server_error() -> None:
        raise HTTPException(500, "an error")

    @app.get("/raises")
    def raises() -> None:
        raise ValueError("unhandled")

    @app.get("/sleep")
    async def sleep(seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "slept"

    @app.get("/items/{item_id}")
    def item(item_id: int, q: str | None = None) -> dict[str, Any]:
        return {"item_id": item_id, "q": q}

    @app.post("/items")
    def create(body: dict[str, Any]) -> None:
        return None

    @app.get("/stream")
    def stream() -> StreamingResponse:
        return StreamingResponse(iter([b"first ", b"second"]), media_type="text/plain")

    @router.get("/{name}")
    def included(name: str) -> str:
        return name

    @mounted.get("/deep/{name}")
    def deep(name: str) -> str:
        return name

    app.include_router(router)
    app.mount("/mounted", mounted)
    return app


@dataclass(frozen=True)
class Row:
    """One test: how the instrumentator is made, what is asked, and what its /metrics then has."""

    stands_for: str
    made: Mapping[str, Any] = field(default_factory=dict)
    adds: Callable[[CollectorRegistry], Any] | None = None
    instrument: Mapping[str, Any] = field(default_factory=dict)
    expose: Mapping[str, Any] = field(default_factory=dict)
    gets: Sequence[str] = GETS
    has: Sequence[str] = ()
    lacks: Sequence[str] = ()
    values: Sequence[tuple[str, Mapping[str, str], float]] = ()
    path: str = "/metrics"


REQUESTS = "http_requests_total"
SIZES = {name: False for name in ("should_include_handler", "should_include_method", "should_include_status")}


def sized(kind: str, **arguments: Any) -> Callable[[CollectorRegistry], Any]:
    """One of the instrumentator's own metrics of sizes and latencies."""
    return lambda registry: getattr(metrics, kind)(registry=registry, **arguments)


ROWS = (
    Row("test_metrics_endpoint_availability", values=[(REQUESTS, OK, 2)]),
    Row("test_default_metric_name", has=["http_request_duration_seconds"]),
    Row("test_grouped_status_codes", has=['status="2xx"', 'status="4xx"'], lacks=['status="200"']),
    Row(
        "test_grouped_status_codes_with_enumeration",
        gets=["/always_server_error"],
        has=['status="5xx"'],
        lacks=['status="500"'],
    ),
    Row(
        "test_ungrouped_status_codes",
        {"should_group_status_codes": False},
        has=['status="200"', 'status="404"'],
        lacks=['status="2xx"'],
    ),
    Row(
        "test_ignore_untemplated",
        {"should_ignore_untemplated": True},
        values=[(REQUESTS, OK, 2)],
        lacks=['handler="/does_not_exist"', 'handler="none"'],
    ),
    Row(
        "test_dont_ignore_untemplated_ungrouped",
        {"should_group_untemplated": False},
        has=['handler="/does_not_exist"'],
        lacks=['handler="none"'],
    ),
    Row("test_grouping_untemplated", has=['handler="none"'], lacks=['handler="/does_not_exist"']),
    Row(
        "test_excluding_handlers",
        {"excluded_handlers": ["/metrics", "/always_error"]},
        lacks=['handler="/always_error"', 'handler="/metrics"'],
        values=[(REQUESTS, OK, 2)],
    ),
    Row("test_excluding_handlers_regex", {"excluded_handlers": ["^/items"]}, lacks=['handler="/items']),
    Row(
        "test_bucket_without_inf",
        instrument={"latency_lowr_buckets": (1, 2, 3)},
        has=['http_request_duration_seconds_bucket{handler="/",le="3.0",method="GET"}'],
    ),
    Row(
        "test_namespace_subsystem",
        instrument={"metric_namespace": "shop", "metric_subsystem": "web"},
        has=["shop_web_http_requests_total"],
    ),
    Row(
        "test_only_2xx_for_highr",
        instrument={"should_only_respect_2xx_for_highr": True},
        values=[("http_request_duration_highr_seconds_count", {}, 4)],
    ),
    Row("test_highr_counts_all", values=[("http_request_duration_highr_seconds_count", {}, 6)]),
    Row("test_default_with_root_path_handler", values=[(REQUESTS, OK, 2)]),
    Row(
        "test_included_router",
        gets=["/included/a", "/included/b"],
        values=[(REQUESTS, {**OK, "handler": "/included/{name}"}, 2)],
    ),
    Row("test_mounted_app", gets=["/mounted/deep/a"], has=['handler="/mounted/deep/{name}"']),
    Row(
        "test_expose_other_endpoint",
        expose={"endpoint": "/numbers"},
        path="/numbers",
        values=[(REQUESTS, OK, 2)],
    ),
    Row("test_gzip", expose={"should_gzip": True}, values=[(REQUESTS, OK, 2)]),
    Row("test_streaming", gets=["/stream"], values=[(REQUESTS, {**OK, "handler": "/stream"}, 1)]),
    Row(
        "test_streaming_duration_excluded",
        {"should_exclude_streaming_duration": True},
        gets=["/stream"],
        values=[(REQUESTS, {**OK, "handler": "/stream"}, 1)],
    ),
    Row(
        "test_rounding",
        {"should_round_latency_decimals": True, "round_latency_decimals": 1},
        gets=["/"],
        values=[("http_request_duration_seconds_sum", {"handler": "/", "method": "GET"}, 0)],
    ),
    Row(
        "test_response_size_all_labels",
        adds=sized("response_size"),
        gets=["/"],
        values=[("http_response_size_bytes_sum", OK, 14)],
    ),
    Row(
        "test_response_size_no_labels",
        {"excluded_handlers": ["/metrics"]},
        adds=sized("response_size", **SIZES),
        gets=["/"],
        values=[("http_response_size_bytes_sum", {}, 14)],
    ),
    Row(
        "test_request_size_no_cl",
        adds=sized("request_size"),
        gets=["/"],
        values=[("http_request_size_bytes_sum", OK, 0)],
    ),
    Row(
        "test_combined_size_all_labels",
        adds=sized("combined_size"),
        gets=["/"],
        values=[("http_combined_size_bytes_sum", OK, 14)],
    ),
    Row(
        "test_latency_all_labels",
        adds=sized("latency", metric_name="other_seconds"),
        has=["other_seconds_count{"],
    ),
    Row(
        "test_latency_custom_buckets",
        adds=sized("latency", metric_name="other_seconds", buckets=(1, 2, 3), **SIZES),
        has=['other_seconds_bucket{le="2.0"}'],
    ),
    Row(
        "test_requests_all_labels",
        adds=sized("requests", metric_name="asked_total"),
        values=[("asked_total", OK, 2)],
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.stands_for)
def test_instrumentation(row: Row) -> None:
    """The instrumentator's own /metrics has its own numbers, and its answer is whole."""
    registry = CollectorRegistry()
    client = exposed(row, registry)
    for path in row.gets:
        client.get(path)
    answer = client.get(row.path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    for text in row.has:
        assert text in answer.text
    for text in row.lacks:
        assert text not in answer.text
    for name, labels, value in row.values:
        assert registry.get_sample_value(name, dict(labels)) == value, (name, labels, answer.text)


def exposed(row: Row, registry: CollectorRegistry) -> TestClient:
    """The application, instrumented as the row says."""
    app = shop()
    made = Instrumentator(registry=registry, **row.made)
    if row.adds is not None:
        made.add(row.adds(registry))
    made.instrument(app, **row.instrument).expose(app, **row.expose)
    return TestClient(app, raise_server_exceptions=False)


def test_a_starlette_app_exposes() -> None:
    """test_starlette_app_expose."""

    async def home(_: Any) -> PlainTextResponse:
        return PlainTextResponse("home")

    app, registry = Starlette(routes=[Route("/", home)]), CollectorRegistry()
    Instrumentator(registry=registry).instrument(app).expose(app)
    client = TestClient(app)
    client.get("/")
    assert REQUESTS in client.get("/metrics").text


def test_the_content_type_has_one_charset() -> None:
    """test_expose_default_content_type."""
    client = exposed(Row("content type"), CollectorRegistry())
    assert client.get("/metrics").headers["content-type"].count("charset") == 1


def test_no_exposition_is_a_404() -> None:
    """test_should_respect_env_var_existence_not_exists."""
    app = shop()
    Instrumentator(should_respect_env_var=True, env_var_name="NOT_SET_ANYWHERE").instrument(app).expose(app)
    assert TestClient(app).get("/metrics").status_code == 404


def test_an_exposition_where_the_variable_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """test_should_respect_env_var_existence_exists."""
    monkeypatch.setenv("SET_HERE", "true")
    app, registry = shop(), CollectorRegistry()
    made = Instrumentator(should_respect_env_var=True, env_var_name="SET_HERE", registry=registry)
    made.instrument(app).expose(app)
    assert TestClient(app).get("/metrics").status_code == 200


def test_a_metric_of_ones_own_sees_the_response() -> None:
    """test_body_handlers, test_add_custom."""
    app, registry = shop(), CollectorRegistry()
    counter = Counter("bodies", "Bodies", ["body"], registry=registry)

    def count(info: metrics.Info) -> None:
        counter.labels(bytes(info.response.body).decode()).inc()

    Instrumentator(registry=registry, body_handlers=[r"^/$"]).add(count).instrument(app)
    TestClient(app).get("/")
    assert registry.get_sample_value("bodies_total", {"body": '"Hello World!"'}) == 1


def test_an_asynchronous_metric_of_ones_own() -> None:
    """test_async_instrumentation."""
    app, registry, seen = shop(), CollectorRegistry(), []

    async def look(info: metrics.Info) -> None:
        seen.append((info.method, info.modified_handler, info.modified_status))

    Instrumentator(registry=registry).add(look).instrument(app)
    TestClient(app).get("/items/1")
    assert seen == [("GET", "/items/{item_id}", "2xx")]


def test_an_exception_leaves_as_it_is() -> None:
    """test_exception_in_handler: the middleware counts a 5xx, and the exception goes on."""
    app, registry = shop(), CollectorRegistry()
    Instrumentator(registry=registry).instrument(app)
    with pytest.raises(ValueError, match="unhandled"):
        TestClient(app).get("/raises")
    assert registry.get_sample_value(REQUESTS, {**OK, "handler": "/raises", "status": "5xx"}) == 1


def test_middleware_of_others_around_it() -> None:
    """test_info_body_empty, test_with_BaseHTTPMiddleware."""
    app, registry = shop(), CollectorRegistry()

    async def mark(request: Any, call_next: Callable[[Any], Any]) -> Response:
        response: Response = await call_next(request)
        response.headers["x-marked"] = "yes"
        return response

    Instrumentator(registry=registry).instrument(app).expose(app)
    app.add_middleware(BaseHTTPMiddleware, dispatch=mark)
    client = TestClient(app)
    assert client.get("/").headers["x-marked"] == "yes"
    assert client.get("/metrics").headers["x-marked"] == "yes"


def test_several_applications_have_registries_of_their_own() -> None:
    """test_multiple_apps_custom_registry."""
    for number in (1, 2):
        registry = CollectorRegistry()
        client = exposed(Row("one of several"), registry)
        for _ in range(number):
            client.get("/")
        assert registry.get_sample_value(REQUESTS, OK) == number
        assert f"{REQUESTS}{{" in client.get("/metrics").text


def test_the_schema_shows_the_endpoint() -> None:
    """test_expose_in_schema, test_expose_tags."""
    app, registry = shop(), CollectorRegistry()
    Instrumentator(registry=registry).instrument(app).expose(app, tags=["numbers"])
    assert TestClient(app).get("/openapi.json").json()["paths"]["/metrics"]["get"]["tags"] == ["numbers"]


def test_a_root_path() -> None:
    """test_instrumentator_root_path: templates with and without it."""
    for include, handler in ((False, "/"), (True, "/api/")):
        app, registry = shop(), CollectorRegistry()
        app.root_path = "/api"
        Instrumentator(registry=registry, should_include_root_path=include).instrument(app).expose(app)
        client = TestClient(app)
        client.get("/api/")
        assert registry.get_sample_value(REQUESTS, {**OK, "handler": handler}) == 1
        assert client.get("/api/metrics").status_code == 200


def test_a_folder_for_many_processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """test_multiproc_no_dir, test_multiproc_dir_not_found, test_multiproc_correct_count."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "gone"))
    with pytest.raises(ValueError, match=re.escape("PROMETHEUS_MULTIPROC_DIR")):
        Instrumentator()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    client = exposed(Row("many processes"), CollectorRegistry())
    answer = client.get("/metrics")
    assert (answer.status_code, answer.text) == (200, "")


def test_requests_in_progress() -> None:
    """test_inprogress_metric, test_inprogress_name: the scrape is itself one."""
    app = shop()
    made = {"should_instrument_requests_inprogress": True, "inprogress_name": "in_flight"}
    Instrumentator(registry=CollectorRegistry(), **made).instrument(app)

    @app.get("/in-flight")
    def in_flight() -> float | None:
        return REGISTRY.get_sample_value("in_flight")

    client = TestClient(app)
    client.get("/")
    assert client.get("/in-flight").json() == 1
    assert REGISTRY.get_sample_value("in_flight") == 0


def test_a_websocket_goes_through() -> None:
    """test_websocket: the middleware leaves other scopes alone."""
    app = shop()

    @app.websocket("/talk")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("hello")
        await socket.close()

    Instrumentator(registry=CollectorRegistry()).instrument(app).expose(app)
    with TestClient(app).websocket_connect("/talk") as socket:
        assert socket.receive_text() == "hello"
