"""Two machines, each a uvicorn with a state folder of its own, whose sessions are in one Redis.

with machines(redis.url) as both:
    path = both.begin()
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families
from support.servers import Server, run_app

WANTED = {"product_id": "chair"}
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "REVIEWLENS_LLM_SIMULATOR_URL")


class Machines:
    """The machines, asked in turn, and what all of them have counted."""

    def __init__(self, *servers: Server) -> None:
        self.servers = servers
        self.client = httpx.Client(timeout=30)
        self._next = cycle(servers)

    def ask(self, method: str, path: str, body: object = None, at: int | None = None) -> httpx.Response:
        server = next(self._next) if at is None else self.servers[at]
        return self.client.request(method, server.url + path, json=body)

    def begin(self) -> str:
        """A new dialogue; its path."""
        begun = self.ask("POST", "/api/sessions", WANTED).raise_for_status().json()
        return f"/api/sessions/{begun['session_id']}"

    def samples(self, at: int) -> list[Any]:
        text = self.ask("GET", "/metrics", at=at).raise_for_status().text
        return [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def total(self, name: str, **labels: str) -> float:
        """Over both machines, and every series with those labels."""
        return sum(
            float(sample.value)
            for at in range(len(self.servers))
            for sample in self.samples(at)
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def gauge(self, at: int) -> dict[str, float]:
        """A session's digest -> pieces of evidence."""
        return {
            sample.labels["session_id"]: sample.value
            for sample in self.samples(at)
            if sample.name == "active_evidence_gauge"
        }


@contextmanager
def two_machines(store: str, **settings: str) -> Iterator[Machines]:
    """Two with that Redis."""
    env = {"REVIEWLENS_SESSION_STORE": store, **dict.fromkeys(KEYS, ""), **settings}
    with run_app(env=env) as here, run_app(env=env) as there:
        yield Machines(here, there)
        for log in (here.log.read_text(), there.log.read_text()):
            assert "Traceback" not in log
