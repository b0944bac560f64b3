"""A gauge that an application sets has one value, whichever worker sets it and whichever is asked."""

from __future__ import annotations

import math
import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.metrics_page import page, samples
from support.servers import HTTP, Server, run_app, wait_for

from telemetry.metrics import active_evidence_gauge
from telemetry.record.gauges import Gauge
from telemetry.testing import recording
from telemetry.workers.folders import HELD
from telemetry.workers.worker import Worker

DATA = Path(__file__).parents[1] / "data"
WORKERS = 3


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    env = {"REVIEWLENS_STATE_DIR": str(tmp_path)}
    with run_app(
        "gauged:app", env=env, ready="/metrics", cwd=DATA, flags=[f"--workers={WORKERS}"]
    ) as running:
        yield running


def asked(server: Server, path: str, times: int = 1) -> set[int]:
    """The workers that answered, on a fresh connection each time."""
    answers = [
        HTTP.post(server.url + path, headers={"connection": "close"}, timeout=30) for _ in range(times)
    ]
    return {answer.json() for answer in answers}


def shown(server: Server, times: int = 20) -> set[tuple[tuple[str, float], ...]]:
    """What one scrape after the other tells of the gauge, by session."""
    pages = [page(server.url) for _ in range(times)]
    return {
        tuple(sorted((one.labels["session_id"], one.value) for one in samples(text, "active_evidence_gauge")))
        for text in pages
    }


def test_every_worker_tells_the_same(server: Server) -> None:
    """Set, changed and removed by all of them; and nothing is lost by a kill."""
    wait_for("all workers to answer", lambda: len(asked(server, "/set/5", 10)) == WORKERS)
    assert shown(server) == {(("a", 5.0), ("first", 3.0))}
    workers = asked(server, "/inc", 30)
    assert len(workers) > 1
    assert shown(server) == {(("a", 35.0), ("first", 3.0))}
    os.kill(workers.pop(), signal.SIGKILL)
    assert asked(server, "/remove")
    assert shown(server) == {(("first", 4.0),)}  # a new worker's first value takes nothing back


def test_a_group_holds_what_a_process_set_before_it_joined(tmp_path: Path) -> None:
    """Where nobody has set another; and numbers that are none."""
    first, second = Gauge(active_evidence_gauge.metric), Gauge(active_evidence_gauge.metric)
    for gauge, amount in ((first, 1), (second, 2)):
        gauge.labels("chair", "a").set(amount)
        gauge.share(Worker(tmp_path))
        gauge.live()
    assert first.live() == second.live() == {("chair", "a"): 1.0}
    second.labels("chair", "b").set(math.nan)
    first.labels("chair", "c").set(math.inf)
    assert math.isnan(first.live()["chair", "b"])
    assert second.live()["chair", "c"] == math.inf
    first.clear()
    first.forget()
    assert (first.live(), second.live()) == ({}, {})
    assert (tmp_path / HELD).stat().st_mode & 0o777 == 0o600
    second.forget()


def test_who_sets_no_gauge_has_no_file(tmp_path: Path) -> None:
    """A scrape makes none."""
    gauge = Gauge(active_evidence_gauge.metric)
    gauge.share(Worker(tmp_path))
    assert gauge.live() == {}
    assert not (tmp_path / HELD).exists()


def test_a_file_that_cannot_be_used_is_a_fault(tmp_path: Path) -> None:
    """The request goes on, and so does the scrape."""
    with recording(strict=False) as metrics:
        (tmp_path / HELD).write_bytes(b"no database" * 500)
        active_evidence_gauge.share(Worker(tmp_path))
        active_evidence_gauge.labels("chair", "a").set(1)
        assert metrics.value("errors_total", error_type="record", component="telemetry") == 1
        with pytest.raises(sqlite3.DatabaseError):
            active_evidence_gauge.live()
