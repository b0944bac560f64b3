"""The metrics' own port with many workers: one has it, and when that ends another takes over."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from support.metrics_page import total
from support.own_port import APP, TESTS, environ, listening, scraped
from support.servers import free_port, wait_for

WORKERS = 3


class Row(NamedTuple):
    """A server: its command, and what ends the worker that listens, or makes the server end it."""

    command: str
    ending: signal.Signals = signal.SIGKILL
    to_server: bool = False


GUNICORN = f"gunicorn {APP} -w {WORKERS} -k uvicorn.workers.UvicornWorker -b 127.0.0.1:{{port}}"
HYPERCORN = f"hypercorn {APP} -w {WORKERS} -b 127.0.0.1:{{port}}"
GRANIAN = f"granian {APP} --interface asgi --workers {WORKERS} --port {{port}}"
ROWS = {
    "uvicorn": Row(f"uvicorn {APP} --workers {WORKERS} --port {{port}}"),
    "gunicorn": Row(GUNICORN),
    "gunicorn, preload": Row(f"{GUNICORN} --preload"),
    "gunicorn, reload": Row(GUNICORN, signal.SIGHUP, to_server=True),
    # It ends as a whole when a worker is killed (below); a reload replaces all of them.
    "Hypercorn, reload": Row(HYPERCORN, signal.SIGHUP, to_server=True),
    # A worker that is told to end while it starts hears nothing of it, so that a stop needs a time limit.
    "Granian": Row(f"{GRANIAN} --respawn-failed-workers --workers-kill-timeout 5"),
}


@dataclass(frozen=True)
class Running:
    """A server whose metrics have a port of their own."""

    process: subprocess.Popen[bytes]
    api: int
    port: int

    def ask(self, times: int = 20) -> None:
        """So many requests, each on a connection of its own."""
        for _ in range(times):
            assert httpx.get(f"http://127.0.0.1:{self.api}/items/1", timeout=30).status_code == 200

    def counted(self) -> float:
        """By the page of the port; 0 while nobody answers there."""
        return total(scraped(f"http://localhost:{self.port}/metrics"))

    def holder(self) -> int:
        """The process that listens there; 0 while nobody does."""
        return listening(self.port)


@contextmanager
def running(command: str, state: Path, workers: int = WORKERS) -> Iterator[Running]:
    """The server, from the moment that each of its workers serves."""
    api, port = free_port(), free_port()
    program, *words = command.format(port=api).split()
    env = {**os.environ, **environ(port), "TELEMETRY_STATE_DIR": str(state)}
    process = subprocess.Popen([Path(sys.executable).parent / program, *words], env=env, cwd=TESTS)
    try:
        wait_for("the port", partial(listening, port), 60)
        wait_for("every worker", lambda: len(list(state.glob("workers/*/*.cells"))) >= workers, 60)
        yield Running(process, api, port)
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.parametrize("name", ROWS)
def test_another_worker_takes_over_where_one_ends(name: str, tmp_path: Path) -> None:
    """However often the one that listens ends, the port answers for all, and nothing is lost."""
    row = ROWS[name]
    with running(row.command, tmp_path) as server:
        for sent in (20, 40):
            server.ask()
            wait_for("all to be counted", lambda sent=sent: server.counted() == sent)
            holder = server.holder()
            os.kill(server.process.pid if row.to_server else holder, row.ending)
            wait_for(
                "another to take over",
                lambda sent=sent, holder=holder: (
                    server.holder() not in (0, holder) and server.counted() == sent
                ),
                60,
            )


@pytest.mark.parametrize("command", [HYPERCORN, GRANIAN], ids=["Hypercorn", "Granian"])
def test_a_server_that_ends_with_its_worker_leaves_the_port_free(command: str, tmp_path: Path) -> None:
    """These two replace no worker that was killed. Those that wait for their turn keep nobody from ending."""
    with running(command, tmp_path) as server:
        os.kill(server.holder(), signal.SIGKILL)
        server.process.wait(60)
        wait_for("the port to be free", lambda: not server.holder())
        with socket.socket() as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind(("127.0.0.1", server.port))


def test_a_gunicorn_that_replaces_another_waits_for_the_port(tmp_path: Path) -> None:
    """Its workers (USR2) serve while the first gunicorn has the port; when that ends, they have it."""
    file = tmp_path / "pid"
    with running(f"{GUNICORN} --pid {file}", tmp_path, workers=WORKERS) as server:
        server.ask()
        holder = server.holder()
        server.process.send_signal(signal.SIGUSR2)
        cells = partial(tmp_path.glob, "workers/*/*.cells")
        wait_for("every new worker", lambda: len(list(cells())) == 2 * WORKERS, 60)
        new = int((tmp_path / "pid.2").read_text())
        try:
            assert server.holder() == holder
            assert server.counted() == 20
            server.process.terminate()
            server.process.wait(30)
            wait_for("the new ones to listen", lambda: server.holder() not in (0, holder))
            server.ask()
            wait_for("what they count", lambda: server.counted() == 20)
        finally:
            with suppress(ProcessLookupError):
                os.kill(new, signal.SIGTERM)
            wait_for("the new gunicorn to end", lambda: not Path(f"/proc/{new}/cmdline").exists(), 30)


def test_workers_without_a_folder_of_their_own_start_nevertheless(tmp_path: Path) -> None:
    """None knows of the others: one listens, and when it is killed another does."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    with running(GUNICORN, blocked / "state", workers=0) as server:
        holder = server.holder()
        server.ask()
        os.kill(holder, signal.SIGKILL)
        wait_for("another to take over", lambda: server.holder() not in (0, holder))
        server.ask()
        assert server.process.poll() is None


RELOADING = ["-m", "uvicorn", APP, "--reload", "--reload-dir={folder}", "--port={port}"]


def test_a_reload_opens_the_port_again(tmp_path: Path) -> None:
    """In the process that comes after, which counts from 0."""
    api, port, folder = free_port(), free_port(), tmp_path / "code"
    folder.mkdir()
    command = [sys.executable, *(part.format(port=api, folder=folder) for part in RELOADING)]
    env = {**os.environ, **environ(port), "REVIEWLENS_STATE_DIR": str(tmp_path / "state")}
    server = subprocess.Popen(command, env=env, cwd=TESTS)
    url = f"http://localhost:{port}/metrics"
    try:
        wait_for("the metrics", lambda: scraped(url))
        first = listening(port)
        (folder / "changed.py").write_text("")
        wait_for("another process to listen", lambda: scraped(url) and listening(port) != first)
        assert httpx.get(f"http://127.0.0.1:{api}/items/1").status_code == 200
        wait_for("the request to be counted", lambda: total(scraped(url)) == 1)
    finally:
        server.terminate()
        server.wait(30)
