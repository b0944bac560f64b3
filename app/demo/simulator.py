"""The LLM simulator as the driver uses it: scripts that are always undone, and its ledger as counts."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx

from app.demo.ledger import CountedSeries, series

SETTLE_SECONDS = 15.0
POLL_SECONDS = 0.05

# The chain's name for each failure of the simulator. A client that leaves early has timed out.
ERROR_OF_OUTCOME = {
    "auth": "auth",
    "rate_limit": "rate_limit",
    "server": "server",
    "late_server": "server",
    "drop": "connection",
    "half": "connection",
    "truncated": "invalid_response",
    "invalid_json": "invalid_response",
    "invalid_verdict": "invalid_response",
    "invalid_request": "invalid_response",
    "empty": "invalid_response",
}

Attempt = Mapping[str, Any]


class SimulatorClient:
    """Its control API and ledger. Requests block, for milliseconds: no cancellation can stop an undo."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def answers(self) -> bool:
        """Whether a simulator answers at this address."""
        try:
            return self._http.get("/control").is_success
        except httpx.HTTPError:
            return False

    def providers(self) -> tuple[str, ...]:
        """The providers that it can be."""
        return tuple(self._get("/control"))

    def attempts(self, after: int = 0) -> list[Attempt]:
        """What was asked of it, the oldest first, from the number after `after`."""
        entries: list[Attempt] = self._get("/ledger")["entries"]
        return [entry for entry in entries if entry["number"] > after]

    def last(self) -> int:
        """The number of the last attempt; 0 where there was none."""
        return max((attempt["number"] for attempt in self.attempts()), default=0)

    async def settled(self, after: int, seconds: float = SETTLE_SECONDS) -> list[Attempt]:
        """The attempts after a number, once every one is over, or the time is."""
        for _ in range(int(seconds / POLL_SECONDS)):
            if not any(attempt["open"] for attempt in self.attempts(after)):
                break
            await asyncio.sleep(POLL_SECONDS)
        return self.attempts(after)

    @contextmanager
    def playing(self, scripts: Mapping[str, Mapping[str, Any]]) -> Iterator[None]:
        """Providers behave by these scripts until the block ends, however it ends; then as before."""
        before = self._get("/control") if scripts else {}
        with ExitStack() as undo:  # a failed undo leaves none of the others out
            for provider, script in scripts.items():
                undo.callback(self._play, provider, before[provider])
                self._play(provider, script)
            yield

    def _play(self, provider: str, script: Mapping[str, Any]) -> None:
        self._http.put(f"/control/{provider}", json=dict(script)).raise_for_status()

    def _get(self, path: str) -> Any:
        return self._http.get(path).raise_for_status().json()


def account(attempts: list[Attempt]) -> Counter[CountedSeries]:
    """What the API must have counted for these attempts. The first of them began a chain."""
    counts: Counter[CountedSeries] = Counter()
    for attempt in attempts:
        provider = attempt["provider"]
        error = "timeout" if attempt["aborted"] else ERROR_OF_OUTCOME.get(attempt["outcome"], "")
        answered = "success" if provider == attempts[0]["provider"] else "fallback"
        status = "error" if error else answered
        counts[series("llm_calls_total", provider=provider, status=status)] += 1
        counts[series("llm_duration_seconds_count", provider=provider)] += 1
        for kind in ("prompt", "completion"):
            counts[series("llm_tokens_total", provider=provider, type=kind)] += attempt[f"{kind}_tokens"]
        if error:
            counts[series("errors_total", error_type=error, component="llm")] += 1
    return counts
