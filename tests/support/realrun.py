"""A real run to ask questions of: the app with simulated LLMs, an import, Prometheus 2.42 and 3.5.

Everything happens that a dashboard can show: dialogues that end, that are left and that go on, verdicts that
are streamed, LLM providers that fail one after the other or are slow, requests that are wrong, a store that
is locked, a dialogue whose row is damaged, an import with a bad row.
"""

from __future__ import annotations

import re
import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import yaml
from support.quickrules import quick_rules
from support.servers import (
    ROOT,
    PrometheusServer,
    Server,
    alertmanager,
    free_port,
    prometheus,
    run,
    run_app,
    wait_for,
)

from app.llm.simulator.testing import RunningSimulator, running_simulator
from app.settings import DATABASE
from monitoring.targets import HERE

VERSIONS = ("2.42", "3.5")
CATEGORIES = ("robot_cleaner", "appliance", "chair")
NO_KEYS = {"GEMINI_API_KEY": "", "OPENAI_API_KEY": "", "ANTHROPIC_API_KEY": ""}
FAILED = 20
SLOW, SLOW_SECONDS = 6, 6.0  # more than one request in a hundred, longer than HighLatency bears
# What a Prometheus answers once it has scraped each half: verdicts by the template, rows skipped.
SEEN = {
    half: f'sum(llm_calls_total{{provider="template"}}) == {number} '
    f'and sum(ingest_rows_total{{result="skipped"}}) == {number}'
    for half, number in (("first", 1), ("second", 2))
}
ANSWERS = ("네, 그 점이 가장 걱정돼요", "소음이 신경 쓰여요", "매일 써요", "잘 모르겠어요", "가격도 중요해요")


@dataclass(frozen=True)
class Run:
    """Both Prometheus servers by version, and the moment at which everything had happened."""

    servers: Mapping[str, PrometheusServer]
    moment: float


@contextmanager
def real_run(folder: Path) -> Iterator[Run]:
    """Start it all, let everything happen, wait until both have scraped it, and stop it at the end."""
    state = folder / "state"
    incoming = folder / "incoming"
    incoming.mkdir()
    with ExitStack() as stack:
        simulator = stack.enter_context(running_simulator())
        environment = {
            **NO_KEYS,
            "REVIEWLENS_STATE_DIR": str(state),
            "REVIEWLENS_LLM_SIMULATOR_URL": simulator.url,
        }
        app = stack.enter_context(run_app(env=environment))
        ingest = stack.enter_context(_ingest(incoming, environment))
        manager = stack.enter_context(alertmanager(HERE / "alertmanager" / "alertmanager.yml"))
        ports = {"localhost:8000": app.port, "localhost:8001": ingest.port, "localhost:9093": manager.port}
        servers = {version: stack.enter_context(_prometheus(version, ports)) for version in VERSIONS}
        for server in servers.values():
            wait_for("a first scrape of all three targets", partial(server.value, "count(up == 1) == 3"))
        _everything(app, simulator, incoming, state, servers)
        yield Run(servers, _scraped(servers))


@contextmanager
def _ingest(incoming: Path, environment: Mapping[str, str]) -> Iterator[Server]:
    port = free_port()
    reviewlens = Path(sys.executable).with_name("reviewlens")
    command: list[str | Path] = [reviewlens, "ingest", "--watch", incoming, "--metrics-port", str(port)]
    with run(command, f"http://127.0.0.1:{port}", "/metrics", env=environment) as server:
        yield server


@contextmanager
def _prometheus(version: str, ports: Mapping[str, int]) -> Iterator[PrometheusServer]:
    """The committed config and rules, with these ports, scraped each second, alerts firing at once."""
    own = free_port()
    text = (HERE / "prometheus.yml").read_text(encoding="utf-8")
    for address, port in {**ports, "localhost:9090": own}.items():
        text = text.replace(address, f"127.0.0.1:{port}")
    config: dict[str, Any] = yaml.safe_load(re.sub(r"_interval: \d+s", "_interval: 1s", text))
    flags = [f"--web.external-url=http://localhost:{own}", f"--web.user-assets={HERE / 'runbooks'}"]
    with prometheus(
        yaml.safe_dump(config), rules=quick_rules(1), version=version, port=own, flags=flags
    ) as server:
        yield server


def _everything(
    app: Server,
    simulator: RunningSimulator,
    incoming: Path,
    state: Path,
    servers: Mapping[str, PrometheusServer],
) -> None:
    """All of it twice, and a scrape between: a histogram's series begins with its first observation."""
    with httpx.Client(base_url=app.url, timeout=60) as shopper:
        for half in ("first", "second"):
            _streams(shopper, simulator)
            _dialogues(shopper, simulator)
            _import(incoming, half)
            for server in servers.values():
                wait_for(f"the {half} half", partial(server.value, SEEN[half]))
        _slow_verdicts(shopper, simulator)
        _damaged_dialogue(shopper, state)
        _locked_store(shopper, state)


def _dialogues(shopper: httpx.Client, simulator: RunningSimulator) -> None:
    for category in CATEGORIES:
        _leave(shopper, category)
        _answer(shopper, _begin(shopper, category), ANSWERS[0])
    shopper.get("/api/products/nothing")
    shopper.post("/api/sessions", json={})
    shopper.get("/nowhere")
    simulator.script("gemini", "openai", "claude", latency_seconds=0.1)
    for category in CATEGORIES:
        _dialogue(shopper, category)
    for failing in (("gemini",), ("gemini", "openai"), ("gemini", "openai", "claude")):
        simulator.fail(*failing, outcome="server")
        _dialogue(shopper, "appliance")


