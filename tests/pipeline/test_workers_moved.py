"""The state folder, moved or removed under many workers: what a scrape shows then."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from support.own_port import APP, TESTS, total
from support.servers import Server, run_app, wait_for

WORKERS = 3
SCRAPES = 5 * WORKERS
STARTED = "Application startup complete"
REQUESTS = 20


@contextmanager
def serving(state: Path) -> Iterator[Server]:
    """From the moment that every worker serves; none is scraped before."""
    env = {"PYTHONPATH": str(TESTS), "TELEMETRY_STATE_DIR": str(state)}
    with run_app(APP, env=env, ready="/items/1", flags=[f"--workers={WORKERS}"]) as server:
        wait_for("every worker", lambda: started(server) >= WORKERS, 60)
        yield server


def started(server: Server) -> int:
    return server.log.read_text().count(STARTED)


def ask(server: Server) -> None:
    for _ in range(REQUESTS):
        httpx.get(server.url + "/items/1", headers={"connection": "close"}, timeout=30).raise_for_status()


def scrapes(server: Server) -> list[httpx.Response]:
    """On a connection each, so that any worker may answer."""
    close = {"connection": "close"}
    return [httpx.get(server.url + "/metrics", headers=close, timeout=30) for _ in range(SCRAPES)]


def kill_one(server: Server) -> None:
    """And wait for its successor."""
    before = started(server)
    words = ["pgrep", "-P", str(server.process.pid), "-f", "spawn_main"]
    shown = subprocess.run(words, capture_output=True, text=True, check=True)
    os.kill(int(shown.stdout.split()[0]), signal.SIGKILL)
    wait_for("its successor", lambda: started(server) > before, 60)


def test_no_total_falls_where_the_folder_is_moved(tmp_path: Path) -> None:
    """Nor when a worker is killed then. One line says it, and one fault is counted."""
    with serving(tmp_path / "state") as server:
        ask(server)
        (tmp_path / "state").rename(tmp_path / "moved")
        (before,) = {total(answered.text) for answered in scrapes(server)}
        assert before >= REQUESTS
        ask(server)
        kill_one(server)
        pages = [answered.text for answered in scrapes(server)]
        assert {total(page) for page in pages} == {before + REQUESTS}
        fault = 'errors_total{component="telemetry",error_type="render"} 1'
        assert [fault in page for page in pages] == [True] * SCRAPES
        log = server.log.read_text()
        assert log.count("was moved while workers count there; its files are linked back") == 1
        assert "Traceback" not in log


def test_a_scrape_says_so_where_the_folder_is_removed(tmp_path: Path) -> None:
    """Rather than show what a single worker has. The application answers as ever; a line for each worker."""
    with serving(tmp_path / "state") as server:
        ask(server)
        shutil.rmtree(tmp_path / "state")
        assert {answered.status_code for answered in scrapes(server)} == {500}
        ask(server)
        log = server.log.read_text()
        assert 1 <= log.count("was removed: what its workers have counted") <= WORKERS
        assert "Traceback" not in log
