"""How many dialogues there may be, how many a client may start, and how all that time out at once end."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from support.metrics_page import page, total
from support.redis_server import RedisServer
from support.servers import run_app, wait_for
from support.session_stores import redis

from app.dialogue.model import ACTIVE, START, Session
from app.dialogue.store import PORTION
from app.dialogue.store_redis import RedisSessions

__all__ = ["redis"]

WANTED = {"product_id": "chair"}
MASS = 3 * PORTION + 7
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "REVIEWLENS_LLM_SIMULATOR_URL")
TWO = ("--workers=2",)


def asked(url: str, method: str, path: str, *, behind: str = "", body: object = None) -> httpx.Response:
    """By a connection of its own, so that any worker may have it."""
    headers = {"x-forwarded-for": behind} if behind else {}
    return httpx.request(method, url + path, json=body, headers=headers, timeout=30)


def started(url: str, behind: str = "") -> httpx.Response:
    return asked(url, "POST", "/api/sessions", behind=behind, body=WANTED)


def test_a_client_starts_so_many_and_no_more() -> None:
    """Visits and dialogues together, over two workers; what goes on, probes and scrapes are never refused."""
    with run_app(env={"REVIEWLENS_SESSIONS_PER_MINUTE": "6"}, flags=TWO) as server:
        url = server.url
        codes = [asked(url, "GET", "/api/products/chair").status_code for _ in range(3)]
        codes += [started(url).status_code for _ in range(2)]
        path = f"/api/sessions/{started(url).raise_for_status().json()['session_id']}"
        assert codes == [200] * 3 + [201] * 2
        refused = [started(url), asked(url, "GET", "/api/products/chair"), started(url)]
        for response in refused:
            assert response.status_code == 429
            assert 0 < int(response.headers["retry-after"]) <= 60
        for probe in ("/healthz", "/readyz", "/metrics", "/api/products") * 3:
            assert asked(url, "GET", probe).status_code == 200
        assert asked(url, "POST", f"{path}/turns", body={"answer": "소음"}).status_code == 200
        assert total(page(url), "errors_total", error_type="rate_limit", component="api") == len(refused)
        assert started(url, behind="203.0.113.7").status_code == 201, "the proxy on this machine is trusted"
        log = server.log.read_text()
    assert 1 <= log.count("REVIEWLENS_SESSIONS_PER_MINUTE=6") <= 2, "one line for each worker at most"


def test_who_is_no_trusted_proxy_speaks_for_itself_alone() -> None:
    """Else a header would buy another budget."""
    env = {"REVIEWLENS_SESSIONS_PER_MINUTE": "1"}
    with run_app(env=env, flags=("--forwarded-allow-ips=192.0.2.1",)) as server:
        codes = [started(server.url, behind=f"203.0.113.{n}").status_code for n in range(3)]
    assert codes == [201, 429, 429]


def test_so_many_dialogues_go_on_and_no_more() -> None:
    """One that is left makes room; what was refused is counted as such, and nothing else."""
    with run_app(env={"REVIEWLENS_MAX_SESSIONS": "2"}, flags=TWO) as server:
        url = server.url
        first, _ = (started(url).raise_for_status().json() for _ in range(2))
        full = started(url)
        assert (full.status_code, full.headers["retry-after"]) == (503, "5")
        assert full.json() == {
            "detail": "2 dialogues are going on, as many as may at one time; try again later"
        }
        assert asked(url, "DELETE", f"/api/sessions/{first['session_id']}").status_code == 204
        assert started(url).status_code == 201
        assert total(page(url), "dialogue_sessions_total") == 3
        assert total(page(url), "errors_total", error_type="unavailable", component="api") == 1
        assert "WARNING reviewlens.api: no more dialogues may begin" in server.log.read_text()


def in_sqlite(folder: Path, mass: list[Session]) -> None:
    with closing(sqlite3.connect(folder / "reviewlens.db")) as store, store:
        (known,) = store.execute("SELECT * FROM sessions LIMIT 1").fetchall()
        store.executemany(
            "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(s.session_id, known[1], s.stage, "live", 3, 0, time.time() - 4000, known[7]) for s in mass],
        )


@pytest.fixture(params=["sqlite", "redis"])
def fill(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[dict[str, str], Callable[..., None]]]:
    """The setting of a store, and what puts sessions there that nobody went on with."""
    if request.param == "sqlite":
        yield {"REVIEWLENS_STATE_DIR": str(tmp_path)}, lambda mass: in_sqlite(tmp_path, mass)
        return
    server: RedisServer = request.getfixturevalue("redis").database(2)
    then = time.time() - 4000
    with closing(RedisSessions(server.url, 86_400, lambda: then)) as store:
        yield (
            {"REVIEWLENS_STATE_DIR": str(tmp_path), "REVIEWLENS_SESSION_STORE": server.url},
            lambda mass: [store.begin(session, None) for session in mass],
        )


def test_all_that_time_out_at_once_are_counted(
    fill: tuple[dict[str, str], Callable[[list[Session]], None]],
) -> None:
    """By two workers once each, while others begin; the gauge never has a part of the sum."""
    env, put = fill
    quiet = Session("", "chair", "chair", "q", START, evidence=3)
    mass = [replace(quiet, session_id=uuid4().hex, stage=(START, ACTIVE)[n % 2]) for n in range(MASS)]
    env = {**env, **dict.fromkeys(KEYS, ""), "REVIEWLENS_SESSION_TIMEOUT": "20"}
    with run_app(env=env, flags=TWO) as server:
        url, codes = server.url, []
        started(url).raise_for_status()
        put(mass)

        def counted() -> float:
            codes.append(started(url).status_code)
            sums.append(total(page(url), "active_evidence_gauge"))
            return total(page(url), "session_abandoned_total", reason="timeout")

        sums: list[float] = []
        wait_for("each to be counted", lambda: counted() >= MASS, 60)
        assert set(codes) == {201}
        assert sums == sorted(sums, reverse=True)
        assert all(value % 3 == 0 and value <= 3 * MASS for value in sums)
        for stage, number in ((START, (MASS + 1) // 2), (ACTIVE, MASS // 2)):
            counted_there = total(page(url), "session_abandoned_total", reason="timeout", stage=stage)
            assert number <= counted_there <= number + (len(codes) + 1 if stage == START else 0)
