"""Clients that leave before their answer, on real servers: 499 wherever the server knows."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from support.metrics_page import page, samples
from support.servers import Server, free_port, run, wait_for

from telemetry.asgi.leaving import of_server

DATA = Path(__file__).parents[1] / "data"
BIN = Path(sys.executable).parent
APP = "left_alone:app"

# docs/reference/streams.md has the same table.
SERVERS = {
    "uvicorn": (["uvicorn", "--http=h11", "--port={port}", APP], "499"),
    "hypercorn": (["hypercorn", "--bind=127.0.0.1:{port}", APP], "499"),
    "granian": (["granian", "--interface=asgi", "--port={port}", APP], "200"),
}


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Server, str]]:
    """The application on each server; what a plain end point counts as there."""
    (program, *flags), plain = SERVERS[request.param]
    port = free_port()
    command = [BIN / program, *(flag.format(port=port) for flag in flags)]
    env = {
        **{key: "" for key in os.environ if key.startswith("OTEL_")},
        "REVIEWLENS_STATE_DIR": str(tmp_path),
    }
    with run(command, f"http://127.0.0.1:{port}", "/waiting", env=env, cwd=DATA) as running:
        yield running, plain


def leave(url: str, *requests: bytes) -> None:
    """Send each request on a connection of its own, and close them all once all are waiting for an answer."""
    address = urlsplit(url)
    sockets = [socket.create_connection((address.hostname, address.port)) for _ in requests]
    for one, request in zip(sockets, requests, strict=True):
        one.sendall(request)
    wait_for("the requests to be under way", lambda: httpx.get(url + "/waiting").json() == len(requests))
    for one in sockets:
        with closing(one):
            pass


def counted(url: str) -> dict[str, str]:
    """End point -> status code, of the two that clients left."""
    codes = {one.labels["endpoint"]: one.labels["status_code"] for one in samples(page(url)) if one.value}
    return {endpoint: code for endpoint, code in codes.items() if endpoint in ("/plain", "/listening")}


def test_who_left_before_any_answer_counts_as_499(server: tuple[Server, str]) -> None:
    """An end point that listens hears it on every server; a plain one counts as what its server knows."""
    running, plain = server
    head = b" HTTP/1.1\r\nHost: shop.test\r\n"
    leave(
        running.url, b"GET /plain" + head + b"\r\n", b"POST /listening" + head + b"Content-Length: 0\r\n\r\n"
    )
    httpx.get(running.url + "/go", timeout=30)
    wait_for("both to be counted", lambda: len(counted(running.url)) == 2)
    assert counted(running.url) == {"/plain": plain, "/listening": "499"}


def test_of_a_server_that_nobody_knows_nobody_has_left() -> None:
    """A function, and a method of an object with a word of the same name."""

    class Sender:
        disconnected = closed = True

        async def send(self, message: object) -> None: ...

    async def send(message: object) -> None: ...

    assert not of_server(send)(send)
    assert not of_server(Sender().send)(Sender().send)
