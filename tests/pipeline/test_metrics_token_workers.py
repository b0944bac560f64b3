"""One token for all workers, whenever each of them started and whatever became of its file."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from support.metrics_page import total
from support.own_workers import kill_one, own_workers
from support.servers import Server

WORKERS = 2
SCRAPES = 12


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    return rotated(tmp_path / "token", "first")


def rotated(path: Path, text: str) -> Path:
    """Another file in its place."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.chmod(0o600)
    return new.replace(path)


def scrapes(server: Server, token: str) -> list[httpx.Response]:
    """On a connection each, so that any worker may answer."""
    headers = {"authorization": f"Bearer {token}", "connection": "close"}
    return [httpx.get(server.url + "/metrics", headers=headers, timeout=30) for _ in range(SCRAPES)]


def statuses(server: Server, token: str) -> set[int]:
    return {answered.status_code for answered in scrapes(server, token)}


@pytest.mark.parametrize("spoilt", ["gone", "empty", "open to others"])
def test_all_workers_answer_alike_also_one_that_starts_while_the_file_cannot_be_used(
    spoilt: str, token_file: Path
) -> None:
    """It starts, and closes the metrics as the others do; then all go by the file again, and none has lost
    what was counted."""
    with own_workers(WORKERS, TELEMETRY_METRICS_TOKEN_FILE=str(token_file)) as server:
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
    with own_workers(WORKERS, TELEMETRY_METRICS_TOKEN_FILE=str(token_file)) as server:
        rotated(token_file, "second")
        httpx.get(server.url + "/metrics", headers={"authorization": "Bearer second"}, timeout=30)
        rotated(token_file, "")
        assert statuses(server, "first") | statuses(server, "second") == {503}
