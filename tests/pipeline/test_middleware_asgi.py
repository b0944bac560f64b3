"""The middleware by raw ASGI messages: what no ordinary server or application sends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Any

import pytest
from starlette.routing import Route, Router
from support.metrics_page import requests_by

from telemetry.asgi.middleware import MetricsMiddleware
from telemetry.metrics import http_request_duration_seconds
from telemetry.testing import Recorded, StepClock, recording

START = {"type": "http.response.start", "status": 202, "headers": []}
BODY = {"type": "http.response.body", "body": b"ok"}
App = Callable[[Any, Any, Any], Awaitable[None]]


async def endpoint(request: Any) -> None:
    """Never called: only its template is used."""


def scope(**changes: Any) -> dict[str, Any]:
    return {"type": "http", "method": "GET", "path": "/items/7", "root_path": "", "headers": [], **changes}


def drive(app: App, given: dict[str, Any] | None = None, messages: tuple[Any, ...] = ()) -> list[Any]:
    """One request through the middleware; what was sent."""
    sent: list[Any] = []
    incoming = iter(messages)

    async def receive() -> Any:
        return next(incoming)

    async def send(message: Any) -> None:
        sent.append(message)

    router = Router([Route("/items/{item_id}", endpoint)])
    middleware = MetricsMiddleware(app, router, StepClock(0.5, start=1_000.0))
    asyncio.run(middleware(given if given is not None else scope(), receive, send))
    return sent


counted = requests_by("endpoint", "method", "status_code")


def test_messages_pass_through_as_they_are(metrics: Recorded) -> None:
    """The very objects, in order; a step of the clock to the first byte of the body, one more to its end."""

    async def app(_: Any, __: Any, send: Any) -> None:
        await send(START)
        await send({**BODY, "more_body": True})
        await send(BODY)

    sent = drive(app)
    assert sent[0] is START
    assert sent[1:] == [{**BODY, "more_body": True}, BODY]
    assert counted(metrics) == {("/items/{item_id}", "GET", "202"): 1}
    of = {"method": "GET", "endpoint": "/items/{item_id}"}
    assert metrics.sum("http_first_byte_seconds", **of) == 0.5
    assert metrics.sum("http_request_duration_seconds", **of) == 1.0
    assert metrics.value("http_streams_aborted_total", **of) == 0


@pytest.mark.parametrize("kind", ["websocket", "lifespan", "mqtt"])
def test_other_scopes_pass_through(metrics: Recorded, kind: str) -> None:
    """Untouched: the same scope, receive and send."""
    seen: list[Any] = []

    async def app(*given: Any) -> None:
        seen.extend(given)

    given = {"type": kind}
    assert drive(app, given) == []
    assert seen[0] is given
    assert given == {"type": kind}
    assert counted(metrics) == {}


def test_what_a_client_can_have_is_counted(metrics: Recorded) -> None:
    """Already when the last piece goes out: a worker may be killed as soon as its client has it."""
    seen: list[float] = []

    async def app(scope: Any, _: Any, send: Any) -> None:
        await send(START)
        await send({**BODY, "more_body": True})
        await send(BODY)

    async def send(message: Any) -> None:
        seen.append(sum(counted(metrics).values()))

    async def receive() -> Any:
        return {"type": "http.request"}

    asyncio.run(MetricsMiddleware(app, Router())(scope(), receive, send))
    assert seen == [0, 0, 1]


def test_where_it_is_counted_is_looked_up_before_the_answer_begins(
    metrics: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that has the start is not to wait for that; and it is looked up once."""
    steps: list[Any] = []
    look_up = MetricsMiddleware.answer

    def looked_up(*given: Any) -> Any:
        steps.append("looked up")
        return look_up(*given)

    async def app(_: Any, __: Any, send: Any) -> None:
        await send(START)
        await send(BODY)

    async def send(message: Any) -> None:
        steps.append(message)

    monkeypatch.setattr(MetricsMiddleware, "answer", looked_up)
    asyncio.run(MetricsMiddleware(app, Router())(scope(), None, send))  # type: ignore[arg-type]
    assert steps == ["looked up", START, BODY]
    assert counted(metrics) == {("(unmatched)", "GET", "202"): 1}


