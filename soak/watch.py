"""Looks on during the run: /metrics on fresh connections, the workers and their memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from typing import NamedTuple

import httpx
from prometheus_client.parser import text_string_to_metric_families

from app.demo.compare import comparable
from app.demo.scraped import summed
from soak.account import Account, Span
from soak.programs import SoakService

EVERY_SECONDS = 0.25
KEPT = 20
"""At most so many faults are listed."""
RISING = ("counter", "histogram")
REQUESTS = "http_requests_total"

Key = tuple[str, frozenset[tuple[str, str]]]
Page = dict[Key, float]


def page(url: str, kinds: Collection[str] = RISING) -> Page:
    """Every sample of metrics of these kinds, from whichever worker takes a fresh connection."""
    answer = httpx.get(f"{url}/metrics", headers={"connection": "close"}, timeout=30, trust_env=False)
    return parsed(answer.raise_for_status().text, kinds)


def parsed(text: str, kinds: Collection[str] = RISING) -> Page:
    """The samples of a page. Raises ValueError where a series stands twice."""
    found: Page = {}
    for family in text_string_to_metric_families(text):
        if family.type in kinds:
            for sample in family.samples:
                key = (sample.name, frozenset(sample.labels.items()))
                if key in found:
                    raise ValueError(f"{shown(key)} stands twice")
                found[key] = sample.value
    return found


def shown(key: Key) -> str:
    """As PromQL writes it."""
    name, labels = key
    inside = ",".join(f'{label}="{value}"' for label, value in sorted(labels))
    return f"{name}{{{inside}}}"


def requests(found: Page) -> int:
    """The counted requests of the crowd, without health checks."""
    samples = ((name, dict(labels), value) for (name, labels), value in found.items() if name == REQUESTS)
    return comparable(summed(samples)).total()


class Memory(NamedTuple):
    """The largest worker at a moment."""

    at: float
    largest: int


class Watch:
    """A thread that looks repeatedly and keeps the faults."""

    def __init__(
        self, service: SoakService, account: Account, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._service, self._account, self._clock = service, account, clock
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._faults: list[Exception] = []
        self._last: Page = {}
        self._pids: set[int] = set()
        self.scrapes = 0
        self.unanswered: list[Span] = []
        self.fell: list[str] = []
        self.outside: list[str] = []
        self.memory: list[Memory] = []
        self.gone: list[Span] = []

    def begins(self) -> None:
        """Look on until `ends`."""
        self._pids = set(self._service.pids())
        self._thread.start()

    def ends(self) -> None:
        """Look on no more."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join(60)

    def check(self) -> None:
        """Raise where it could not look on to the end."""
        for fault in self._faults:
            raise fault

    def _run(self) -> None:
        last = 0.0
        try:
            while not self._over.wait(EVERY_SECONDS):
                self._look()
                if self._clock() - last > 1:
                    last = self._clock()
                    self._workers()
        except Exception as error:
            self._faults.append(error)

    def _look(self) -> None:
        begun, answered = self._clock(), self._account.whole
        try:
            found = page(self._service.url)
        except (httpx.HTTPError, ValueError) as error:
            self.unanswered.append(Span(begun, self._clock(), f"/metrics: {type(error).__name__} {error}"))
            return
        counted, sent = requests(found), self._account.sent
        self.sees(found)
        if not answered <= counted <= sent and len(self.outside) < KEPT:
            self.outside.append(f"{answered} answered, {counted} counted, {sent} sent")

    def sees(self, found: Page) -> None:
        """Compare with what was seen before: no number is less, no series is gone."""
        self.scrapes += 1
        for key, before in self._last.items():
            now = found.get(key)
            if (now is None or now < before) and len(self.fell) < KEPT:
                self.fell.append(f"{shown(key)} fell from {before!r} to {now!r}")
        self._last.update({key: max(now, self._last.get(key, now)) for key, now in found.items()})

    def _workers(self) -> None:
        rss, now = self._service.rss(), self._clock()
        if rss:
            self.memory.append(Memory(now, max(rss.values())))
        self.gone += [Span(now - 2, now, f"worker {pid} is gone") for pid in self._pids - set(rss)]
        self._pids = set(rss)
