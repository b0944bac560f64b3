"""The clients' own account: every sent request and its end."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from app.demo.ledger import ShopperLedger
from telemetry.builtin import METHODS
from telemetry.record.schema import OTHER


class Span(NamedTuple):
    """The beginning and end of something, on the monotonic clock, and its name."""

    begun: float
    ended: float
    what: str

    def within(self, windows: Iterable[Span], grace: float) -> bool:
        """Whether it overlaps one of the windows, each extended by `grace` seconds."""
        return any(self.begun <= one.ended + grace and self.ended >= one.begun for one in windows)


NOTHING = Span(0, 0, "none")


class MethodLedger(ShopperLedger):
    """The demo's ledger. Methods unknown to HTTP share one name, as in the service."""

    def request(self, method: str, endpoint: str, status: int) -> None:
        """A request was answered."""
        super().request(method if method in METHODS else OTHER, endpoint, status)


@dataclass
class Account:
    """All clients' requests: each is answered, broken on the way, or left by its client.

    `refused`: requests other than HTTP, turned away by the server itself. Threads share one account.
    """

    clock: Callable[[], float] = time.monotonic
    sent: int = 0
    answered: Counter[int] = field(default_factory=Counter)
    broken: list[Span] = field(default_factory=list)
    left: list[Span] = field(default_factory=list)
    unavailable: list[Span] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    unexpected: Counter[str] = field(default_factory=Counter)
    worst: Span = NOTHING

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def sends(self) -> float:
        """A request is about to go out; the moment."""
        with self._lock:
            self.sent += 1
        return self.clock()

    def answers(self, begun: float, what: str, status: int) -> None:
        """The answer is complete."""
        span = Span(begun, self.clock(), what)
        with self._lock:
            self.answered[status] += 1
            if status == 503:
                self.unavailable.append(span)
            if span.ended - span.begun > self.worst.ended - self.worst.begun:
                self.worst = span

    def breaks(self, begun: float, what: str) -> None:
        """The connection ended before the answer did."""
        with self._lock:
            self.broken.append(Span(begun, self.clock(), what))

    def leaves(self, begun: float, what: str) -> None:
        """The client left within the answer."""
        with self._lock:
            self.left.append(Span(begun, self.clock(), what))

    def surprises(self, what: str) -> None:
        """The answer is not the script's."""
        with self._lock:
            self.unexpected[what] += 1

    def refuses(self, what: str) -> None:
        """The server itself answered something other than HTTP."""
        with self._lock:
            self.refused[what] += 1

    @property
    def whole(self) -> int:
        """How many were answered to the end."""
        with self._lock:
            return self.answered.total()
