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

        def name(path: str) -> str:
            return str(ended(drive(app, journal, request(path=path)))[0]["name"])

        assert [name("/inner/there"), name("/inner/late/5")] == ["GET /inner/there", "GET"]
        router.get("/late/{number}")(lambda number: number)
        assert name("/inner/late/5") == "GET /inner/late/{number}"
        assert name("/late/5") == "GET"
        app.get("/late/{number}")(lambda number: number)
        assert name("/late/5") == "GET /late/{number}"


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


def with_groups() -> FastAPI:
    """A pattern with a group in it, before others."""
    register_url_convertor("either", EitherConvertor())
    app = FastAPI()
    app.get("/{answer:either}/{number:int}")(lambda answer, number: number)
    app.get("/posts/{anything}")(lambda anything: anything)
    app.get("/a")(lambda: "a")
    return app


def with_host() -> FastAPI:
    """A route by host name, before another one."""
    app = FastAPI()
    app.router.routes.append(Host("other.test", Router([Route("/a", lambda _: PlainTextResponse("a"))])))
    app.get("/{word}")(lambda word: word)
    return app


def without_routes() -> FastAPI:
    return FastAPI(openapi_url=None)


@pytest.mark.parametrize("build", [odd_routes, with_groups, with_host, without_routes])
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
