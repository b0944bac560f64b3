"""A store that fails under a running service: what shoppers, probes, logs and metrics are told."""

from __future__ import annotations

import logging
import resource
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.live import serving
from support.servers import Server, run_app, wait_for

from app import service
from app.database import Database
from app.llm.settings import LLMSettings
from app.service import create_app
from app.settings import DATABASE, AppSettings
from telemetry.testing import Recorded

WANTED = {"product_id": "chair"}
ANSWER = {"answer": "네, 그 점이 가장 걱정돼요"}
THREADS = 40  # that sync end points share


@pytest.fixture(autouse=True)
def no_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """No provider is configured: the template writes."""
    for key in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "REVIEWLENS_LLM_SIMULATOR_URL"):
        monkeypatch.delenv(key, raising=False)


@pytest.fixture
def client(state_dir: Path, metrics: Recorded, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """A client of a real server that waits for no lock."""
    monkeypatch.setattr(service, "REQUEST_SECONDS", 0.1)
    app = create_app(AppSettings(state_dir=state_dir), LLMSettings(), metrics.pipeline)
    with serving(app) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Nobody else can write in the block."""
    holder = sqlite3.connect(folder / DATABASE, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        holder.execute("ROLLBACK")
        holder.close()


def begin(client: httpx.Client) -> str:
    """A new dialogue; its path."""
    begun = client.post("/api/sessions", json=WANTED).raise_for_status().json()
    return f"/api/sessions/{begun['session_id']}"


def to_the_end(client: httpx.Client, session: str) -> int:
    """Answer until the verdict; the number of answers."""
    turns = 0
    while not client.get(session).json()["analysis"]:
        client.post(f"{session}/turns", json=ANSWER).raise_for_status()
        turns += 1
    return turns


def workers() -> int:
    """The threads of end points, and some of the test's own servers."""
    return sum(thread.name == "AnyIO worker thread" for thread in threading.enumerate())


def unavailable(metrics: Recorded) -> float:
    return metrics.value("errors_total", error_type="unavailable", component="api")


def test_a_locked_store_is_a_503_on_whatever_writes(
    client: httpx.Client, state_dir: Path, metrics: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    """With a reason, when to try again, one count and one line each; what only reads goes on."""
    session = begin(client)
    writes: list[tuple[str, str, Any]] = [
        ("GET", "/api/products/chair", None),
        ("POST", "/api/sessions", WANTED),
        ("POST", f"{session}/turns", ANSWER),
        ("DELETE", session, None),
    ]
    with locked(state_dir), caplog.at_level(logging.ERROR):
        for number, (method, path, body) in enumerate(writes, start=1):
            refused = client.request(method, path, json=body)
            assert refused.status_code == 503, refused.text
            assert "database is locked" in refused.json()["detail"]
            assert str(state_dir) not in refused.text
            assert int(refused.headers["retry-after"]) > 0
            assert unavailable(metrics) == number
        assert client.get(session).status_code == 200
        assert client.get("/api/products").status_code == 200
        assert client.get("/metrics").status_code == 200
    assert [line.name for line in caplog.records] == ["reviewlens.store"] * len(writes)
    for line in caplog.records:
        assert line.exc_info is None
        assert f"{state_dir / DATABASE} cannot be used: database is locked" in line.getMessage()
    assert metrics.value("errors_total", error_type="unhandled", component="api") == 0


def test_a_dialogue_goes_on_after_the_lock_as_if_nothing_had_been(
    client: httpx.Client, state_dir: Path, metrics: Recorded
) -> None:
    """Everything refused is repeated; the numbers are those of one plain dialogue."""
    with locked(state_dir):
        client.post("/api/sessions", json=WANTED)
    session = begin(client)
    with locked(state_dir):
        client.post(f"{session}/turns", json=ANSWER)
    turns = to_the_end(client, session)
    for name, value in {
        "dialogue_sessions_total": 1,
        "dialogue_turns_total": turns,
        "dialogue_completions_total": 1,
        "product_analysis_total": 1,
    }.items():
        assert metrics.value(name, category="chair") == value, name
    assert metrics.count("retrieval_duration_seconds", category="chair") == 1 + turns
    assert metrics.count("evidence_count", category="chair") == 1 + turns


def test_readiness_sees_a_lock_and_its_end(client: httpx.Client, state_dir: Path) -> None:
    """A service that cannot begin a dialogue gets no shoppers; it stays alive."""
    with locked(state_dir):
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")
        assert ready.json()["reason"] == "the store cannot be used: database is locked"
        assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").json() == {"status": "ok", "reason": ""}


def test_readiness_does_not_queue_behind_those_who_wait_for_the_store(
    state_dir: Path, metrics: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every thread of the end points waits for the lock, with more requests behind: the probe is answered."""
    monkeypatch.setattr(service, "REQUEST_SECONDS", 60)
    app = create_app(AppSettings(state_dir=state_dir), LLMSettings(), metrics.pipeline)
    with serving(app) as url, ThreadPoolExecutor(THREADS + 5) as crowd:
        with locked(state_dir):
            waiting = [
                crowd.submit(httpx.post, f"{url}/api/sessions", json=WANTED, timeout=90)
                for _ in range(THREADS + 5)
            ]
            wait_for("every thread to wait", lambda: workers() >= THREADS)
            assert httpx.get(f"{url}/readyz", timeout=20).status_code == 503
            assert not any(each.done() for each in waiting)
        assert {each.result().status_code for each in waiting} == {201}


def test_a_store_that_does_not_answer_at_all_is_a_503(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that hangs: whoever asks for readiness is not kept."""
    over = threading.Event()
    monkeypatch.setattr(Database, "probe", lambda *_: over.wait(60))
    try:
        ready = client.get("/readyz", timeout=20)
    finally:
        over.set()
    assert (ready.status_code, ready.json()["reason"]) == (503, "the store did not answer within 1 s")


def test_a_damaged_page_is_a_503(state_dir: Path, metrics: Recorded) -> None:
    """The first pages are good, so the service starts; a product's reviews cannot be read."""
    with sqlite3.connect(state_dir / DATABASE) as store:
        store.execute("PRAGMA journal_mode = DELETE")
        page = store.execute("SELECT rootpage FROM sqlite_master WHERE name = 'mentions'").fetchone()[0]
        size = store.execute("PRAGMA page_size").fetchone()[0]
    store.close()
    with (state_dir / DATABASE).open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    app = create_app(AppSettings(state_dir=state_dir), LLMSettings(), metrics.pipeline)
    with serving(app) as url:
        refused = httpx.post(f"{url}/api/sessions", json=WANTED)
    assert (refused.status_code, unavailable(metrics)) == (503, 1)
    assert refused.json()["detail"].endswith("malformed); it stays so until its operator has seen to it")
    assert "retry-after" not in refused.headers


def test_a_wrong_statement_of_ours_stays_a_500(
    state_dir: Path, metrics: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a bug would look like a passing trouble."""
    monkeypatch.setattr("app.dialogue.engine.uuid.uuid4", lambda: type("Same", (), {"hex": "same"}))
    app = create_app(AppSettings(state_dir=state_dir), LLMSettings(), metrics.pipeline)
    with serving(app) as url:
        codes = [httpx.post(f"{url}/api/sessions", json=WANTED).status_code for _ in range(2)]
    assert codes == [201, 500]
    assert metrics.value("errors_total", error_type="unhandled", component="api") == 1
    assert unavailable(metrics) == 0


def test_the_sweep_says_it_in_one_line_too(
    state_dir: Path, metrics: Recorded, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It runs for ever; a traceback each time would bury the reason."""
    monkeypatch.setattr(service, "REQUEST_SECONDS", 0.05)
    settings = AppSettings(state_dir=state_dir, session_timeout=0.4)
    with serving(create_app(settings, LLMSettings(), metrics.pipeline)), locked(state_dir):
        wait_for("two sweeps that fail", lambda: len(caplog.records) > 2)
    told = [line for line in caplog.records if line.name == "reviewlens"]
    assert told
    for line in told:
        assert line.getMessage().startswith(f"housekeeping: the store {state_dir / DATABASE} cannot be used")
        assert line.exc_info is None


@contextmanager
def full_disk(app: Server, state_dir: Path) -> Iterator[None]:
    """No file of the service's process can grow in the block."""
    size = (state_dir / f"{DATABASE}-wal").stat().st_size
    before = resource.prlimit(app.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(app.process.pid, resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.prlimit(app.process.pid, resource.RLIMIT_FSIZE, before)


def test_a_disk_that_takes_no_more_is_seen_by_all_and_over_when_it_is_over(state_dir: Path) -> None:
    """On a real process: 503 for shoppers and for probes, one line each, and no restart needed after it."""
    with run_app(env={"REVIEWLENS_STATE_DIR": str(state_dir)}) as app:
        with httpx.Client(base_url=app.url, timeout=30) as client:
            session = begin(client)
            with full_disk(app, state_dir):
                ready = client.get("/readyz")
                assert (ready.status_code, ready.json()["reason"]) == (
                    503,
                    "the store cannot be used: disk I/O error",
                )
                for path, body in (("/api/sessions", WANTED), (f"{session}/turns", ANSWER)):
                    assert client.post(path, json=body).status_code == 503
                assert client.get("/healthz").status_code == 200
            assert client.get("/readyz").status_code == 200
            assert to_the_end(client, session) >= 3
        log = app.log.read_text()
    assert log.count(f"ERROR reviewlens.store: the store {state_dir / DATABASE} cannot be used") == 2
    assert "Traceback" not in log
