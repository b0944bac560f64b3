"""The numbers of a run, and the laws that they keep. Pure: numbers in, broken laws out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from app.demo.ledger import CountedSeries, series
from soak.account import NOTHING, Span
from telemetry.catalog import CATALOG

# The only margin for memory: the largest worker's size at the end, against its first quarter. A new worker
# has 95 MiB; models and SDKs, loaded with its first dialogues, bring it to 160.
MEMORY_FACTOR, MEMORY_SLACK = 1.25, 64 << 20
MEMORY_SAYS = f"at the end at most {MEMORY_FACTOR:g} times the first quarter + {MEMORY_SLACK >> 20} MiB"
# A verdict may take 25 s, and a turn waits for the one before it.
WORST_SECONDS = 55.0
# After a worker ended, its connections are noticed as broken; after a disk was freed, the store recovers.
GRACE_SECONDS = 3.0
SHOWN = 5

DIALOGUES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "started": ("dialogue_sessions_total", ()),
    "completed": ("dialogue_completions_total", ()),
    "abandoned": ("session_abandoned_total", ("browser_close",)),
}
"""By our own account, against the counter; of the latter those with these label values."""
MOST_SERIES = sum(metric.cardinality_limit * metric.series_per_label_set for metric in CATALOG)
FAILURES = {str(code) for code in range(500, 600)} - {"503"}
CONFLICT = series("errors_total", error_type="conflict", component="api")
UNSURE = ("reviews_processed_total",)
"""These rise by many per request: the effect of a request with unknown end has no bound."""


@dataclass(frozen=True)
class Numbers:
    """The run's numbers. Lists of words are faults; empty is well."""

    sent: int = 0
    answered: Counter[int] = field(default_factory=Counter)
    broken: tuple[Span, ...] = ()
    left: tuple[Span, ...] = ()
    refused: Counter[str] = field(default_factory=Counter)
    unexpected: Counter[str] = field(default_factory=Counter)
    unavailable: tuple[Span, ...] = ()
    worst: Span = NOTHING

    counted: int = 0
    at_prometheus: int = 0
    through_collector: int = 0
    by_status: Mapping[str, int] = field(default_factory=dict)
    own: Counter[CountedSeries] = field(default_factory=Counter)
    by_series: Counter[CountedSeries] = field(default_factory=Counter)

    asked: int = 0
    unlike: tuple[str, ...] = ()
    scrapes: int = 0
    unanswered: tuple[Span, ...] = ()
    fell: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    resets: tuple[str, ...] = ()
    not_scraped: tuple[str, ...] = ()
    not_pushed: tuple[str, ...] = ()

    series: int = 0
    label_sets: Mapping[str, int] = field(default_factory=dict)
    memory: tuple[int, int] = (0, 0)
    faults: Mapping[str, int] = field(default_factory=dict)
    gone: tuple[Span, ...] = ()
    ends: tuple[Span, ...] = ()
    """When workers were ended by us."""
    full: tuple[Span, ...] = ()
    """When the disk was full."""
    away: tuple[Span, ...] = ()
    """When the collector was."""
    workers: int = 0
    disturbed: Mapping[str, int] = field(default_factory=dict)
    """How often what was done."""

    @property
    def whole(self) -> int:
        """Answered to the end."""
        return self.answered.total()

    @property
    def missing(self) -> int:
        """Streams whose worker ended when their clients left: they may not have been counted."""
        return sum(span.within(self.ends, GRACE_SECONDS) for span in self.left)

    @property
    def certain(self) -> int:
        """Requests that must have been counted: answered, or left while their worker lived."""
        return self.whole + len(self.left) - self.missing

    def off(self, what: str, own: int, counted: int, unheard: int = 0) -> Iterator[str]:
        """Words, where a counter does not hold what clients know, but for requests of unknown fate.
        `unheard`: so many events may have come when their clients had left."""
        if not own - self.missing <= counted <= own + len(self.broken) + unheard:
            unknown = f"{len(self.broken)} broken, {self.missing} left at a worker's end"
            yield f"{what}: {own} by the clients' account, {counted} counted; {unknown}"

    def dialogues(self, which: str) -> tuple[int, int]:
        """By our own account, and counted."""
        name, values = DIALOGUES[which]

        def total(counts: Counter[CountedSeries]) -> int:
            return sum(n for one, n in counts.items() if one.name == name and set(values) <= set(one.values))

        return total(self.own), total(self.by_series)


def _requests(n: Numbers) -> Iterator[str]:
    if n.whole + len(n.broken) + len(n.left) != n.sent:
        yield f"{n.sent} sent, but {n.whole} answered + {len(n.broken)} broken + {len(n.left)} left"
    if not n.certain <= n.counted <= n.sent:
        yield f"{n.whole} answered, {n.certain} to be counted, {n.counted} counted, {n.sent} sent"
    own = n.answered + Counter({200: len(n.left)})
    for code in sorted({*own, *map(int, n.by_status)}):
        yield from n.off(f"status {code}", own[code], n.by_status.get(str(code), 0))


def _always(n: Numbers) -> Iterator[str]:
    yield from n.outside
    if n.scrapes == 0:
        yield "not one scrape during the run"


def _series(n: Numbers) -> Iterator[str]:
    for one in sorted({*n.own, *n.by_series}):
        if one.name.startswith("llm_") or one.name in UNSURE or one.labels.get("component", "api") != "api":
            continue
        # A client that leaves a stream ends the dialogue. A verdict written before the service notices is
        # then a conflict, which no client sees.
        unheard = len(n.left) if one == CONFLICT else 0
        yield from n.off(str(one), n.own[one], n.by_series[one], unheard)


