"""The status that is counted is the one that the client was sent: in every arrangement, on every server."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from data.arranged import ARRANGEMENTS
from support.live import serving
from support.metrics_page import page, samples
from support.servers import free_port, run, wait_for

from telemetry import instrument
from telemetry.testing import Recorded, recording

DATA = Path(__file__).parents[1] / "data"
BIN = Path(sys.executable).parent

HEAD = b" HTTP/1.1\r\nHost: shop.test\r\n"
NO_CHUNK = HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"  # a chunk's length is a hexadecimal number
BELOW = "below BaseHTTPMiddleware"

# What runs as a process of its own, and whether it refuses a body that is none by itself.
SERVERS = {
    "uvicorn, workers": ("uvicorn --factory arranged:create --workers=2 --port={port}", True),
    "hypercorn": ("hypercorn arranged:create() --bind=127.0.0.1:{port}", True),
    "granian": ("granian --factory --interface=asgi --port={port} arranged:create", False),
}

Counts = Mapping[tuple[str, str], float]
"""(end point, status code) or (end point, "aborted") -> count, without those at 0."""


class Running:
    """An application that runs: its address, and what it has counted."""

    def __init__(self, url: str, counts: Callable[[], Counts], refuses: bool = True) -> None:
        self.url, self.counts, self.refuses = url, counts, refuses


@pytest.fixture(params=ARRANGEMENTS)
def arranged(request: pytest.FixtureRequest) -> Iterator[Running]:
    """Each arrangement on uvicorn."""
    with recording() as metrics:
        app = ARRANGEMENTS[request.param]()
        instrument(app, metrics.pipeline)
        with serving(app) as url:
            yield Running(url, lambda: recorded(metrics))


@pytest.fixture(params=SERVERS)
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    """The arrangement that hides most, on the other servers, and on many workers."""
    command, refuses = SERVERS[request.param]
    port = free_port()
    program, *flags = command.format(port=port).split()
    env = {key: "" for key in os.environ if key.startswith("OTEL_")}
    env |= {"REVIEWLENS_STATE_DIR": str(tmp_path), "ARRANGEMENT": BELOW}
    with run([BIN / program, *flags], f"http://127.0.0.1:{port}", "/metrics", env=env, cwd=DATA) as running:
        yield Running(running.url, lambda: scraped(running.url), refuses)


def recorded(metrics: Recorded) -> Counts:
    requests = [(dict(key), n) for key, n in metrics.series("http_requests_total").items()]
    streams = [(dict(key), n) for key, n in metrics.series("http_streams_aborted_total").items()]
    return _counts([*requests, *streams])


def scraped(url: str) -> Counts:
    text = page(url)
    found = [*samples(text), *samples(text, "http_streams_aborted_total")]
    return _counts([(sample.labels, sample.value) for sample in found])


def _counts(rows: list[tuple[dict[str, str], float]]) -> Counts:
    return {(row["endpoint"], row.get("status_code", "aborted")): n for row, n in rows if n}


def say(url: str, request: bytes, enough: int = 1 << 20) -> bytes:
    """What comes back, up to the end or to `enough` bytes; then the client leaves."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as client:
        client.sendall(request)
        answer = b""
        while len(answer) < enough and (piece := client.recv(65_536)):
            answer += piece
    return answer


def assert_as_sent(running: Running) -> None:
    """All of it on one server, for a start of one takes a second or more."""
    expected = {}
    broken = say(running.url, b"GET /streamboom" + HEAD + b"Connection: close\r\n\r\n")
    assert b"one" in broken
    # BaseHTTPMiddleware of some versions ends the body as if it were whole, and raises afterwards.
    whole = broken.endswith(b"0\r\n\r\n")
    expected["/streamboom", "200" if whole else "500"] = 1.0
    assert say(running.url, b"GET /cancelled" + HEAD + b"Connection: close\r\n\r\n")[9:12] == b"500"
    expected["/cancelled", "500"] = 1.0
    assert say(running.url, b"GET /endless" + HEAD + b"\r\n", enough=3_000)[9:12] == b"200"
    expected["/endless", "200"] = expected["/endless", "aborted"] = 1.0
    for path in ("/reads", "/looks-away"):
        sent = say(running.url, b"POST " + path.encode() + NO_CHUNK, enough=12)[9:12].decode()
        assert (sent == "400") is running.refuses
        # Granian tells an end point that reads that its client has left, and no other.
        expected[path, sent if running.refuses or path == "/looks-away" else "499"] = 1.0
    wait_for("all to be counted", lambda: sum(running.counts().values()) >= len(expected))
    assert running.counts() == expected


def test_every_arrangement_counts_what_its_client_was_sent(arranged: Running) -> None:
    """A stream that breaks off or is left, a cancelled end point, and a body that is no HTTP."""
    assert_as_sent(arranged)


def test_every_server_counts_what_its_client_was_sent(served: Running) -> None:
    """The same, whichever server it is, and whichever worker answers."""
    assert_as_sent(served)
