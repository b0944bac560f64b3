"""What the doctor asks may answer without end: a bound on size and time, and a finding."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from telemetry.doctor import proxies

TIMEOUT = 1.0


def flood(wfile: Any) -> None:
    """As fast as it goes."""
    while True:
        wfile.write(b"x" * 65_536)


def trickle(wfile: Any) -> None:
    """A byte now and then: no single read takes long."""
    while True:
        wfile.write(b"x")
        time.sleep(0.05)


@pytest.fixture(params=[flood, trickle])
def endless(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a server whose answers do not end."""
    pour: Callable[[Any], None] = request.param

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):
                pour(self.wfile)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.timeout(60)
def test_an_answer_without_end_is_given_up(endless: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxies, "LONGEST", 1 << 20)
    with pytest.raises(requests.RequestException):
        proxies.get(endless, timeout=TIMEOUT)


def test_a_whole_answer_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its text and its status, as requests would."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(b'{"a": 1}')

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        answer = proxies.get(f"http://127.0.0.1:{server.server_port}", timeout=TIMEOUT)
        server.shutdown()
    assert (answer.status_code, answer.json(), answer.text) == (503, {"a": 1}, '{"a": 1}')
