"""Which end point a request is counted under, on a real server."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter, FastAPI, HTTPException, WebSocket
from fastapi.middleware.cors import CORSMiddleware
from starlette.routing import Host
from starlette.staticfiles import StaticFiles
from support.live import serving
from support.metrics_page import requests_by
from websockets.sync.client import connect

from telemetry import instrument
from telemetry.testing import Recorded

ORIGIN = "http://localhost:3000"


def build(metrics: Recorded, static: Path) -> FastAPI:
    """An application with every kind of route."""
    app, inner, outer = FastAPI(), APIRouter(prefix="/inner"), APIRouter(prefix="/outer")
    sub, deeper, tenant, host = FastAPI(), FastAPI(), FastAPI(), FastAPI()

    def echo(item_id: str = "") -> str:
        return item_id

    for target in (inner, sub, deeper, host):
        target.get("/items/{item_id}")(echo)
    app.get("/")(echo)
    app.get("/items/{item_id}")(echo)
    app.post("/items/{item_id}", status_code=201)(echo)
    app.get("/files/{item_id:path}")(echo)
    app.get("/copies/{item_id:path}")(echo)
    app.get("/slow-slash/")(echo)
    tenant.get("/of/{item_id}")(echo)

    @app.get("/missing/{item_id}")
    def missing(item_id: str) -> None:
        raise HTTPException(404)

    @app.websocket("/ws")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(await socket.receive_text())
        await socket.close()

    outer.include_router(inner)
    app.include_router(outer)
    app.include_router(inner, prefix="/again")
    sub.mount("/deeper", deeper)
    app.mount("/sub", sub)
    app.mount("/{item_id}/tenant", tenant)
    app.mount("/static", StaticFiles(directory=static))
    app.router.routes.append(Host("api.example.org", host))
    app.add_middleware(CORSMiddleware, allow_origins=[ORIGIN], allow_methods=["GET"])
    instrument(sub, metrics.pipeline)
    instrument(app, metrics.pipeline)
    return app


counted = requests_by("method", "endpoint", "status_code")


PREFLIGHT = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "endpoint", "status"),
    [
        ("GET", "/", {}, "/", 200),
        ("GET", "/items/7?secret=1", {}, "/items/{item_id}", 200),
        ("POST", "/items/7", {}, "/items/{item_id}", 201),
        ("GET", "/files/a/b/c.txt", {}, "/files/{item_id}", 200),
        ("GET", "/copies/a/b/c.txt", {}, "/copies/{item_id}", 200),
        ("GET", "/outer/inner/items/7", {}, "/outer/inner/items/{item_id}", 200),
        ("GET", "/again/inner/items/7", {}, "/again/inner/items/{item_id}", 200),
        ("GET", "/sub/items/7", {}, "/sub/items/{item_id}", 200),
        ("GET", "/sub/deeper/items/7", {}, "/sub/deeper/items/{item_id}", 200),
        ("GET", "/acme/tenant/of/7", {}, "/{item_id}/tenant/of/{item_id}", 200),
        ("GET", "/static/css/page.css", {}, "/static/{path}", 200),
        ("GET", "/static/none.css", {}, "/static/{path}", 404),
        ("GET", "/slow-slash", {}, "/slow-slash/", 307),
        ("GET", "/sub/items/7/", {}, "/sub/items/{item_id}", 307),
        ("GET", "/nowhere/", {}, "(unmatched)", 404),
        ("GET", "/openapi.json", {}, "/openapi.json", 200),
        ("GET", "/missing/7", {}, "/missing/{item_id}", 404),
        ("GET", "/nowhere/at/all", {}, "(unmatched)", 404),
        ("GET", "/sub/nowhere", {}, "(unmatched)", 404),
        ("GET", "/ws", {}, "(unmatched)", 404),
        ("DELETE", "/items/7", {}, "/items/{item_id}", 405),
        ("HEAD", "/items/7", {}, "/items/{item_id}", 405),
        ("HEAD", "/docs", {}, "/docs", 200),
        ("OPTIONS", "/items/7", {}, "/items/{item_id}", 405),
        ("OPTIONS", "/items/7", PREFLIGHT, "/items/{item_id}", 200),
        ("OPTIONS", "/files/a/b", PREFLIGHT, "/files/{item_id}", 200),
        ("OPTIONS", "/sub/items/7", PREFLIGHT, "/sub/items/{item_id}", 200),
        ("OPTIONS", "/nowhere", PREFLIGHT, "(unmatched)", 200),
        ("BREW", "/items/7", {}, "/items/{item_id}", 405),
    ],
)
def test_a_request_is_counted_once_under_its_template(
    metrics: Recorded,
    tmp_path: Path,
    method: str,
    path: str,
    headers: dict[str, str],
    endpoint: str,
    status: int,
) -> None:
    """Whole series, in both metrics: nothing else has a count."""
    (tmp_path / "css").mkdir()
    (tmp_path / "css/page.css").write_text("p {}")
    with serving(build(metrics, tmp_path)) as url:
        assert httpx.request(method, url + path, headers=headers).status_code == status
    label = method if method != "BREW" else "(other)"
    assert counted(metrics) == {(label, endpoint, str(status)): 1}
    timed = {key for key, count in metrics.series("http_request_duration_seconds_count").items() if count}
    assert timed == {frozenset({("method", label), ("endpoint", endpoint)})}
    assert metrics.count("http_request_duration_seconds", method=label, endpoint=endpoint) == 1


def test_a_request_by_host_is_counted_under_its_template(metrics: Recorded, tmp_path: Path) -> None:
    """A Host route of Starlette; the template says the path only."""
    app = FastAPI()
    host = FastAPI()

    @host.get("/of-host/{item_id}")
    def echo(item_id: str) -> str:
        return item_id

    app.router.routes.append(Host("api.example.org", host))
    instrument(app, metrics.pipeline)
    with serving(app) as url:
        assert httpx.get(url + "/of-host/7", headers={"Host": "api.example.org"}).status_code == 200
    assert counted(metrics) == {("GET", "/of-host/{item_id}", "200"): 1}


def test_a_websocket_passes_through_uncounted(metrics: Recorded, tmp_path: Path) -> None:
    """It is no request with a status code."""
    with (
        serving(build(metrics, tmp_path)) as url,
        connect(url.replace("http", "ws") + "/ws") as socket,
    ):
        socket.send("hello")
        assert socket.recv() == "hello"
    assert counted(metrics) == {}


def test_metrics_is_served_without_redirect_and_not_counted(metrics: Recorded, tmp_path: Path) -> None:
    """/metrics alone; what is below it or beside it is the application's."""
    with serving(build(metrics, tmp_path)) as url:
        scraped = httpx.get(url + "/metrics")
        assert (scraped.status_code, scraped.history) == (200, [])
        assert scraped.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert httpx.head(url + "/metrics").status_code == 200
        assert httpx.post(url + "/metrics").status_code == 405
        assert httpx.get(url + "/metrics/").status_code == 200
        assert counted(metrics) == {}
        assert httpx.get(url + "/metrics/below").status_code == 404
        assert httpx.get(url + "/sub/metrics").status_code == 404
    assert counted(metrics) == {("GET", "(unmatched)", "404"): 2}


