"""Workers whose supervisor was killed end by themselves, and nothing that they had counted is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from support.otlp_sink import Sink, otlp_sink
from support.servers import HTTP, Server, free_port, run, wait_for

PROGRAM = str(Path(sys.executable).with_name("reviewlens"))
STARTED = "Application startup complete"
STOPPED = "Application shutdown complete"
GONE = "which started this worker, is gone"
REQUESTS = 30
COMMANDS = {
    "serve": ([PROGRAM, "serve", "--port={port}", "--workers=2"], 2),
    "reload": ([sys.executable, "-m", "uvicorn", "app.main:app", "--port={port}", "--reload"], 1),
}


@contextmanager
def service(kind: str, port: int, environ: Mapping[str, str]) -> Iterator[Server]:
    """From the moment that every worker serves; reload looks at an empty folder."""
    command, workers = COMMANDS[kind]
    words = [word.format(port=port) for word in command]
    with ExitStack() as stack:
        if kind == "reload":
            words.append(f"--reload-dir={stack.enter_context(tempfile.TemporaryDirectory())}")
        url = f"http://127.0.0.1:{port}"
        server = stack.enter_context(run(words, url, "/readyz", env=environ, seconds=60))
        wait_for("every worker", lambda: server.log.read_text().count(STARTED) == workers, 60)
        yield server


def children(pid: int) -> list[int]:
    shown = subprocess.run(
        ["pgrep", "-P", str(pid), "-f", "spawn_main"], capture_output=True, text=True, check=True
    )
    return [int(word) for word in shown.stdout.split()]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def pushed(sink: Sink) -> float:
    """The requests that the last push of each process tells of."""
    counted = frozenset({("method", "GET"), ("endpoint", "/api/products"), ("status_code", "200")})
    last = {sink.resource(n)["service.instance.id"]: n for n in range(len(sink.requests))}
    return sum(sink.series("http_requests_total", n).get(counted, 0) for n in last.values())


@pytest.mark.parametrize("kind", COMMANDS)
def test_workers_end_with_their_supervisor_and_the_next_start_has_the_port(
    kind: str, state_dir: Path
) -> None:
    """Each with one line, and with its last push, for none comes by itself. No process is left."""
    port = free_port()
    with otlp_sink() as sink, ExitStack() as stack:
        environ = {
            **sink.environ,
            "REVIEWLENS_STATE_DIR": str(state_dir),
            "REVIEWLENS_PORT": str(port),
            "OTEL_METRICS_EXPORTER": "prometheus,otlp",
            "OTEL_METRIC_EXPORT_INTERVAL": "3600000",
        }
        server = stack.enter_context(service(kind, port, environ))
        workers = children(server.process.pid)
        stack.callback(kill, workers)
        for _ in range(REQUESTS):
            HTTP.get(server.url + "/api/products", headers={"connection": "close"}).raise_for_status()
        server.process.kill()
        server.process.wait()
        wait_for("the workers to end", lambda: not any(map(alive, workers)), 30)
        log = server.log.read_text()
        assert log.count(GONE) == log.count(STOPPED) == len(workers), log
        assert "Traceback" not in log
        assert pushed(sink) == REQUESTS
        with service(kind, port, environ) as after:
            assert HTTP.get(after.url + "/metrics").status_code == 200


def kill(workers: list[int]) -> None:
    """Those that a failure has left."""
    for pid in filter(alive, workers):
        os.kill(pid, signal.SIGKILL)