def _streams(shopper: httpx.Client, simulator: RunningSimulator) -> None:
    """A verdict that is streamed to its end, and one that is left when its provider stalls amid it."""
    simulator.script()
    _streamed_dialogue(shopper, to_the_end=True)
    simulator.fail("gemini", outcome="server")
    simulator.fail("openai", outcome="stall")
    _streamed_dialogue(shopper, to_the_end=False)
    simulator.script()


def _streamed_dialogue(shopper: httpx.Client, to_the_end: bool) -> None:
    session = _begin(shopper, CATEGORIES[0])
    for words in ANSWERS:
        with shopper.stream(
            "POST",
            f"/api/sessions/{session}/turns",
            json={"answer": words},
            headers={"accept": "text/event-stream"},
        ) as response:
            lines = response.iter_lines()
            heard = [next(lines)]
            if heard == ["event: delta"] and not to_the_end:
                return
            heard.extend(lines)
            if heard[0] == "event: delta":
                return
    raise AssertionError(f"five answers brought no words of a provider, at last {heard}")


def _begin(shopper: httpx.Client, product: str) -> str:
    visit = shopper.get(f"/api/products/{product}").raise_for_status().json()["visit_id"]
    wanted = {"product_id": product, "visit_id": visit}
    session: str = shopper.post("/api/sessions", json=wanted).raise_for_status().json()["session_id"]
    return session


def _answer(shopper: httpx.Client, session: str, words: str) -> bool:
    """Give one answer; whether it was the last."""
    turn = shopper.post(f"/api/sessions/{session}/turns", json={"answer": words})
    return bool(turn.raise_for_status().json()["is_final"])


def _dialogue(shopper: httpx.Client, product: str) -> None:
    session = _begin(shopper, product)
    assert any(_answer(shopper, session, words) for words in ANSWERS), "five answers brought no verdict"


def _leave(shopper: httpx.Client, product: str) -> None:
    shopper.delete(f"/api/sessions/{_begin(shopper, product)}", params={"reason": "browser_close"})


def _import(incoming: Path, half: str) -> None:
    """A reviews file that is known already in the second half, and one with a good row and a bad one."""
    known = next((ROOT / "app" / "reviews" / "samples").glob("*chair*.json")).read_bytes()
    # Not byte for byte: that would be the samples again, which own reviews have replaced.
    (incoming / f"reviews_{half}_brand_chair_20260101_000000.json").write_bytes(known + b"\n")
    (incoming / f"reviews_{half}_brand_chair_20260101_000001.jsonl").write_text(
        f'{{"review_id": "{half}", "rating": 5, "text": "편해요", "created_at": "2026-01-01T00:00:00"}}\n'
        '{"review_id": "bad", "rating": 9, "text": "", "created_at": "never"}\n',
        encoding="utf-8",
    )


def _slow_verdicts(shopper: httpx.Client, simulator: RunningSimulator) -> None:
    """Every last answer waits for its provider."""
    simulator.script(latency_seconds=SLOW_SECONDS)
    with ThreadPoolExecutor(SLOW) as crowd:
        list(crowd.map(lambda _: _dialogue(shopper, CATEGORIES[0]), range(SLOW)))


def _damaged_dialogue(shopper: httpx.Client, state: Path) -> None:
    """A row that was tampered with: what no code of ours expects, so a 500."""
    session = _begin(shopper, CATEGORIES[0])
    with closing(sqlite3.connect(state / DATABASE, isolation_level=None)) as store:
        store.execute("UPDATE sessions SET body = '{' WHERE session_id = ?", (session,))
    # uvicorn closes the connection after an exception; the client must not use it once more.
    looked = shopper.get(f"/api/sessions/{session}", headers={"connection": "close"})
    assert looked.status_code == 500


def _locked_store(shopper: httpx.Client, state: Path) -> None:
    """Nobody else can write for a while: beginning a dialogue takes its patience and ends in a 503."""
    wanted = {"product_id": CATEGORIES[0]}
    with (
        closing(sqlite3.connect(state / DATABASE, isolation_level=None)) as holder,
        ThreadPoolExecutor(FAILED) as crowd,
    ):
        holder.execute("BEGIN IMMEDIATE")
        answers = list(crowd.map(lambda _: shopper.post("/api/sessions", json=wanted), range(FAILED)))
        holder.execute("ROLLBACK")
    assert [answer.status_code for answer in answers] == [503] * FAILED


def _scraped(servers: Mapping[str, PrometheusServer]) -> float:
    """The moment from which both hold the last of what happened, and have evaluated their rules on it."""
    signs = {
        "an alert on the failed requests": 'count(ALERTS{alertname="HighErrorRate"})',
        "the line that draws it": "service:http_request_errors:ratio_rate5m > 0",
        "an alert on the slow ones": 'count(ALERTS{alertname="HighLatency"})',
    }
    for server in servers.values():
        for awaited, sign in signs.items():
            wait_for(awaited, partial(server.value, sign))
    return time.time()