@pytest.mark.parametrize("fails", [False, True])
def test_the_access_line_is_written_once_its_client_has_the_end(
    metrics: Recorded, caplog: pytest.LogCaptureFixture, fails: bool
) -> None:
    """Nobody waits for it, and a client that could not take the end is in the log all the same."""
    caplog.set_level(logging.INFO, "telemetry.access")
    lines_then: list[int] = []

    async def app(_: Any, __: Any, send: Any) -> None:
        await send(START)
        await send(BODY)
        lines_then.append(len(caplog.records))

    async def send(message: Any) -> None:
        lines_then.append(len(caplog.records))
        if fails and message is BODY:
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError) if fails else nullcontext():
        asyncio.run(MetricsMiddleware(app, Router())(scope(), None, send))  # type: ignore[arg-type]
    assert lines_then == ([0, 0] if fails else [0, 0, 1])
    assert len(caplog.records) == 1


def test_a_file_sent_by_the_server_ends_the_request(metrics: Recorded) -> None:
    """http.response.pathsend is the last message; what comes after it takes none of the request's time."""

    async def app(_: Any, __: Any, send: Any) -> None:
        await send(START)
        await send({"type": "http.response.pathsend", "path": "/tmp/file"})  # noqa: S108 - never opened
        assert counted(metrics) == {("/items/{item_id}", "GET", "202"): 1}

    drive(app)
    assert counted(metrics) == {("/items/{item_id}", "GET", "202"): 1}


def test_an_application_that_never_answers_is_500(metrics: Recorded) -> None:
    """That is what its server sends then."""

    async def app(*_: Any) -> None:
        """Return without a message."""

    drive(app)
    assert counted(metrics) == {("/items/{item_id}", "GET", "500"): 1}


def test_an_application_that_stops_in_the_middle_is_counted_by_its_status(metrics: Recorded) -> None:
    """As frameworks do when the client has gone."""

    async def app(_: Any, __: Any, send: Any) -> None:
        await send(START)
        await send({**BODY, "more_body": True})

    drive(app)
    assert counted(metrics) == {("/items/{item_id}", "GET", "202"): 1}


@pytest.mark.parametrize("error", [RuntimeError("mine"), OSError("mine")])
def test_an_exception_leaves_as_it_came(metrics: Recorded, error: Exception) -> None:
    """The same object, uncounted requests none, one error."""

    async def app(*_: Any) -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        drive(app)
    assert caught.value is error
    assert counted(metrics) == {("/items/{item_id}", "GET", "500"): 1}
    assert metrics.value("errors_total", error_type="unhandled", component="api") == 1


