"""Bodies, paths and lines that no client of ours sends: each is refused with a reason, none is a 500."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.live import serving

from app.api.limits import BODY_BYTES
from app.llm.settings import LLMSettings
from app.service import create_app
from app.serving import Protocol
from app.settings import AppSettings
from telemetry.testing import Recorded

PRODUCT = "robot_cleaner"
JSON = "application/json"
BODIES = {
    "not JSON": (b"hello", 422),
    "nothing": (b"", 422),
    "null": (b"null", 422),
    "a list": (b"[]", 422),
    "not UTF-8": (b'{"product_id": "\xff"}', 400),
    "UTF-16": ('{"product_id": "x"}'.encode("utf-16"), 404),
    "a byte order mark": (b"\xef\xbb\xbf{}", 422),
    "a lone surrogate": (b'{"product_id": "\\ud800"}', 422),
    "a lone surrogate as a name": (b'{"\\ud800": 1}', 422),
    "a lone surrogate in an optional field": (
        b'{"product_id": "robot_cleaner", "visit_id": "\\udfff"}',
        422,
    ),
    "NaN": (b'{"product_id": NaN}', 422),
    "a number without end": (b'{"product_id": 1e999}', 422),
    "5,000 digits": (b'{"product_id": 1' + b"0" * 5_000 + b"}", 400),
    "10,000 brackets": (b'{"product_id": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", 400),
    "a NUL": (b'{"product_id": "\\u0000"}', 422),
    "an object": (b'{"product_id": {"$ne": null}}', 422),
    "too long": (b'{"product_id": "' + b"a" * BODY_BYTES + b'"}', 413),
}


@pytest.fixture
def url(state_dir: Path, metrics: Recorded, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The service on a real uvicorn, with no provider."""
    for key in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "REVIEWLENS_LLM_SIMULATOR_URL"):
        monkeypatch.delenv(key, raising=False)
    with serving(create_app(AppSettings(state_dir=state_dir), LLMSettings(), metrics.pipeline)) as address:
        yield address


def exchanged(url: str, sent: bytes, to_the_end: bool = False) -> bytes:
    """The first bytes that the server answers to these; or all until it closes."""
    with socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), timeout=10) as wire:
        wire.sendall(sent)
        return b"".join(iter(partial(wire.recv, 65_536), b"")) if to_the_end else wire.recv(65_536)


def test_a_strange_body_is_refused_with_a_reason_that_does_not_repeat_it(url: str, metrics: Recorded) -> None:
    """Each once, counted as what it is; nothing of it comes back, and no exception reaches the server."""
    with httpx.Client(base_url=url) as client:
        for name, (body, status) in BODIES.items():
            answer = client.post("/api/sessions", content=body, headers={"content-type": JSON})
            assert answer.status_code == status, name
            assert answer.json()["detail"], name
            assert len(answer.content) < 400, name
            assert "input" not in answer.text, name
    refused = sum(status in {400, 413, 422} for _, status in BODIES.values())
    assert metrics.value("errors_total", error_type="validation", component="api") == refused
    assert metrics.value("errors_total", error_type="unhandled", component="api") == 0


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "multipart/form-data", "application/x-www-form-urlencoded", "\xff"]
)
def test_a_body_of_another_type_is_refused(url: str, metrics: Recorded, content_type: str) -> None:
    """Whatever it holds."""
    with httpx.Client(base_url=url) as client:
        for name, (body, status) in BODIES.items():
            headers = {"content-type": content_type.encode("latin-1")} if content_type else {}
            answer = client.post("/api/sessions", content=body, headers=headers)
            expected = {413} if status == 413 else {422} if content_type else {status, 422}
            assert answer.status_code in expected, (name, answer.text)
    assert metrics.value("errors_total", error_type="unhandled", component="api") == 0


@pytest.mark.parametrize("text", ["a\0b", "😀", "a\u202e", "'; DROP TABLE sessions; --", "a" * 2_000, " a "])
def test_an_answer_may_hold_any_characters(url: str, text: str) -> None:
    """Up to 2,000 of them."""
    begun = httpx.post(url + "/api/sessions", json={"product_id": PRODUCT}).json()
    turns = f"{url}/api/sessions/{begun['session_id']}/turns"
    assert httpx.post(turns, json={"answer": text}).status_code == 200
    assert httpx.post(turns, json={"answer": text * 2_001}).status_code in {413, 422}


@pytest.mark.parametrize("text", ["", " ", "\0", "\u202e", "\u3164\ufeff"])
def test_an_answer_of_which_nothing_is_seen_is_empty(url: str, text: str) -> None:
    """Refused, and the dialogue goes on."""
    begun = httpx.post(url + "/api/sessions", json={"product_id": PRODUCT}).json()
    turns = f"{url}/api/sessions/{begun['session_id']}/turns"
    assert httpx.post(turns, json={"answer": text}).status_code == 422
    assert httpx.post(turns, json={"answer": "a"}).status_code == 200


