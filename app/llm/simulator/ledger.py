"""The ledger: what the simulator answered, request by request, and in total."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass

KEPT = 10_000


@dataclass
class Entry:
    """One request.

    Tokens cover the data sent: of a complete answer all or none; of a stream the prompt's with its first
    frame, the completion's with the text in each. `open`: the answer is not over yet. `status` 0: no answer.
    `aborted`: the client left before the end. Seconds count from the request's arrival; None: no byte was
    sent.
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
    first_byte_seconds: float | None = None
    duration_seconds: float = 0.0
    aborted: bool = False
    open: bool = True


class AnswerAccount:
    """The account of one answer: the data sent and its end."""

    def __init__(self, entry: Entry, total: Counter[str], clock: Callable[[], float]) -> None:
        # After a clear these are an entry and a total that nobody reads any more.
        self._entry, self._total, self._clock = entry, total, clock

    def sent(self, prompt_tokens: int, completion_tokens: int) -> None:
        """Note a sent frame; the tokens cover all frames so far."""
        entry = self._entry
        if entry.first_byte_seconds is None:
            entry.first_byte_seconds = self._seconds()
        self._total["prompt_tokens"] += prompt_tokens - entry.prompt_tokens
        self._total["completion_tokens"] += completion_tokens - entry.completion_tokens
        entry.prompt_tokens, entry.completion_tokens = prompt_tokens, completion_tokens

    def close(self, *, aborted: bool) -> None:
        """The answer is over."""
        self._entry.open, self._entry.aborted = False, aborted
        self._entry.duration_seconds = self._seconds()
        self._total.update(open=-1, aborted=aborted)

    def _seconds(self) -> float:
        return max(0.0, self._clock() - self._entry.at)


class RequestLedger:
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

    def opened(self, provider: str, model: str, outcome: str, status: int, streamed: bool) -> AnswerAccount:
        """Write a request that has just come. The account of its answer is the caller's to keep and close."""
        self._number += 1
        entry = Entry(self._number, provider, model, outcome, status, streamed, self._clock())
        self._entries.append(entry)
        total = self._total(provider)
        total.update(requests=1, open=1)
        self._outcomes.setdefault(provider, Counter())[outcome] += 1
        return AnswerAccount(entry, total, self._clock)

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
