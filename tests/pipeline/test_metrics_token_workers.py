"""One token for all workers, whenever each of them started and whatever became of its file."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from support.own_port import APP, TESTS, total
from support.servers import Server, run_app, wait_for

WORKERS = 2
SCRAPES = 12
STARTED = "Application startup complete"


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    return rotated(tmp_path / "token", "first")


def rotated(path: Path, text: str) -> Path:
    """Another file in its place."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.chmod(0o600)
    return new.replace(path)


@contextmanager
def serving(token_file: Path) -> Iterator[Server]:
    """From the moment that every worker serves."""
    env = {"PYTHONPATH": str(TESTS), "TELEMETRY_METRICS_TOKEN_FILE": str(token_file)}
    with run_app(APP, env=env, ready="/items/1", flags=[f"--workers={WORKERS}"]) as server:
        wait_for("every worker", lambda: started(server) >= WORKERS, 60)
        yield server


def started(server: Server) -> int:
    return server.log.read_text().count(STARTED)


def scrapes(server: Server, token: str) -> list[httpx.Response]:
    """On a connection each, so that any worker may answer."""
    headers = {"authorization": f"Bearer {token}", "connection": "close"}
    return [httpx.get(server.url + "/metrics", headers=headers, timeout=30) for _ in range(SCRAPES)]


def statuses(server: Server, token: str) -> set[int]:
    return {answered.status_code for answered in scrapes(server, token)}


def kill_one(server: Server) -> None:
    """And wait for its successor."""
    before = started(server)
    words = ["pgrep", "-P", str(server.process.pid), "-f", "spawn_main"]
    shown = subprocess.run(words, capture_output=True, text=True, check=True)
    os.kill(int(shown.stdout.split()[0]), signal.SIGKILL)
    wait_for("its successor", lambda: started(server) > before, 60)


@pytest.mark.parametrize("spoilt", ["gone", "empty", "open to others"])
def test_all_workers_answer_alike_also_one_that_starts_while_the_file_cannot_be_used(
    spoilt: str, token_file: Path
) -> None:
    """It starts, and closes the metrics as the others do; then all go by the file again, and none has lost
    what was counted."""
    with serving(token_file) as server:
        assert statuses(server, "first") == {200}
        (counted,) = {total(answered.text) for answered in scrapes(server, "first")}
        if spoilt == "gone":
            token_file.unlink()
        elif spoilt == "empty":
            rotated(token_file, "")
        else:
            token_file.chmod(0o644)
        kill_one(server)
        assert statuses(server, "first") == statuses(server, "other") == {503}
        rotated(token_file, "second")
        assert statuses(server, "first") == {401}
        assert {total(answered.text) for answered in scrapes(server, "second")} == {counted}
        assert "Traceback" not in server.log.read_text()


def test_no_worker_remembers_a_token_that_the_others_have_not_seen(token_file: Path) -> None:
    """One that was put there for a moment, and which only some scrapes met, is in force nowhere."""
    with serving(token_file) as server:
        rotated(token_file, "second")
        httpx.get(server.url + "/metrics", headers={"authorization": "Bearer second"}, timeout=30)
        rotated(token_file, "")
        assert statuses(server, "first") | statuses(server, "second") == {503}
