"""Is one process in a Prometheus twice: scraped under one name, pushed under another?"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import NamedTuple

from telemetry.builtin import http_requests_total
from telemetry.doctor.backend import FRESH, METRIC, Backend
from telemetry.doctor.finding import Finding, found, passed
from telemetry.doctor.subject import Subject

MENDS = ("OTEL_METRICS_EXPORTER=otlp, and no scrape job for the service", "OTEL_METRICS_EXPORTER=prometheus")
WHO = ("job", "instance", "exported_job", "exported_instance")
WHAT = http_requests_total.metric.label_names
# The longest usual intervals, where no target has one.
SLOW = 60.0

Who = tuple[str, ...]
Counts = dict[tuple[str, ...], float]


class Feed(NamedTuple):
    """What one source counts, by its label sets: now, and a push and a scrape earlier."""

    now: Counts
    before: Counts


def double(subject: Subject, prometheus: Backend) -> Iterator[Finding]:
    """A pushed source that counts what a scraped one counts is the same process."""
    scraped = {tuple(target.labels.get(name, "") for name in WHO) for target in prometheus.exposing}
    feeds = _feeds(prometheus, _lag(subject, prometheus))
    pairs = [(one, other) for one in feeds if one in scraped for other in feeds if other not in scraped]
    twins = [pair for pair in pairs if same(*(feeds[who] for who in pair))]
    for one, other in twins:
        idle = not any(feeds[one].now.values())
        words = f"{prometheus.where} has {_named(one)}, scraped, and {_named(other)}, pushed"
        if idle:
            yield found("double.possible", f"{words}; both idle: ask again after some requests", *MENDS)
        else:
            yield found("double", f"{words}: their numbers go together", *MENDS)
    if feeds and not twins:
        pushed = len(feeds.keys() - scraped)
        yield passed(
            f"{prometheus.where} has each process once: {len(feeds) - pushed} scraped, {pushed} pushed"
        )


def same(one: Feed, other: Feed) -> bool:
    """Whether all counts of the one lie between what the other had and what it has: one of them is a
    little behind."""
    return any(
        all(
            ahead.before.get(labels, 0.0) <= behind.now.get(labels, 0.0) <= ahead.now.get(labels, 0.0)
            for labels in ahead.now.keys() | behind.now.keys()
        )
        for ahead, behind in ((one, other), (other, one))
    )


def _lag(subject: Subject, prometheus: Backend) -> int:
    """Seconds by which two feeds of one process may differ."""
    scrape = max((target.interval for target in prometheus.exposing), default=SLOW)
    return ceil(scrape + subject.settings.metric_export_interval_ms / 1000) + 1


def _feeds(prometheus: Backend, lag: int) -> dict[Who, Feed]:
    fresh = f"last_over_time({METRIC}[{FRESH}]"
    # A series whose target has gone is marked as stale, which last_over_time does not mind.
    now, before = (
        _counts(prometheus, f"{fresh}) and {METRIC}"),
        _counts(prometheus, f"{fresh} offset {lag}s)"),
    )
    return {who: Feed(counts, before.get(who, {})) for who, counts in now.items()}


def _counts(prometheus: Backend, expr: str) -> dict[Who, Counts]:
    counts: dict[Who, Counts] = {}
    for labels, value in prometheus.query(f"sum by ({', '.join((*WHO, *WHAT))}) ({expr})"):
        who, what = (tuple(labels.get(name, "") for name in names) for names in (WHO, WHAT))
        counts.setdefault(who, {})[what] = value
    return counts


def _named(who: Who) -> str:
    pairs = [f'{name}="{value}"' for name, value in zip(WHO, who, strict=True) if value]
    return "{" + ", ".join(pairs) + "}"
