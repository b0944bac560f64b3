"""A simulator for tests: on a free port, in a thread, with its control and its ledger at hand."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from app.llm.settings import PROVIDERS, LLMSettings
from app.llm.simulator.server import create_server


@dataclass(frozen=True)
class RunningSimulator:
    """A running simulator: its address, its script and its ledger."""

    url: str
    _http: httpx.Client

    def script(self, *providers: str, **script: Any) -> None:
        """Play a script (see app.llm.simulator.script.Script) for these providers, or for all."""
        for provider in providers or PROVIDERS:
            self._http.put(f"/control/{provider}", json=script).raise_for_status()

    def fail(self, *providers: str, outcome: str, **failure: Any) -> None:
        """Let these providers, or all, fail in one way: always, the `next` n times, or by a `share`."""
        self.script(*providers, failures=[{"outcome": outcome, **failure}])

    def entries(self) -> list[dict[str, Any]]:
        """The ledger now, the oldest first, answers under way included."""
        entries: list[dict[str, Any]] = self._http.get("/ledger").json()["entries"]
        return entries

    def ledger(self, seconds: float = 5.0) -> list[dict[str, Any]]:
        """All answers, the oldest first, once each is over. AssertionError: an answer does not end."""
        ends = time.monotonic() + seconds
        while True:
            entries = self.entries()
            if not any(entry["open"] for entry in entries):
                return entries
            if time.monotonic() > ends:
                raise AssertionError(f"waited {seconds:g} s for every answer to end; ledger: {entries}")
            time.sleep(0.01)

    def totals(self) -> dict[str, dict[str, Any]]:
        """Requests, tokens and outcomes by provider, once every answer is over."""
        self.ledger()
        totals: dict[str, dict[str, Any]] = self._http.get("/ledger").json()["totals"]
        return totals

    def reset(self) -> None:
        """Empty the ledger, and let every provider answer well and at once."""
        self._http.delete("/ledger").raise_for_status()
        self.script()

    def settings(self, **values: Any) -> LLMSettings:
        """Settings with this simulator as every provider, in any environment."""
        no_keys = dict.fromkeys(("GEMINI_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"))
        return LLMSettings.model_validate({"simulator_url": self.url, **no_keys, **values})


@contextmanager
def running_simulator(seconds: float = 10.0) -> Iterator[RunningSimulator]:
    """A simulator on a free loopback port, gone when the block ends."""
    server = create_server(port=0)
    thread = threading.Thread(target=server.run, name="llm-simulator", daemon=True)
    thread.start()
    try:
        url = _address(server, thread, time.monotonic() + seconds)
        with httpx.Client(base_url=url, trust_env=False) as http:
            yield RunningSimulator(url, http)
    finally:
        server.should_exit = True
        thread.join(seconds)


def _address(server: Any, thread: threading.Thread, ends: float) -> str:
    while not server.started:
        if not thread.is_alive() or time.monotonic() > ends:
            raise RuntimeError("the LLM simulator did not start; its log says why")
        time.sleep(0.01)
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    return f"http://{host}:{port}"
