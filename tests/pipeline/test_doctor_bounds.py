"""What the doctor asks may answer without end: a bound on size and time, and a finding."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import requests
from support.http_server import QuietHandler, http_server

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

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):
                pour(self.wfile)

    with http_server(Handler) as url:
        yield url


@pytest.mark.timeout(60)
def test_an_answer_without_end_is_given_up(endless: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxies, "LONGEST", 1 << 20)
    with pytest.raises(requests.RequestException):
        proxies.get(endless, timeout=TIMEOUT)


def test_a_whole_answer_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its text and its status, as requests would."""

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            self.answer(503, b'{"a": 1}', Content_Type="application/json")

    with http_server(Handler) as url:
        answer = proxies.get(url, timeout=TIMEOUT)
    assert (answer.status_code, answer.json(), answer.text) == (503, {"a": 1}, '{"a": 1}')
