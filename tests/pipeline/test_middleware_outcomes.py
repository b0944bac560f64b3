"""How a request ends, and what is counted then: errors, streams, background work, clients that leave."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import BackgroundTasks, FastAPI, Request
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import StreamingResponse
from support.clocks import SetClock
from support.live import serving
from support.metrics_page import requests_by
from support.servers import wait_for

from telemetry import instrument
from telemetry.testing import Recorded


@pytest.fixture
def clock() -> SetClock:
    """The middleware's clock."""
    return SetClock(1_000.0)


def build(metrics: Recorded, clock: SetClock) -> FastAPI:
    """An application whose every end point ends in its own way, each after 2 s of the clock."""
    app = FastAPI()

    @app.get("/raise")
    def fail() -> None:
        clock.now += 2
        raise RuntimeError("on purpose")

    async def chunks(broken: bool) -> AsyncIterator[bytes]:
        yield b"one"
        clock.now += 2
        if broken:
            raise RuntimeError("on purpose, in the middle")
        yield b"two"

    @app.get("/stream")
    def stream() -> StreamingResponse:
        return StreamingResponse(chunks(False))

    @app.get("/broken-stream")
    def broken_stream() -> StreamingResponse:
        return StreamingResponse(chunks(True))

    @app.get("/endless", status_code=206)
    def endless() -> StreamingResponse:
        async def forever() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 1000
                await asyncio.sleep(0.01)

        return StreamingResponse(forever(), status_code=206)

    @app.get("/background")
    def background(tasks: BackgroundTasks) -> str:
        clock.now += 2
        tasks.add_task(later, False)
        return "done"

    @app.get("/broken-background")
    def broken_background(tasks: BackgroundTasks) -> str:
        clock.now += 2
        tasks.add_task(later, True)
        return "done"

    async def later(broken: bool) -> None:
        clock.now += 100
        if broken:
            raise RuntimeError("on purpose, after the answer")

    @app.post("/upload")
    async def upload(request: Request) -> int:
        return len(await request.body())

    @app.get("/wait")
    async def wait() -> None:
        await asyncio.Event().wait()

    instrument(app, metrics.pipeline, clock=clock)
    return app


counted = requests_by("endpoint", "status_code")


def unhandled(metrics: Recorded) -> float:
    return metrics.value("errors_total", error_type="unhandled", component="api")


def seconds(metrics: Recorded, endpoint: str, method: str = "GET") -> float:
    """The duration of the one request to an end point."""
    assert metrics.count("http_request_duration_seconds", method=method, endpoint=endpoint) == 1
    return metrics.sum("http_request_duration_seconds", method=method, endpoint=endpoint)


def access_lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "telemetry.access"]


def test_an_exception_is_500_and_goes_on_to_the_server(
    metrics: Recorded, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Counted once, with its duration; uvicorn logs the very exception."""
    caplog.set_level(logging.INFO)
    with serving(build(metrics, clock)) as url:
        answer = httpx.get(url + "/raise")
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    assert counted(metrics) == {("/raise", "500"): 1}
    assert seconds(metrics, "/raise") == 2
    assert unhandled(metrics) == 1
    assert access_lines(caplog) == ["GET /raise - 500 - 2.000s"]
    assert any(r.exc_info and str(r.exc_info[1]) == "on purpose" for r in caplog.records)


def test_a_streamed_response_is_counted_when_it_ends(metrics: Recorded, clock: SetClock) -> None:
    """The time between the first and the last byte is part of it."""
    with serving(build(metrics, clock)) as url:
        assert httpx.get(url + "/stream").text == "onetwo"
    assert counted(metrics) == {("/stream", "200"): 1}
    assert seconds(metrics, "/stream") == 2


def test_an_exception_in_the_middle_of_a_stream_is_500(metrics: Recorded, clock: SetClock) -> None:
    """The client got a 200 that broke off: that is a failure, and counted once."""
    with serving(build(metrics, clock)) as url, pytest.raises(httpx.RemoteProtocolError):
        httpx.get(url + "/broken-stream")
    assert counted(metrics) == {("/broken-stream", "500"): 1}
    assert seconds(metrics, "/broken-stream") == 2
    assert unhandled(metrics) == 1


def test_background_work_is_no_part_of_the_request(metrics: Recorded, clock: SetClock) -> None:
    """It takes 100 s after the answer; the request took 2."""
    with serving(build(metrics, clock)) as url:
        assert httpx.get(url + "/background").status_code == 200
    assert counted(metrics) == {("/background", "200"): 1}
    assert seconds(metrics, "/background") == 2


def test_an_exception_in_background_work_keeps_the_200(
    metrics: Recorded, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer was right; the error is counted once, and the request once."""
    caplog.set_level(logging.INFO)
    with serving(build(metrics, clock)) as url:
        assert httpx.get(url + "/broken-background").status_code == 200
    assert counted(metrics) == {("/broken-background", "200"): 1}
    assert seconds(metrics, "/broken-background") == 2
    assert unhandled(metrics) == 1
    assert access_lines(caplog) == ["GET /broken-background - 200 - 2.000s"]


def connected(url: str, request: bytes) -> socket.socket:
    """A client that has sent some bytes."""
    parts = urlsplit(url)
    client = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10)
    client.sendall(request)
    return client