def test_a_longest_answer_of_escapes_is_within_the_limit(url: str) -> None:
    """Twelve bytes for a character."""
    begun = httpx.post(url + "/api/sessions", json={"product_id": PRODUCT}).json()
    body = b'{"answer": "' + b"\\ud83d\\ude00" * 2_000 + b'"}'
    answer = httpx.post(
        f"{url}/api/sessions/{begun['session_id']}/turns", content=body, headers={"content-type": JSON}
    )
    assert answer.status_code == 200


def test_of_a_body_without_end_no_more_is_read_than_the_limit(state_dir: Path, metrics: Recorded) -> None:
    """Nor is any of it where the head tells its length."""
    app = create_app(AppSettings(state_dir=state_dir), LLMSettings(), metrics.pipeline)

    async def sent(*headers: tuple[bytes, bytes], method: str = "POST") -> tuple[int, int]:
        pieces, status = 0, 0

        async def receive() -> dict[str, Any]:
            nonlocal pieces
            pieces += 1
            return {"type": "http.request", "body": b"a" * 16_384, "more_body": True}

        async def send(message: dict[str, Any]) -> None:
            nonlocal status
            status = message.get("status", status)

        path = "/api/sessions" if method == "POST" else "/api/products"
        scope = {"type": "http", "method": method, "path": path, "headers": [*headers]}
        scope |= {"query_string": b"", "http_version": "1.1", "scheme": "http", "root_path": ""}
        await app(scope, receive, send)
        return status, pieces

    async def run() -> None:
        async with app.router.lifespan_context(app):
            assert await sent((b"content-type", JSON.encode())) == (413, BODY_BYTES // 16_384 + 1)
            assert await sent((b"content-length", b"104857600")) == (413, 0)
            # Also where no end point reads it; of one that has not told its length nothing is read.
            assert await sent((b"content-length", b"70000"), method="GET") == (413, 0)
            assert await sent(method="GET") == (200, 0)

    asyncio.run(run())


@pytest.mark.parametrize("request_line", [b"POST /api/sessions", b"GET /healthz"])
@pytest.mark.parametrize("server", [{}, {"http": Protocol}], ids=["uvicorn", "reviewlens serve"])
def test_a_body_of_two_lengths_is_refused_and_the_connection_closed(
    state_dir: Path, metrics: Recorded, request_line: bytes, server: dict[str, Any]
) -> None:
    """A proxy in front may take what follows for another client's request; here nothing follows."""
    app = create_app(AppSettings(state_dir=state_dir), LLMSettings(), metrics.pipeline)
    both = b" HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    behind = b"GET /readyz HTTP/1.1\r\nhost: a\r\n\r\n"
    with serving(app, **server) as url:
        answer = exchanged(url, request_line + both + behind, to_the_end=True)
    assert (answer[9:12], answer.count(b"HTTP/1.1")) == (b"400", 1)
    assert metrics.value("errors_total", error_type="validation", component="api") == 1


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"POST /api/sessions HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999\r\n\r\n", 413),
        (b"POST /api/sessions HTTP/1.1\r\nhost: a\r\ncontent-length: -5\r\n\r\n", 400),
        (b"POST /api/sessions HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n", 400),
        (
            b"POST /api/sessions HTTP/1.1\r\nhost: a\r\ncontent-encoding: br\r\ncontent-length: 2\r\n\r\n{}",
            422,
        ),
        (b"GET /healthz HTTP/1.0\r\n\r\n", 200),
        (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
        (b"GET http://a/healthz HTTP/1.1\r\nhost: a\r\n\r\n", 404),
        (b"GET * HTTP/1.1\r\nhost: a\r\n\r\n", 404),
        (b"CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n", 404),
        (b"get /healthz HTTP/1.1\r\nhost: a\r\n\r\n", 405),
        (b"GET /\xff HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nhost: a\r\nx: " + b"a" * 200_000 + b"\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
        (b"GET /api/products/%00 HTTP/1.1\r\nhost: a\r\n\r\n", 404),
        (b"GET /api/sessions/%ff%ED%A0%80 HTTP/1.1\r\nhost: a\r\n\r\n", 404),
        (b"GET /api/sessions/" + b"a" * 60_000 + b" HTTP/1.1\r\nhost: a\r\n\r\n", 404),
        (b"DELETE /api/sessions/a?reason=%ff HTTP/1.1\r\nhost: a\r\n\r\n", 422),
    ],
    ids=lambda value: str(value[:40]) if isinstance(value, bytes) else str(value),
)
def test_oddities_of_http_end_in_an_answer(url: str, sent: bytes, status: int) -> None:
    """And the next client is served."""
    assert int(exchanged(url, sent).split(b" ", 2)[1]) == status
    assert httpx.get(url + "/healthz").status_code == 200
