"""An application with several workers of uvicorn, each of which may be killed.

with own_workers(2, TELEMETRY_STATE_DIR=folder) as server:
    kill_one(server)
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from support.own_port import APP, TESTS
from support.servers import Server, run_app, wait_for

_STARTED = "Application startup complete"


@contextmanager
def own_workers(number: int, **environ: str) -> Iterator[Server]:
    """From the moment that every worker serves; none is scraped before."""
    env = {"PYTHONPATH": str(TESTS), **environ}
    with run_app(APP, env=env, ready="/items/1", flags=[f"--workers={number}"]) as server:
        wait_for("every worker", lambda: _started(server) >= number, 60)
        yield server


def kill_one(server: Server) -> None:
    """And wait for its successor."""
    before = _started(server)
    words = ["pgrep", "-P", str(server.process.pid), "-f", "spawn_main"]
    shown = subprocess.run(words, capture_output=True, text=True, check=True)
    os.kill(int(shown.stdout.split()[0]), signal.SIGKILL)
    wait_for("its successor", lambda: _started(server) > before, 60)


def _started(server: Server) -> int:
    return server.log.read_text().count(_STARTED)