def test_every_route_is_at_zero_before_its_first_request(metrics: Recorded, tmp_path: Path) -> None:
    """From the lifespan on: (method, template, declared code and 500)."""
    with serving(build(metrics, tmp_path)) as url:
        httpx.get(url + "/metrics")
    at_zero = {tuple(value for _, value in sorted(key)) for key in metrics.series("http_requests_total")}
    assert {
        ("/items/{item_id}", "POST", "201"),
        ("/items/{item_id}", "POST", "422"),
        ("/items/{item_id}", "POST", "500"),
        ("/outer/inner/items/{item_id}", "GET", "200"),
        ("/{item_id}/tenant/of/{item_id}", "GET", "200"),
        ("/sub/deeper/items/{item_id}", "GET", "200"),
    } <= at_zero
    assert counted(metrics) == {}


@pytest.mark.filterwarnings("ignore:The `root_path` parameter is deprecated")
@pytest.mark.parametrize("by", ["server", "application", "stripping proxy"])
def test_behind_a_proxy_the_template_has_no_root_path(metrics: Recorded, by: str) -> None:
    """root_path by uvicorn, by FastAPI, and with a proxy that takes the prefix off: the same series."""
    app = FastAPI(root_path="" if by == "server" else "/api")

    @app.get("/items/{item_id}")
    def item(item_id: str) -> str:
        return item_id

    app.get("/copies/{item_id}")(item)
    app.get("/apiary/{item_id}")(item)
    instrument(app, metrics.pipeline)
    prefix = "/api" if by == "application" else ""
    with serving(app, root_path="/api" if by == "server" else "") as url:
        for path in ("/items/7", "/copies/7", "/apiary/7"):
            assert httpx.get(url + prefix + path).status_code == 200
        assert httpx.get(url + prefix + "/metrics").status_code == 200
    assert counted(metrics) == {
        ("GET", "/items/{item_id}", "200"): 1,
        ("GET", "/copies/{item_id}", "200"): 1,
        ("GET", "/apiary/{item_id}", "200"): 1,
    }


