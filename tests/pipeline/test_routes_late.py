"""Routes that come, go or change places while the application serves, wherever they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, Router
from starlette.staticfiles import StaticFiles
from support.live import serving
from support.metrics_page import requests_by
from support.twins import Journal, drive, ended, provider, request, traced

from telemetry import instrument
from telemetry.testing import Recorded, recording

Change = Callable[[FastAPI, FastAPI, APIRouter], object]


def echo(i: str) -> str:
    return i


def build(metrics: Recorded) -> tuple[FastAPI, FastAPI, APIRouter]:
    """An application, one that is mounted in it, and a router that a router includes."""
    app, sub, router, outer = FastAPI(), FastAPI(), APIRouter(prefix="/r"), APIRouter(prefix="/o")
    app.get("/x/{i}")(echo)
    sub.get("/there/{i}")(echo)
    router.get("/there/{i}")(echo)
    outer.include_router(router)
    app.mount("/sub", sub)
    app.include_router(outer)
    instrument(app, metrics.pipeline)
    return app, sub, router


counts = requests_by("method", "endpoint", "status_code")


def counted(metrics: Recorded) -> set[tuple[str, ...]]:
    """(method, endpoint, status code) of what has a count."""
    return set(counts(metrics))


def in_the_place_of_another(app: FastAPI, sub: FastAPI, router: APIRouter) -> None:
    """The list is as long as before."""
    app.router.routes = [one for one in app.router.routes if getattr(one, "path", "") != "/x/{i}"]
    app.get("/y/{i}")(echo)


def the_same_function_elsewhere(app: FastAPI, sub: FastAPI, router: APIRouter) -> None:
    (place,) = [n for n, one in enumerate(app.routes) if getattr(one, "path", "") == "/x/{i}"]
    app.router.routes[place] = APIRoute("/z/{i}", echo)


def another_list_in_what_is_mounted(app: FastAPI, sub: FastAPI, router: APIRouter) -> None:
    sub.router.routes = [Route("/plain/{i}", lambda request: PlainTextResponse("plain"))]


@pytest.mark.parametrize(
    ("change", "path", "template"),
    [
        (lambda app, sub, router: app.get("/new/{i}")(echo), "/new/1", "/new/{i}"),
        (lambda app, sub, router: sub.get("/new/{i}")(echo), "/sub/new/1", "/sub/new/{i}"),
        (lambda app, sub, router: router.get("/new/{i}")(echo), "/o/r/new/1", "/o/r/new/{i}"),
        (lambda app, sub, router: sub.mount("/d", Router([Route("/{i}", PlainTextResponse("d"))])),
         "/sub/d/1", "/sub/d/{i}"),
        (in_the_place_of_another, "/y/1", "/y/{i}"),
        (the_same_function_elsewhere, "/z/1", "/z/{i}"),
        (another_list_in_what_is_mounted, "/sub/plain/1", "/sub/plain/{i}"),
    ],
    ids=["application", "mounted", "included", "mounted deeper", "another's place", "same function", "list"],
)  # fmt: skip
def test_a_late_route_counts_under_its_own_template(
    metrics: Recorded, change: Change, path: str, template: str
) -> None:
    """From its first request on; what was there counts as before."""
    app, sub, router = build(metrics)
    with serving(app) as url:
        for before in ("/x/1", "/sub/there/1", "/o/r/there/1"):
            assert httpx.get(url + before).status_code == 200
        change(app, sub, router)
        assert httpx.get(url + path).status_code == 200
    there = {("GET", one, "200") for one in ("/x/{i}", "/sub/there/{i}", "/o/r/there/{i}")}
    assert counted(metrics) == there | {("GET", template, "200")}


def test_a_late_route_is_at_zero_at_the_next_scrape(metrics: Recorded) -> None:
    """In a mounted application too."""
    app, sub, _ = build(metrics)
    with serving(app) as url:
        httpx.get(url + "/metrics")
        sub.get("/new/{i}")(echo)
        httpx.get(url + "/metrics")
    assert metrics.value("http_requests_total", method="GET", endpoint="/sub/new/{i}", status_code="200") == 0


def test_a_late_route_in_anothers_place_names_its_span() -> None:
    """The span's name follows the list as the template does."""
    journal: Journal = []
    by = provider(ALWAYS_ON, journal)
    app = FastAPI()
    app.get("/x/{i}")(echo)
    with traced("ours", app, by):
        drive(app, journal, request(path="/x/5"))
        app.router.routes[-1] = APIRoute("/y/{i}", echo)
        assert ended(drive(app, journal, request(path="/y/5")))[0]["name"] == "GET /y/{i}"


