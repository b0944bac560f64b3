"""What telemetry promises to cost: one line a promise, held against the figures of the same run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from statistics import median

from benchmarks import latency, memory, readers, recording, scrape, stall, starting, turn
from benchmarks.contenders import AUTOMATIC, BARE, INSTRUMENTATOR, OURS
from benchmarks.part import Figures

Limit = float | Fraction


@dataclass(frozen=True)
class Target:
    """A limit on the row `of` of a part: on its figure, or with `to` on its ratio to another row's.

    `without`: the row that is subtracted first, as both have it.
    """

    part: str
    of: str
    at_most: Limit | None = None
    at_least: Limit | None = None
    to: str | None = None
    without: str | None = None

    @property
    def rows(self) -> set[str]:
        """The rows that it takes to tell."""
        return {row for row in (self.of, self.to, self.without) if row}

    @property
    def limit(self) -> tuple[str, Limit]:
        """Which way, and how far."""
        given = (("at most", self.at_most), ("at least", self.at_least))
        return next((words, limit) for words, limit in given if limit is not None)

    def measured(self, figures: Figures) -> float:
        """What is bounded, over all rounds; rounds are compared with themselves."""
        return median(self._by_round(figures))

    def _by_round(self, figures: Figures) -> Iterator[float]:
        for number, figure in enumerate(figures[self.of]):
            common = figures[self.without][number] if self.without else 0.0
            yield (figure - common) / ((figures[self.to][number] - common) if self.to else 1)

    def met(self, figures: Figures) -> bool:
        """Whether it holds."""
        value, limit = self.measured(figures), float(self.limit[1])
        return value <= limit if self.at_most is not None else value >= limit

    def says(self, unit: str) -> str:
        """The promise in words."""
        words, limit = self.limit
        shown = str(limit) if isinstance(limit, Fraction) else f"{limit:g}"
        of = f"of {self.to}" if self.to else unit
        above = f"{', both' if self.to else ''} above {self.without}" if self.without else ""
        return f"{words} {shown} {of}{above}"


_READ = {of: f"{of}, one reader" for of in (readers.PAIR, readers.REQUEST)}
SMALL, LARGE = scrape.SIZES

TARGETS = (
    Target("throughput", OURS, at_least=0.94, to=BARE),
    Target("requests", OURS, at_most=Fraction(1, 6), to=INSTRUMENTATOR, without=BARE),
    Target("requests", OURS, at_most=Fraction(1, 25), to=AUTOMATIC, without=BARE),
    Target("recording", recording.OURS, at_most=Fraction(1, 8), to=recording.OTEL),
    Target("recording", recording.OURS_BOUND, at_most=1.2, to=recording.THEIRS_BOUND),
    Target("readers", f"{readers.PAIR}, two readers", at_most=1.1, to=_READ[readers.PAIR]),
    Target(
        "readers",
        f"{readers.REQUEST}, two readers",
        at_most=1.1,
        to=_READ[readers.REQUEST],
        without=f"{readers.REQUEST}, {BARE}",
    ),
    Target("traces", OURS, at_most=0.4, to=AUTOMATIC, without=BARE),
    Target("scrape", scrape.our_name(SMALL), at_most=Fraction(1, 8), to=scrape.official_name(SMALL)),
    # Ten times as many lines, and as much again for what does not stay in the processor's caches.
    Target("scrape", scrape.our_name(LARGE), at_most=1.15 * LARGE / SMALL, to=scrape.our_name(SMALL)),
    Target("scrape", scrape.MANY_WORKERS, at_most=2, to=scrape.ONE_WORKER),
    Target("latency", latency.SCRAPED, at_most=2.5, to=BARE),
    # A request waits no longer than Python lets any thread keep it waiting.
    Target("stall", stall.SCRAPED, at_most=2, to=stall.COMPUTES),
    Target("memory", memory.AT_REST, at_most=15, without=memory.BARE),
    Target("memory", memory.FILLED, at_most=40, without=memory.BARE),
    Target("turn", turn.ROW, at_most=4, to=turn.LOOK),
    Target("start", starting.APP, at_most=4, to=starting.FRAMEWORK),
    Target("start", starting.OWN, at_most=1, to=starting.FRAMEWORK),
)
