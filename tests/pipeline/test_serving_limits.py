"""Clients that drag out or pile up what they can, against the limits of `reviewlens serve`."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.live import serving
from support.servers import wait_for

from app import serving as served
from app.api import limits
from app.llm.settings import LLMSettings
from app.service import create_app
from app.settings import AppSettings
from telemetry.testing import Recorded

HEAD = b"GET /healthz HTTP/1.1\r\nhost: a\r\n"
BODY = (
    b"POST /api/sessions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"
)
UNREAD_BODY = BODY.replace(b"POST /api/sessions", b"GET /healthz")
BIG = b"x" * 50_000_000


@pytest.fixture
def app(state_dir: Path, metrics: Recorded) -> Any:
    """The service."""
    return create_app(AppSettings(state_dir=state_dir), LLMSettings(), metrics.pipeline)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every time limit, shortened."""
    monkeypatch.setattr(served, "ARRIVAL_SECONDS", 1.0)
    monkeypatch.setattr(served, "UNREAD_SECONDS", 1)
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.3)


def bounded(app: Any, **config: Any) -> Any:
    return serving(app, http=served.Protocol, ws="none", timeout_keep_alive=1, **config)


@contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), timeout=20) as wire:
        yield wire


def all_of(wire: socket.socket) -> bytes:
    """What comes until the server ends the connection."""
    pieces = []
    try:
        while piece := wire.recv(65_536):
            pieces.append(piece)
    except ConnectionResetError:
        pass
    return b"".join(pieces)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("sent", "status"),
    [(b"", b""), (HEAD, b""), (HEAD + b"\r\n" + HEAD, b"200"), (BODY, b"408"), (UNREAD_BODY, b"200")],
    ids=[
        "nothing",
        "half a head",
        "half a head after a whole one",
        "half a body",
        "a body that nobody reads",
    ],
)
def test_a_request_that_never_ends_loses_its_connection(app: Any, sent: bytes, status: bytes) -> None:
    """After its answer, where it has one."""
    with bounded(app) as url, connected(url) as wire:
        wire.sendall(sent)
        assert all_of(wire)[9:12] == status


@pytest.mark.usefixtures("quick")
def test_bytes_that_come_one_by_one_buy_no_time(app: Any) -> None:
    """The limit is the whole request's, not a pause's."""
    with bounded(app) as url, connected(url) as wire, pytest.raises(ConnectionError):
        wire.sendall(HEAD + b"x: ")
        while True:
            wire.sendall(b"y")
            time.sleep(0.1)


@pytest.mark.usefixtures("quick")
def test_a_slow_body_is_answered_under_any_server(app: Any, metrics: Recorded) -> None:
    """A bare uvicorn has no limit of its own; the application's is counted as a wrong request."""
    with serving(app) as url, connected(url) as wire:
        wire.sendall(BODY)
        assert all_of(wire)[9:12] == b"408"
    counted = {"method": "POST", "endpoint": "/api/sessions", "status_code": "408"}
    assert metrics.value("http_requests_total", **counted) == 1
    assert metrics.value("errors_total", error_type="validation", component="api") == 1


@pytest.mark.usefixtures("quick")
def test_an_answer_that_nobody_reads_loses_its_connection() -> None:
    """The kernel ends it; the rest of the answer is not kept for ever."""
    ended = []

    async def big(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": BIG, "more_body": True})
        await receive()
        ended.append((await receive())["type"])

    with bounded(big, lifespan="off") as url, connected(url) as wire:
        wire.sendall(HEAD + b"\r\n")
        wait_for("the end of the connection", lambda: ended == ["http.disconnect"])


@pytest.mark.parametrize("held", [b"", HEAD, BODY, HEAD + b"\r\n"], ids=["none", "head", "body", "idle"])
def test_at_the_bound_those_that_wait_make_room(
    app: Any, caplog: pytest.LogCaptureFixture, held: bytes
) -> None:
    """Ten times as many connections as are allowed; whoever sends a whole request is served."""
    with bounded(app, limit_concurrency=5) as url, ExitStack() as stack:
        for _ in range(50):
            wire = stack.enter_context(connected(url))
            with suppress(ConnectionError):  # it may have made room before it was sent
                wire.sendall(held)
        assert httpx.get(url + "/healthz").status_code == 200
    assert "too many connections" in caplog.text


def test_at_the_bound_no_request_in_progress_is_ended() -> None:
    """The one too many is turned away; the others have their answers."""
    begun: list[str] = []
    go = threading.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        begun.append(scope["path"])
        await asyncio.to_thread(go.wait)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"whole"})

    with bounded(slow, lifespan="off", limit_concurrency=6) as url, ExitStack() as stack:
        busy = [stack.enter_context(connected(url)) for _ in range(5)]
        for wire in busy:
            wire.sendall(HEAD + b"\r\n")
        wait_for("five requests in progress", lambda: len(begun) == 5)
        late = [stack.enter_context(connected(url)) for _ in range(3)]
        late[-1].sendall(HEAD + b"\r\n")
        assert late[-1].recv(20)[9:12] == b"503"
        go.set()
        assert [wire.recv(20)[9:12] for wire in busy] == [b"200"] * 5


def test_who_asks_for_a_websocket_is_answered_without_a_word(
    app: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """They are off on purpose; uvicorn would advise to install a library."""
    upgrade = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n"
    with bounded(app) as url, connected(url) as wire:
        wire.sendall(upgrade)
        assert all_of(wire)[9:12] == b"200"
    assert not [
        record for record in caplog.records if record.name == "uvicorn.error" and record.levelno >= 30
    ]


def test_answers_go_out_at_once_on_the_socket_that_workers_share() -> None:
    """uvicorn does not name TCP when it makes it, so asyncio leaves Nagle's algorithm on."""
    found: list[int] = []

    class Looked(served.Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            wire = transport.get_extra_info("socket")
            found.append(wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    async def nothing(scope: Any, receive: Any, send: Any) -> None:
        pass

    with serving(nothing, http=Looked, lifespan="off") as url, connected(url):
        wait_for("the connection", lambda: found)
    assert found[0] != 0