def _attempts(n: Numbers) -> Iterator[str]:
    calls = sum(m for one, m in n.by_series.items() if _is(one, "llm_calls_total", status="error"))
    errors = sum(m for one, m in n.by_series.items() if _is(one, "errors_total", component="llm"))
    if abs(calls - errors) > len(n.ends):  # a worker may end between the two
        yield f"{calls} attempts failed, and {errors} errors of the LLMs are counted"


def _is(one: CountedSeries, name: str, **labels: str) -> bool:
    return one.name == name and labels.items() <= one.labels.items()


def _dialogues(n: Numbers) -> Iterator[str]:
    for which in DIALOGUES:
        yield from n.off(which, *n.dialogues(which))
    if not n.dialogues("completed")[0]:
        yield "no dialogue was completed"


def _alike(n: Numbers) -> Iterator[str]:
    yield from n.unlike
    if not n.asked:
        yield "nobody was asked"


def _statuses(n: Numbers) -> Iterator[str]:
    yield from (f"{m} answered with {code}" for code, m in n.answered.items() if str(code) in FAILURES and m)
    yield from (f"{m} counted with {code}" for code, m in n.by_status.items() if code in FAILURES and m)
    yield from _lines(span for span in n.unavailable if not span.within(n.full, GRACE_SECONDS))
    yield from (f"{count} times: {what}" for what, count in n.unexpected.items())


def _connections(n: Numbers) -> Iterator[str]:
    return _lines(
        span for span in (*n.broken, *n.unanswered, *n.gone) if not span.within(n.ends, GRACE_SECONDS)
    )


def _lines(spans: Iterable[Span]) -> Iterator[str]:
    yield from (
        f"{span.what}, {span.ended - span.begun:.1f} s, with nothing that explains it" for span in spans
    )


def _bounds(n: Numbers) -> Iterator[str]:
    if n.series > MOST_SERIES:
        yield f"{n.series} series, and there may be {MOST_SERIES}"
    for metric in CATALOG:
        have = n.label_sets.get(metric.name, 0)
        if have > metric.cardinality_limit:
            yield f"{metric.name} has {have} label sets, and may have {metric.cardinality_limit}"


def _memory(n: Numbers) -> Iterator[str]:
    quarter, end = n.memory
    if not quarter or end > quarter * MEMORY_FACTOR + MEMORY_SLACK:
        yield f"{quarter >> 20} MiB after a quarter, {end >> 20} MiB at the end"


def _worst(n: Numbers) -> Iterator[str]:
    seconds = n.worst.ended - n.worst.begun
    if seconds > WORST_SECONDS:
        yield f"{n.worst.what} took {seconds:.1f} s"


def _disturbed(n: Numbers) -> Iterator[str]:
    yield from (f"never: {what}" for what, count in n.disturbed.items() if not count)
    if n.full and not n.answered[503]:
        yield "the disk was full, and nobody was answered 503"
    if not n.disturbed:
        yield "nothing was done"


def _faults(n: Numbers) -> Iterator[str]:
    yield from (f"{count} of {kind}" for kind, count in n.faults.items() if kind != "export" and count)
    # Each worker pushes once a second, and once more that was under way at either end.
    most = sum(n.workers * (span.ended - span.begun + 2) for span in n.away)
    if n.faults.get("export", 0) > most:
        yield f"{n.faults['export']} exports failed; {most:.0f} may have, while the collector was away"


class Law(NamedTuple):
    """A law: its name, its sentence, and the ways it was broken."""

    name: str
    says: str
    broken: Callable[[Numbers], Iterable[str]]


LAWS: tuple[Law, ...] = (
    Law("requests", "answered <= counted <= sent, in all and by status", _requests),
    Law("requests-always", "answered <= counted <= sent at every scrape during the run", _always),
    Law("series", "each series holds what clients know of it, but for requests of unknown fate", _series),
    Law("dialogues", "started, completed, abandoned: the clients' account is the counters'", _dialogues),
    Law("attempts", "each failed attempt of an LLM is one error, and each error one attempt", _attempts),
    Law("never-fell", "no counter fell, and no series went, at any scrape", lambda n: n.fell),
    Law("no-resets", "Prometheus has seen no counter fall, scraped or pushed", lambda n: n.resets),
    Law("workers-alike", "every worker answers the same", _alike),
    Law("scraped", "Prometheus holds what /metrics shows", lambda n: n.not_scraped),
    Law("pushed", "what came through the collector adds up to what was scraped", lambda n: n.not_pushed),
    Law("statuses", "no 5xx but 503 while the disk is full; every other answer is the script's", _statuses),
    Law("connections", "a connection breaks, or a worker goes, only where we ended a worker", _connections),
    Law("bounds", "no metric has more label sets than its bound", _bounds),
    Law("memory", MEMORY_SAYS, _memory),
    Law("worst-answer", f"no answer takes longer than {WORST_SECONDS:g} s", _worst),
    Law("disturbed", "everything that was to be done was done, and a full disk was felt", _disturbed),
    Law("faults", "telemetry had no faults but exports while the collector was away", _faults),
)


def broken(numbers: Numbers) -> dict[str, list[str]]:
    """Name of each law that does not hold, and how; the first few of many."""
    found = {law.name: list(law.broken(numbers)) for law in LAWS}
    return {
        name: [*hows[:SHOWN], *([f"and {len(hows) - SHOWN} more"] if len(hows) > SHOWN else [])]
        for name, hows in found.items()
        if hows
    }