@pytest.mark.parametrize("gone", [asyncio.CancelledError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize(("started", "status"), [(False, "500"), (True, "202")])
def test_a_cancelled_request_is_counted_once(
    metrics: Recorded, gone: type[BaseException], started: bool, status: str
) -> None:
    """500 before the start, as servers answer then, the sent status after it; no error, and it goes on."""

    async def app(_: Any, __: Any, send: Any) -> None:
        if started:
            await send(START)
        raise gone

    with pytest.raises(gone):
        drive(app)
    assert counted(metrics) == {("/items/{item_id}", "GET", status): 1}
    assert metrics.value("errors_total", error_type="unhandled", component="api") == 0


def test_an_answer_to_nobody_is_499(metrics: Recorded) -> None:
    """The application heard that the client has left, and answers all the same."""

    async def app(_: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "http.disconnect"
        await send(START)
        await send(BODY)

    assert drive(app, messages=({"type": "http.disconnect"},)) == [START, BODY]
    assert counted(metrics) == {("/items/{item_id}", "GET", "499"): 1}


def test_a_client_that_leaves_after_the_start_has_its_status(metrics: Recorded) -> None:
    """It was answered."""

    async def app(_: Any, receive: Any, send: Any) -> None:
        await send(START)
        await receive()
        await send(BODY)

    drive(app, messages=({"type": "http.disconnect"},))
    assert counted(metrics) == {("/items/{item_id}", "GET", "202"): 1}


def test_a_middleware_that_copies_the_scope_hides_no_template(metrics: Recorded) -> None:
    """Routing then leaves its mark in a copy; the path still has a template."""

    async def app(given: Any, _: Any, send: Any) -> None:
        dict(given)["endpoint"] = endpoint
        await send(START)
        await send(BODY)

    drive(app)
    assert counted(metrics) == {("/items/{item_id}", "GET", "202"): 1}


@pytest.mark.parametrize("method", ["get", "BREW", "GET ", "PROPFIND", "\U0001f375"])
def test_methods_that_are_none_are_folded(metrics: Recorded, method: str) -> None:
    """Whatever is sent as a method, it makes one series."""

    async def app(_: Any, __: Any, send: Any) -> None:
        await send(START)
        await send(BODY)

    drive(app, scope(method=method))
    assert counted(metrics) == {("/items/{item_id}", "(other)", "202"): 1}


def test_a_scope_without_root_path_is_no_fault(metrics: Recorded) -> None:
    """It is optional in ASGI."""

    async def app(_: Any, __: Any, send: Any) -> None:
        await send(START)
        await send(BODY)

    given = scope()
    del given["root_path"]
    drive(app, given)
    assert counted(metrics) == {("/items/{item_id}", "GET", "202"): 1}


def test_a_fault_inside_telemetry_leaves_the_response_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Routes that cannot be read, an instrument that fails: answered as ever, and counted as a fault."""
    from telemetry.guard import guard

    class Broken:
        def record(self, *_: Any) -> None:
            raise RuntimeError("broken")

    async def app(_: Any, __: Any, send: Any) -> None:
        await send(START)
        await send(BODY)

    class NoRoutes:
        @property
        def routes(self) -> list[Any]:
            raise RuntimeError("no routes")

    monkeypatch.setattr(guard, "_last", {})
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    with recording(strict=False) as recorded:
        before, http_request_duration_seconds.instrument = http_request_duration_seconds.instrument, Broken()
        drive(app)
        http_request_duration_seconds.instrument = before
        asyncio.run(MetricsMiddleware(app, NoRoutes())(scope(), None, send))  # type: ignore[arg-type]
        assert recorded.value("errors_total", error_type="record", component="telemetry") == 2
        assert counted(recorded) == {("/items/{item_id}", "GET", "202"): 1}
    assert sent == [START, BODY]


def test_what_is_over_a_bound_is_not_kept(metrics: Recorded) -> None:
    """Status codes without end take no memory without end."""

    async def app(given: Any, _: Any, send: Any) -> None:
        await send({**START, "status": given["status"]})
        await send(BODY)

    async def nothing(*_: Any) -> Any:
        return None

    async def drive_all() -> None:
        for status in range(1_000, 3_500):
            await middleware(scope(status=status), nothing, nothing)

    middleware = MetricsMiddleware(app, Router())
    asyncio.run(drive_all())
    assert sum(counted(metrics).values()) == 2_500
    assert len(middleware._named) < 2_000


def test_a_clock_that_steps_back_gives_no_negative_time(metrics: Recorded) -> None:
    """Zero, not a value that no bucket holds."""

    async def app(_: Any, __: Any, send: Any) -> None:
        await send(START)
        await send(BODY)

    async def nothing(*_: Any) -> Any:
        return None

    asyncio.run(MetricsMiddleware(app, Router(), StepClock(-5.0))(scope(), nothing, nothing))
    labels = {"method": "GET", "endpoint": "(unmatched)"}
    assert metrics.count("http_request_duration_seconds", **labels) == 1
    assert metrics.sum("http_request_duration_seconds", **labels) == 0


def test_a_route_that_comes_later_has_its_template(metrics: Recorded) -> None:
    """The table of templates follows the application's routes."""
    router = Router([Route("/items/{item_id}", endpoint)])

    async def app(_: Any, __: Any, send: Any) -> None:
        await send(START)
        await send(BODY)

    async def nothing(*_: Any) -> Any:
        return None

    middleware = MetricsMiddleware(app, router)
    asyncio.run(middleware(scope(path="/late/7"), nothing, nothing))
    router.routes.append(Route("/late/{number}", endpoint))
    asyncio.run(middleware(scope(path="/late/7"), nothing, nothing))
    assert counted(metrics) == {("(unmatched)", "GET", "202"): 1, ("/late/{number}", "GET", "202"): 1}
