"""Which route a span is named after, where routes come late or match in ways of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.responses import PlainTextResponse
from fastapi.routing import APIRoute
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.routing import Host, Match, Route, Router
from support.twins import SIDES, Journal, drive, ended, provider, request, traced


def test_routes_that_come_later_name_spans_too() -> None:
    """Added to the application, or to a router that it has included already."""
    journal: Journal = []
    by = provider(ALWAYS_ON, journal)
    app, router = FastAPI(), APIRouter()
    router.get("/there")(lambda: 1)
    app.include_router(router, prefix="/inner")
    with traced("ours", app, by):
        names = []
        for path in ("/inner/there", "/inner/late/5", "/late/5", "/inner/late/5", "/late/5"):
            drive(app, journal, request(path=path))
            names.append(ended(journal)[0]["name"])
            if path == "/late/5" and len(names) == 3:
                app.get("/late/{number}")(lambda number: number)
                router.get("/late/{number}")(lambda number: number)
        assert names == ["GET /inner/there", "GET", "GET", "GET /inner/late/{number}", "GET /late/{number}"]


class OnlyPosts(APIRoute):
    """A route that matches in a way of its own."""

    def matches(self, scope: Any) -> Any:
        found, child = super().matches(scope)
        return (found, child) if scope["method"] == "POST" else (Match.NONE, {})


class EitherConvertor(StringConvertor):
    """Its pattern has a group."""

    regex = "(yes|no)"


def odd_routes() -> FastAPI:
    """Routes that cannot be looked up in one step."""
    register_url_convertor("either", EitherConvertor())
    app, router = FastAPI(), APIRouter(route_class=OnlyPosts)
    router.post("/posts/{number}")(lambda number: number)
    app.get("/{answer:either}/{number:int}")(lambda answer, number: number)
    app.include_router(router, prefix="/v1")
    app.include_router(router)
    app.get("/posts/{anything}")(lambda anything: anything)
    return app


def with_host() -> FastAPI:
    """A route by host name, before another one."""
    app = FastAPI()
    app.router.routes.append(Host("other.test", Router([Route("/a", lambda _: PlainTextResponse("a"))])))
    app.get("/{word}")(lambda word: word)
    return app


def without_routes() -> FastAPI:
    return FastAPI(openapi_url=None)


@pytest.mark.parametrize("build", [odd_routes, with_host, without_routes])
def test_routes_that_match_in_their_own_way_name_spans_as_well(build: Callable[[], FastAPI]) -> None:
    """By subclasses, by convertors with groups, by host; and where there are none."""
    found = []
    for side in SIDES:
        journal: Journal = []
        by = provider(ALWAYS_ON, journal)
        with traced(side, build(), by) as app:
            found.append(
                [
                    drive(app, journal, request(method=method, path=path, headers=[("host", host)]))
                    for method in ("GET", "POST", "BREW")
                    for path in ("/yes/5", "/yes/x", "/v1/posts/5", "/posts/5", "/a", "/none/at/all")
                    for host in ("shop.test", "other.test")
                ]
            )
    assert found[0] == found[1]
