"""The state folder, moved or removed under many workers: what a scrape shows then."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx
from support.metrics_page import total
from support.own_workers import kill_one, own_workers
from support.servers import Server

WORKERS = 3
SCRAPES = 5 * WORKERS
REQUESTS = 20


def ask(server: Server) -> None:
    for _ in range(REQUESTS):
        httpx.get(server.url + "/items/1", headers={"connection": "close"}, timeout=30).raise_for_status()


def scrapes(server: Server) -> list[httpx.Response]:
    """On a connection each, so that any worker may answer."""
    close = {"connection": "close"}
    return [httpx.get(server.url + "/metrics", headers=close, timeout=30) for _ in range(SCRAPES)]


def test_no_total_falls_where_the_folder_is_moved(tmp_path: Path) -> None:
    """Nor when a worker is killed then. One line says it, and one fault is counted."""
    with own_workers(WORKERS, TELEMETRY_STATE_DIR=str(tmp_path / "state")) as server:
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
    with own_workers(WORKERS, TELEMETRY_STATE_DIR=str(tmp_path / "state")) as server:
        ask(server)
        shutil.rmtree(tmp_path / "state")
        assert {answered.status_code for answered in scrapes(server)} == {500}
        ask(server)
        log = server.log.read_text()
        assert 1 <= log.count("was removed: what its workers have counted") <= WORKERS
        assert "Traceback" not in log