def refusing(metrics: Recorded) -> FastAPI:
    """Whatever is asked for is refused before routing."""
    app, sub = FastAPI(), FastAPI()
    app.get("/items/{item_id}")(echo)
    app.post("/items/{name}")(echo)
    app.put("/items/{number:int}")(echo)
    sub.get("/deep/{i}")(echo)
    app.mount("/sub", sub)
    app.get("/sub/shadowed")(echo)
    instrument(app, metrics.pipeline)

    @app.middleware("http")
    async def refuse(request: Request, call_next: object) -> Response:
        return PlainTextResponse("who are you?", 401)

    return app


@pytest.mark.parametrize(
    ("method", "path", "template"),
    [
        ("GET", "/items/7", "/items/{item_id}"),
        ("POST", "/items/7", "/items/{name}"),
        ("PUT", "/items/7", "/items/{number}"),
        ("PUT", "/items/seven", "/items/{item_id}"),
        ("DELETE", "/items/7", "/items/{item_id}"),
        ("GET", "/sub/deep/7", "/sub/deep/{i}"),
        ("GET", "/sub/shadowed", "(unmatched)"),
        ("GET", "/nowhere", "(unmatched)"),
    ],
)
def test_what_is_refused_before_routing_counts_under_the_template_of_its_method(
    metrics: Recorded, method: str, path: str, template: str
) -> None:
    """As routing would have chosen; a method that no route takes counts where routing refuses it."""
    with serving(refusing(metrics)) as url:
        assert httpx.request(method, url + path).status_code == 401
    assert counted(metrics) == {(method, template, "401")}


def with_frontends(metrics: Recorded, folder: Path) -> FastAPI:
    """Files of a front end at the root and below a prefix, a mounted application, and end points."""
    app, sub, router = FastAPI(), FastAPI(), APIRouter()
    app.get("/items/{i}")(echo)
    app.mount("/sub", sub)
    app.mount("/files", StaticFiles(directory=folder))
    app.frontend("/", directory=folder)
    app.frontend("/admin", directory=folder)
    router.frontend("/shop", directory=folder)
    app.include_router(router, prefix="/v1")
    instrument(app, metrics.pipeline)
    return app


@pytest.mark.parametrize(
    ("method", "path", "template", "status"),
    [
        ("GET", "/", "/{path}", 200),
        ("GET", "/page.css", "/{path}", 200),
        ("GET", "/none.css", "/{path}", 404),
        ("POST", "/page.css", "/{path}", 405),
        ("GET", "/admin", "/admin/{path}", 307),
        ("GET", "/admin/page.css", "/admin/{path}", 200),
        ("GET", "/v1/shop/page.css", "/v1/shop/{path}", 200),
        ("GET", "/items/7", "/items/{i}", 200),
        ("GET", "/items/7/", "/items/{i}", 307),
        ("GET", "/sub", "/sub/{path}", 307),
        ("GET", "/sub/nowhere", "(unmatched)", 404),
        ("GET", "/files", "/files/{path}", 307),
    ],
)
def test_front_ends_and_redirects_to_what_is_mounted_have_templates(
    metrics: Recorded, tmp_path: Path, method: str, path: str, template: str, status: int
) -> None:
    """As FastAPI names them in spans of its own."""
    (tmp_path / "index.html").write_text("<p>")
    (tmp_path / "page.css").write_text("p {}")
    with serving(with_frontends(metrics, tmp_path)) as url:
        assert httpx.request(method, url + path).status_code == status
    assert counted(metrics) == {(method, template, str(status))}


def test_a_front_end_is_at_zero_from_the_start(metrics: Recorded, tmp_path: Path) -> None:
    """As any route."""
    (tmp_path / "index.html").write_text("<p>")
    with serving(with_frontends(metrics, tmp_path)) as url:
        httpx.get(url + "/metrics")
    assert (
        metrics.value("http_requests_total", method="GET", endpoint="/admin/{path}", status_code="200") == 0
    )


@pytest.mark.parametrize("strict", [True, False])
def test_a_method_of_ones_own_is_no_fault(strict: bool) -> None:
    """A route for PURGE is at 0 as "(other)", and is counted there: in tests and in production."""
    other = {"method": "(other)", "endpoint": "/cache/{i}", "status_code": "200"}
    with recording(strict=strict) as recorded:
        app = FastAPI()
        app.api_route("/cache/{i}", methods=["PURGE", "BAN", "GET"])(echo)
        app.mount("/raw", Router([Mount("/deep", routes=[Route("/{i}", echo, methods=["PURGE"])])]))
        instrument(app, recorded.pipeline)
        with serving(app) as url:
            httpx.get(url + "/metrics")
            assert recorded.value("http_requests_total", **other) == 0
            assert httpx.request("PURGE", url + "/cache/7").status_code == 200
        assert counted(recorded) == {tuple(other.values())}
        assert recorded.value("errors_total", error_type="record", component="telemetry") == 0
