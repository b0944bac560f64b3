"""The service while its Redis is away, full or wrong: 503, one line each, and as before once it is well."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.live import serving
from support.redis_server import RedisServer, redis_server
from support.servers import ROOT, wait_for

from app.llm.settings import LLMSettings
from app.service import create_app
from app.settings import AppSettings
from telemetry.guard import guard
from telemetry.testing import Recorded

PASSWORD = "geheimnis"
WANTED = {"product_id": "chair"}
ANSWER = {"answer": "네, 그 점이 가장 걱정돼요"}
STARTS = {
    "serve": [str(Path(sys.executable).with_name("reviewlens")), "serve", "--port", "0"],
    "uvicorn": [sys.executable, "-m", "uvicorn", "app.main:app", "--port", "0"],
}


@pytest.fixture(autouse=True)
def no_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """No provider is configured: the template writes."""
    for key in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "REVIEWLENS_LLM_SIMULATOR_URL"):
        monkeypatch.delenv(key, raising=False)


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A Redis of the test's own, with a password."""
    with redis_server(password=PASSWORD) as running:
        yield running


@pytest.fixture
def client(server: RedisServer, state_dir: Path, metrics: Recorded) -> Iterator[httpx.Client]:
    """A client of a service with its sessions there."""
    settings = AppSettings(state_dir=state_dir, session_store=server.url)  # type: ignore[arg-type]
    app = create_app(settings, LLMSettings(), metrics.pipeline)
    with serving(app) as url, httpx.Client(base_url=url, timeout=30) as opened:
        yield opened


def begin(client: httpx.Client) -> str:
    """A new dialogue; its path."""
    begun = client.post("/api/sessions", json=WANTED).raise_for_status().json()
    return f"/api/sessions/{begun['session_id']}"


def everything(path: str) -> list[tuple[str, str, Any]]:
    """What asks the sessions: method, path, body."""
    return [
        ("GET", "/api/products/chair", None),
        ("POST", "/api/sessions", WANTED),
        ("GET", path, None),
        ("POST", f"{path}/turns", ANSWER),
        ("DELETE", path, None),
    ]


@contextmanager
def hanging(server: RedisServer) -> Iterator[None]:
    """It takes connections and answers nobody in the block."""
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


def expect_unavailable(
    client: httpx.Client, path: str, caplog: pytest.LogCaptureFixture, reason: str
) -> None:
    """Each request is a 503 with the reason, and one line; neither shows where outside, or any secret."""
    requests = everything(path)
    with caplog.at_level(logging.ERROR):
        for method, target, body in requests:
            refused = client.request(method, target, json=body)
            assert refused.status_code == 503, refused.text
            assert f"the store cannot be used now ({reason}); nothing was lost" in refused.json()["detail"]
            assert "127.0.0.1" not in refused.text
            assert int(refused.headers["retry-after"]) > 0
    lines = [line for line in caplog.records if line.name == "reviewlens.store"]
    assert len(lines) == len(requests)
    for line in lines:
        assert line.exc_info is None
        assert line.getMessage().startswith("the store redis://127.0.0.1:")
    assert PASSWORD not in caplog.text


def test_a_redis_that_is_gone(
    client: httpx.Client, server: RedisServer, metrics: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    """And back: what it held in memory alone is unknown then, new dialogues begin at once."""
    path = begin(client)
    server.process.terminate()
    server.process.wait(10)
    expect_unavailable(client, path, caplog, "Connection refused")
    assert client.get("/api/products").status_code == 200
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["reason"]) == (
        503,
        "the store cannot be used: Connection refused",
    )
    assert client.get("/healthz").status_code == 200
    with redis_server(port=server.port, password=PASSWORD):
        assert client.get("/readyz").json() == {"status": "ok", "reason": ""}
        assert client.get(path).status_code == 404
        assert client.post(f"{begin(client)}/turns", json=ANSWER).json()["turn"] == 1
        refused = metrics.value("errors_total", error_type="unavailable", component="api")
        assert refused == len(everything(path))
        assert metrics.value("errors_total", error_type="unhandled", component="api") == 0


