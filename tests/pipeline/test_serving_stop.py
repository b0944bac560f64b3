"""A stop while a client holds the server up: it ends within its grace, and the last push goes out."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from support.otlp_sink import Sink, otlp_sink
from support.servers import HTTP, ROOT, Server, free_port, run, wait_for

from app.serving import GRACE_SECONDS
from scripts.stack.supervisor import STOP_SECONDS
from telemetry.pipeline import FLUSH_MS

PROGRAM = str(Path(sys.executable).with_name("reviewlens"))
UVICORN = f"{sys.executable} -m uvicorn app.main:app --port {{port}} --no-access-log"
SERVE = f"{PROGRAM} serve --port {{port}} --workers {{workers}}"
HALF_A_HEAD = b"GET /healthz HTTP/1.1\r\nhost: a\r\nx: "
HALF_A_BODY = b"POST /api/sessions HTTP/1.1\r\nhost: a\r\ncontent-length: 99\r\n\r\n{"
REQUESTS = 20
STARTED = "Application startup complete"


@contextmanager
def service(
    command: str, state: Path, workers: int = 1, before: str = "", **environ: str
) -> Iterator[Server]:
    """The service from the moment that every worker serves."""
    port = free_port()
    words = command.format(port=port, workers=workers)
    own = {"REVIEWLENS_STATE_DIR": str(state), "REVIEWLENS_PORT": str(port), **environ}
    shell = ["sh", "-c", f"{before} exec {words}"]
    with run(shell, f"http://127.0.0.1:{port}", "/readyz", env=own, seconds=60) as server:
        wait_for("every worker", lambda: server.log.read_text().count(STARTED) >= workers, 60)
        yield server


@contextmanager
def pushing(command: str, state: Path, workers: int = 1) -> Iterator[tuple[Server, Sink]]:
    """The service with a receiver of its pushes, none of which comes by itself."""
    with otlp_sink() as sink:
        environ = {**sink.environ, "OTEL_METRICS_EXPORTER": "otlp", "OTEL_METRIC_EXPORT_INTERVAL": "3600000"}
        with service(command, state, workers, **environ) as server:
            yield server, sink


def pushed(sink: Sink) -> float:
    """The requests that the last push of each process tells of."""
    counted = {("method", "GET"), ("endpoint", "/api/products"), ("status_code", "200")}
    of = {sink.resource(n)["service.instance.id"]: n for n in range(len(sink.requests))}
    return sum(sink.series("http_requests_total", n).get(frozenset(counted), 0) for n in of.values())


def ask(server: Server, times: int = REQUESTS) -> None:
    for _ in range(times):
        HTTP.get(server.url + "/api/products", headers={"connection": "close"}).raise_for_status()


@contextmanager
def holding(server: Server, sent: bytes = HALF_A_BODY, clients: int = 1) -> Iterator[None]:
    """Clients that send no more than this."""
    wires = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in range(clients)]
    for wire in wires:
        wire.sendall(sent)
    yield
    for wire in wires:
        wire.close()


def send(server: Server, *signals: int) -> None:
    """As a terminal does: to the server and its workers."""
    shown = subprocess.run(
        ["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True, check=False
    )
    for number in signals:
        for process in (server.process.pid, *map(int, shown.stdout.split())):
            os.kill(process, number)
        wait_for("the first signal's work", lambda: "Shutting down" in server.log.read_text())


@pytest.mark.parametrize(
    ("command", "workers", "signals"),
    [
        (SERVE, 1, [signal.SIGTERM]),
        (SERVE, 2, [signal.SIGTERM, signal.SIGTERM]),
        (SERVE, 2, [signal.SIGINT, signal.SIGINT]),
        (SERVE, 1, [signal.SIGTERM, signal.SIGINT]),
        (UVICORN, 1, [signal.SIGTERM]),
    ],
    ids=["serve", "two workers", "two workers, impatient", "impatient", "uvicorn"],
)
def test_half_a_body_neither_stops_a_stop_nor_costs_the_last_push(
    tmp_path: Path, command: str, workers: int, signals: list[int]
) -> None:
    """Within the grace that supervisor and compose give."""
    with pushing(command, tmp_path, workers) as (server, sink):
        ask(server)
        with holding(server, clients=2 * workers):
            send(server, *signals)
            server.process.wait(STOP_SECONDS)
        assert pushed(sink) == REQUESTS


def test_a_kill_amid_a_stop_costs_nothing_that_was_counted_before(tmp_path: Path) -> None:
    """The push begins with the signal; a bare uvicorn still waits for its clients."""
    with pushing(UVICORN, tmp_path) as (server, sink):
        ask(server)
        with holding(server):
            server.process.terminate()
            wait_for("the push", lambda: pushed(sink) == REQUESTS)
            assert server.process.poll() is None
            server.process.kill()


def test_whoever_stops_the_service_gives_it_more_than_it_takes() -> None:
    """What is left after requests and push is for closing stores and clients."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["api"]
    assert compose["stop_grace_period"] == f"{STOP_SECONDS}s"
    assert GRACE_SECONDS + FLUSH_MS / 1000 + 5 <= STOP_SECONDS


@pytest.mark.parametrize(
    ("command", "line"),
    [(SERVE, "too many connections"), (UVICORN, "socket.accept() out of system resource")],
    ids=["serve", "uvicorn"],
)
def test_more_clients_than_files_are_one_line(tmp_path: Path, command: str, line: str) -> None:
    """Half a head each. `reviewlens serve` goes on serving beside them."""
    with service(command, tmp_path, before="ulimit -n 128;") as server:
        with holding(server, HALF_A_HEAD, clients=200):
            wait_for("the line", lambda: line in server.log.read_text())
            if command == SERVE:
                ask(server, 1)
        wait_for("a request after them", lambda: server.get("/healthz"))
        of_the_server = re.findall(r"(?:WARNING|ERROR) (?:uvicorn|asyncio).*", server.log.read_text())
        assert [line in found for found in of_the_server] == [True], of_the_server
        assert "Traceback" not in server.log.read_text()
