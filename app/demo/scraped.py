"""The numbers that Prometheus holds, and the waits that make them worth printing."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from app.demo.ledger import CountedSeries, metric_of
from telemetry.doctor.prometheus import Prometheus, Sample

# monitoring/intervals.yaml has it; a test compares.
SCRAPE_SECONDS = 10
# Three scrapes, and time to read them.
PATIENCE_SECONDS = 3.5 * SCRAPE_SECONDS
POLL_SECONDS = 0.25
# Two scrapes and a late one. A plain query also answers with what a stopped API had, for 5 minutes.
FRESH = f"{2.5 * SCRAPE_SECONDS:g}s"


class NotInTimeError(Exception):
    """Something awaited did not come; `seen` is what was there at the end."""

    def __init__(self, awaited: str, seconds: float, seen: Any) -> None:
        super().__init__(f"waited {seconds:g} s for {awaited}")
        self.seen = seen


async def now(prometheus: Prometheus) -> float:
    """The time on Prometheus' own clock, in seconds since 1970."""
    return (await ask(prometheus, "time()"))[0].value


async def counters(prometheus: Prometheus, names: Collection[str]) -> Counter[CountedSeries]:
    """The latest value of every fresh series of these names, summed over instances and targets."""
    samples = await ask(prometheus, fresh(f'{{__name__=~"{"|".join(names)}"}}'))
    return summed((sample.labels["__name__"], sample.labels, sample.value) for sample in samples)


async def ask(prometheus: Prometheus, expr: str) -> list[Sample]:
    """The series of an expression; shoppers go on meanwhile. Raises PrometheusError."""
    return await asyncio.to_thread(prometheus.query, expr)


def fresh(selector: str, at: float | None = None) -> str:
    """PromQL: the latest value of every series that was still written `at` a time, by default now."""
    moment = "" if at is None else f" @ {at:.3f}"
    return f"last_over_time({selector}[{FRESH}]{moment})"


def exposed(text: str, names: Collection[str]) -> Counter[CountedSeries]:
    """The same series, read from the API's own /metrics."""
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return summed((sample.name, sample.labels, sample.value) for sample in samples if sample.name in names)


def summed(samples: Iterable[tuple[str, Mapping[str, str], float]]) -> Counter[CountedSeries]:
    """Values by series, over all labels that the catalogue does not know: those of a target."""
    counts: Counter[CountedSeries] = Counter()
    for name, labels, value in samples:
        label_names = metric_of(name).label_names
        counts[CountedSeries(name, tuple(labels.get(label, "") for label in label_names))] += int(value)
    return counts


async def wait_for(
    awaited: str,
    look: Callable[[], Awaitable[Any]],
    enough: Callable[[Any], bool],
    seconds: float = PATIENCE_SECONDS,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Any:
    """The first thing seen that is enough. NotInTimeError holds the last one seen."""
    ends = clock() + seconds
    while not enough(seen := await look()):
        if clock() >= ends:
            raise NotInTimeError(awaited, seconds, seen)
        await sleep(POLL_SECONDS)
    return seen