def test_a_redis_that_hangs(client: httpx.Client, server: RedisServer, metrics: Recorded) -> None:
    """Readiness is told within its second; the dialogue goes on afterwards as if nothing had been."""
    path = begin(client)
    with hanging(server):
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")
        detail = client.get(path).json()["detail"]
        assert detail.endswith("; nothing was lost; try again"), "of what only reads"
        refused = client.post(f"{path}/turns", json=ANSWER)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    wait_for("readiness", lambda: client.get("/readyz").status_code == 200)
    turns = client.get(path).json()["turn"]
    assert turns == 0
    while not client.get(path).json()["analysis"]:
        client.post(f"{path}/turns", json=ANSWER).raise_for_status()
        turns += 1
    assert 3 <= turns <= 5
    assert metrics.value("dialogue_turns_total", category="chair") == turns
    assert metrics.value("dialogue_completions_total", category="chair") == 1


def test_a_redis_that_is_full(client: httpx.Client, server: RedisServer, metrics: Recorded) -> None:
    """Nothing begins and nothing goes on; who leaves is counted, and dialogues can be read."""
    path = begin(client)
    server.client.config_set("maxmemory", "100kb")
    reason = "command not allowed when used memory > 'maxmemory'"
    for target, body in (("/api/sessions", WANTED), (f"{path}/turns", ANSWER)):
        refused = client.post(target, json=body)
        assert (refused.status_code, reason in refused.json()["detail"]) == (503, True)
    assert client.get("/readyz").json()["reason"] == f"the store cannot be used: {reason}"
    assert client.get(path).json()["status"] == "live"
    assert client.delete(path).status_code == 204
    assert metrics.value("session_abandoned_total", stage="dialogue_start", reason="browser_close") == 1
    server.client.config_set("maxmemory", "0")
    assert client.get("/readyz").status_code == 200
    assert client.post(f"{begin(client)}/turns", json=ANSWER).json()["turn"] == 1


def test_a_scrape_goes_on_without_the_gauge(
    client: httpx.Client, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is counted is served, and that the gauge is missing is counted too."""
    path = begin(client)
    client.post(f"{path}/turns", json=ANSWER).raise_for_status()
    assert "\nactive_evidence_gauge{" in client.get("/metrics").text
    monkeypatch.setattr(guard, "strict", False)  # as it is in production
    server.process.terminate()
    server.process.wait(10)
    scraped = client.get("/metrics")
    assert scraped.status_code == 200
    assert "\ndialogue_turns_total{" in scraped.text
    assert "\nactive_evidence_gauge{" not in scraped.text
    fault = 'errors_total{component="telemetry",error_type="render"} '
    assert f"{fault}1.0" in scraped.text + client.get("/metrics").text


def start(command: list[str], state: Path, store: str) -> subprocess.CompletedProcess[str]:
    """The command with its sessions there, until it gives up."""
    environ = {**os.environ, "REVIEWLENS_STATE_DIR": str(state), "REVIEWLENS_SESSION_STORE": store}
    return subprocess.run(
        command, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=90, check=False
    )


@pytest.mark.parametrize("command", STARTS)
@pytest.mark.parametrize(
    ("store", "parts"),
    [
        (
            "redis://user:{password}@127.0.0.1:{port}/0",
            ("invalid username-password pair", "right user and password"),
        ),
        ("redis://:{password}@127.0.0.1:1/0", ("the store redis://127.0.0.1:1/0", "Connection refused")),
        ("redis://:{password}/x@127.0.0.1:{port}/0", ("REVIEWLENS_SESSION_STORE=", "percent-encoded")),
        ("redis://:{password}@127.0.0.1:{port}/0?colour=red", ("REVIEWLENS_SESSION_STORE=", "option")),
    ],
    ids=["wrong password", "nobody listens", "no address", "no option"],
)
def test_a_start_without_its_sessions_is_one_line(
    store: str, parts: tuple[str, ...], command: str, server: RedisServer, state_dir: Path
) -> None:
    """Exit code 2, what to do, and no secret."""
    done = start(STARTS[command], state_dir, store.format(password=PASSWORD, port=server.port))
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.strip().splitlines()
    for part in ("REVIEWLENS_SESSION_STORE", *parts):
        assert part in line
    assert PASSWORD not in line
