"""Dialogues with the whole API on a real uvicorn, whose verdict comes as a stream of events."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from support.live import serving
from support.metrics_page import value_or_zero
from support.servers import wait_for

from app.llm.settings import PROVIDERS, LLMSettings
from app.llm.simulator.testing import RunningSimulator
from app.service import build, create_app
from app.settings import DATABASE, AppSettings
from telemetry.testing import Recorded

PRODUCT = "robot_cleaner"
TURN = {"method": "POST", "endpoint": "/api/sessions/{session_id}/turns"}
ANSWER = "소음이 제일 걱정돼요"
EVENTS = {"accept": "text/event-stream"}


@dataclass
class Heard:
    """What a client has of a stream so far. `first`, `total`: seconds since the request, by its stopwatch."""

    response: httpx.Response
    started: float
    events: list[tuple[str, Any]] = field(default_factory=list)
    first: float = 0.0
    total: float = 0.0

    def read(self) -> Iterator[tuple[str, Any]]:
        """The events, each as it comes."""
        name = ""
        for line in self._lines:
            if line.startswith("event: "):
                self.first = self.first or time.perf_counter() - self.started
                name = line[7:]
            elif line.startswith("data: "):
                self.events.append((name, json.loads(line[6:])))
                yield self.events[-1]

    def __post_init__(self) -> None:
        self._lines = self.response.iter_lines()

    def to_the_end(self) -> Heard:
        """All of it."""
        list(self.read())
        self.total = time.perf_counter() - self.started
        return self

    @property
    def names(self) -> list[str]:
        """The names of the events, deltas of one row told once."""
        names = [name for name, _ in self.events]
        return [name for place, name in enumerate(names) if names[:place][-1:] != [name]]

    @property
    def text(self) -> str:
        """What the deltas say since the last restart."""
        text = ""
        for name, data in self.events:
            text = "" if name == "restart" else text + data["text"] if name == "delta" else text
        return text

    @property
    def result(self) -> Any:
        """The data of the last event, which is the result."""
        name, data = self.events[-1]
        assert name == "result", self.events
        return data


@dataclass(frozen=True)
class StreamingShop:
    """A running service; `turns`: how many answers a dialogue of `ANSWER`s has."""

    url: str
    app: FastAPI
    turns: int
    http: httpx.Client

    def up_to_the_last(self) -> str:
        """The path of the turns of a session with one answer to go."""
        begun = self.http.post("/api/sessions", json={"product_id": PRODUCT}).json()
        path = f"/api/sessions/{begun['session_id']}/turns"
        for _ in range(self.turns - 1):
            self.http.post(path, json={"answer": ANSWER}).raise_for_status()
        return path

    @contextmanager
    def streaming(self, path: str, answer: str = ANSWER) -> Iterator[Heard]:
        """An answer whose events are read while the block lasts; leaving it early is leaving the stream."""
        started = time.perf_counter()
        with self.http.stream("POST", path, json={"answer": answer}, headers=EVENTS) as response:
            yield Heard(response, started)

    def verdict(self) -> Heard:
        """A whole streamed verdict."""
        with self.streaming(self.up_to_the_last()) as heard:
            return heard.to_the_end()


def turns_of(store: Path, folder: Path) -> int:
    """How many answers it takes, tried with nobody counting."""
    shutil.copy(store, folder / DATABASE)
    no_keys = dict.fromkeys(("GEMINI_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "simulator_url"))
    services = build(AppSettings(state_dir=folder), LLMSettings.model_validate(no_keys))
    session = services.engine.start(PRODUCT, None).session.session_id
    turns = 1
    while asyncio.run(services.engine.answer(session, ANSWER)).question:
        turns += 1
    services.database.close()
    return turns


@contextmanager
def shop(
    state_dir: Path, metrics: Recorded, simulator: RunningSimulator, turns: int, **llm: Any
) -> Iterator[StreamingShop]:
    """The service with the simulator as its providers."""
    app = create_app(AppSettings(state_dir=state_dir), simulator.settings(**llm), metrics.pipeline)

    async def observed(scope: Any, receive: Any, send: Any) -> None:
        app.state.loop = asyncio.get_running_loop()
        await app(scope, receive, send)

    with serving(observed) as url, httpx.Client(base_url=url, trust_env=False, timeout=30) as http:
        yield StreamingShop(url, app, turns, http)


def assert_tokens_agree(metrics: Recorded, simulator: RunningSimulator) -> None:
    """The tokens of every provider, against the ledger."""
    entries = simulator.ledger()
    for provider in PROVIDERS:
        for kind in ("prompt", "completion"):
            gone = sum(entry[f"{kind}_tokens"] for entry in entries if entry["provider"] == provider)
            seen = value_or_zero(metrics, "llm_tokens_total", provider=provider, type=kind)
            assert seen == gone, f"{provider} {kind}: counted {seen}, the ledger has {gone}"


def estimated(metrics: Recorded, provider: str) -> tuple[float, float]:
    """The tokens of a provider that were estimated: of prompts, of completions."""
    return tuple(  # type: ignore[return-value]
        value_or_zero(metrics, "llm_tokens_estimated_total", provider=provider, type=kind)
        for kind in ("prompt", "completion")
    )


def stalled(simulator: RunningSimulator) -> dict[str, Any]:
    """The last answer under way, once nothing more of it goes out."""
    seen: list[dict[str, Any]] = []

    def still() -> dict[str, Any] | None:
        seen.extend(simulator.entries()[-1:])
        last = seen[-1] if seen else {"open": False}
        under_way = last["open"] and last["first_byte_seconds"] is not None
        return last if under_way and seen[-3:] == [last] * 3 else None

    answer = wait_for("the answer to stall", still)
    assert answer
    return answer