@pytest.fixture(params=["plain", "below BaseHTTPMiddleware"])
def app(request: pytest.FixtureRequest, metrics: Recorded, clock: SetClock) -> Iterator[FastAPI]:
    """The application as it is, and with the middleware that many have, which runs it in another task."""
    app = build(metrics, clock)
    if request.param != "plain":
        app.add_middleware(BaseHTTPMiddleware, dispatch=lambda request, call_next: call_next(request))
    return app


def test_a_client_that_leaves_a_stream_is_counted_once(
    metrics: Recorded, app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    """With the status that it was sent; leaving is no error of ours."""
    caplog.set_level(logging.INFO, "telemetry.access")
    with serving(app) as url:
        client = connected(url, b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 206"
        assert counted(metrics) == {}
        client.close()
        wait_for("the request to be counted", lambda: counted(metrics))
    assert counted(metrics) == {("/endless", "206"): 1}
    assert unhandled(metrics) == 0
    assert len(access_lines(caplog)) == 1


def test_a_client_that_leaves_during_its_upload_is_499(metrics: Recorded, app: FastAPI) -> None:
    """Nobody was there to be answered: neither a 500 nor an error of ours."""
    with serving(app) as url:
        client = connected(url, b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\npart")
        client.close()
        wait_for("the request to be counted", lambda: counted(metrics))
    assert counted(metrics) == {("/upload", "499"): 1}
    assert unhandled(metrics) == 0


def test_a_request_that_the_server_cancels_is_500_once(metrics: Recorded, clock: SetClock) -> None:
    """A shutdown that does not wait any longer: uvicorn answers 500. The application made no error."""
    with serving(build(metrics, clock), timeout_graceful_shutdown=1) as url:
        client = connected(url, b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        httpx.get(url + "/stream")
    client.close()
    assert counted(metrics) == {("/stream", "200"): 1, ("/wait", "500"): 1}
    assert unhandled(metrics) == 0


def test_an_application_whose_threads_are_all_busy_is_still_scraped(metrics: Recorded) -> None:
    """That is when its numbers are wanted: 45 slow requests on the 40 threads that sync end points share."""
    app, let_go, busy = FastAPI(), threading.Event(), []

    @app.get("/slow")
    def slow() -> None:
        busy.append(True)
        let_go.wait(30)

    instrument(app, metrics.pipeline)
    with serving(app) as url, ThreadPoolExecutor(45) as pool:
        answers = [pool.submit(httpx.get, url + "/slow", timeout=60) for _ in range(45)]
        try:
            wait_for("every thread to be busy", lambda: len(busy) >= 40)
            assert httpx.get(url + "/metrics", timeout=5).status_code == 200
        finally:
            let_go.set()
        assert {answer.result().status_code for answer in answers} == {200}
    assert counted(metrics) == {("/slow", "200"): 45}


def test_requests_at_the_same_time_are_each_counted_once(metrics: Recorded, clock: SetClock) -> None:
    """300, 20 at a time, good and bad."""
    paths = ["/stream", "/raise", "/nowhere"] * 100

    async def drive(url: str) -> None:
        # uvicorn now and then resets a kept connection after an exception.
        limits, headers = httpx.Limits(max_connections=20), {"Connection": "close"}
        async with httpx.AsyncClient(limits=limits, headers=headers, timeout=60) as client:
            await asyncio.gather(*(client.get(url + path) for path in paths))

    with serving(build(metrics, clock)) as url:
        asyncio.run(drive(url))
    assert counted(metrics) == {("/stream", "200"): 100, ("/raise", "500"): 100, ("(unmatched)", "404"): 100}
    assert unhandled(metrics) == 100