def test_middleware_added_after_instrument_is_inside(metrics: Recorded) -> None:
    """What it answers is counted, under the template that would have answered."""
    app = FastAPI()

    @app.get("/items/{item_id}")
    def item(item_id: str) -> str:
        return item_id

    instrument(app, metrics.pipeline)

    @app.middleware("http")
    async def refuse(request, call_next):  # type: ignore[no-untyped-def]
        from starlette.responses import PlainTextResponse

        if "token" not in request.headers:
            return PlainTextResponse("who are you?", 401)
        return await call_next(request)

    with serving(app) as url:
        assert httpx.get(url + "/items/7").status_code == 401
        assert httpx.get(url + "/items/7", headers={"token": "x"}).status_code == 200
        assert httpx.get(url + "/metrics").status_code == 200
    assert counted(metrics) == {
        ("GET", "/items/{item_id}", "401"): 1,
        ("GET", "/items/{item_id}", "200"): 1,
    }


def test_instrumenting_twice_counts_once(metrics: Recorded) -> None:
    """The second call does nothing."""
    app = FastAPI()
    instrument(app, metrics.pipeline)
    instrument(app, metrics.pipeline)
    with serving(app) as url:
        httpx.get(url + "/docs")
    assert counted(metrics) == {("GET", "/docs", "200"): 1}


@pytest.mark.parametrize("lifespan", ["on", "off", "auto"])
def test_an_application_works_with_and_without_lifespan(metrics: Recorded, lifespan: str) -> None:
    """Counting needs no lifespan events."""
    app = FastAPI()
    instrument(app, metrics.pipeline)
    with serving(app, lifespan=lifespan) as url:
        assert httpx.get(url + "/docs").status_code == 200
    assert counted(metrics) == {("GET", "/docs", "200"): 1}


def test_each_request_is_one_access_line(
    metrics: Recorded, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Method, template, status and seconds; never the path or the query. No line for /metrics."""
    caplog.set_level(logging.INFO, "telemetry.access")
    with serving(build(metrics, tmp_path)) as url:
        httpx.get(url + "/items/7?answer=secret")
        httpx.get(url + "/nowhere")
        httpx.get(url + "/metrics")
    lines = [record.getMessage() for record in caplog.records if record.name == "telemetry.access"]
    assert [line.rpartition(" - ")[0] for line in lines] == [
        "GET /items/{item_id} - 200",
        "GET (unmatched) - 404",
    ]
    assert all(line.endswith("s") and float(line.rpartition(" - ")[2][:-1]) < 10 for line in lines)


LATE = "came after the application had started, in its lifespan or after a first request"


def test_instrumenting_after_the_first_request_is_an_error(metrics: Recorded) -> None:
    """The stack is built by then; nothing would be counted, and nobody would know."""
    app = FastAPI()
    with serving(app, lifespan="off") as url:
        httpx.get(url + "/docs")
    with pytest.raises(RuntimeError, match=LATE):
        instrument(app, metrics.pipeline)


def test_instrumenting_in_the_lifespan_is_an_error_that_says_so(metrics: Recorded) -> None:
    """No request has come by then, but the lifespan went through the stack as well."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with pytest.raises(RuntimeError, match=LATE):
            instrument(app, metrics.pipeline)
        yield

    with serving(FastAPI(lifespan=lifespan)) as url:
        assert httpx.get(url + "/docs").status_code == 200
