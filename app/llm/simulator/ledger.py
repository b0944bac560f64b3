"""The ledger: what the simulator answered, request by request, and in total."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Protocol

KEPT = 10_000


@dataclass
class Entry:
    """One request. Tokens are those of a usage that went out whole; `open`: the answer is not over yet.

    `status` 0: no answer. `aborted`: the client left before the end.
    """

    number: int
    provider: str
    model: str
    outcome: str
    status: int
    streamed: bool
    at: float
    prompt_tokens: int = 0
    completion_tokens: int = 0
    duration_seconds: float = 0.0
    aborted: bool = False
    open: bool = True


class Close(Protocol):
    """Writes how an answer ended; an aborted one reported no tokens."""

    def __call__(self, *, aborted: bool, prompt_tokens: int, completion_tokens: int) -> None: ...


class Ledger:
    """Keeps the last 10,000 entries, and totals of all of them. `clock` gives seconds since 1970."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.clear()

    def clear(self) -> None:
        """Forget everything; answers that are under way are not written either."""
        self._number = 0
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._totals: dict[str, Counter[str]] = {}
        self._outcomes: dict[str, Counter[str]] = {}

    def opened(self, provider: str, model: str, outcome: str, status: int, streamed: bool) -> Close:
        """Write a request that has just come. Call what is returned when its answer is over."""
        self._number += 1
        entry = Entry(self._number, provider, model, outcome, status, streamed, self._clock())
        self._entries.append(entry)
        total = self._total(provider)
        total.update(requests=1, open=1)
        self._outcomes.setdefault(provider, Counter())[outcome] += 1

        def close(*, aborted: bool, prompt_tokens: int, completion_tokens: int) -> None:
            entry.open, entry.aborted = False, aborted
            entry.duration_seconds = max(0.0, self._clock() - entry.at)
            entry.prompt_tokens, entry.completion_tokens = prompt_tokens, completion_tokens
            # After a clear this is a total that nobody reads any more.
            total.update(
                open=-1, aborted=aborted, prompt_tokens=prompt_tokens, completion_tokens=completion_tokens
            )

        return close

    def _total(self, provider: str) -> Counter[str]:
        zero = dict.fromkeys(("requests", "open", "aborted", "prompt_tokens", "completion_tokens"), 0)
        return self._totals.setdefault(provider, Counter(zero))

    def report(self) -> dict[str, object]:
        """Totals by provider, and the last entries, the oldest first."""
        return {
            "totals": {
                provider: {**total, "outcomes": dict(self._outcomes[provider])}
                for provider, total in self._totals.items()
            },
            "entries": [asdict(entry) for entry in self._entries],
        }
