"""What one counter with three labels and one histogram with two cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import Counter, Histogram

import telemetry
from benchmarks.part import Part, Turn
from benchmarks.standing import standing
from telemetry.catalog import BY_NAME
from telemetry.metrics import http_request_duration_seconds, http_requests_total

PAIRS = 4_000
TRIES = 6
BUCKETS = BY_NAME["http_request_duration_seconds"].buckets
Pair = Callable[[], None]

OTEL = "public OTel calls, labels each time"
THEIRS_BOUND = "prometheus_client, labels bound once"
OURS = "telemetry handles, labels each time"
OURS_BOUND = "telemetry handles, labels bound once"


def otel() -> Pair:
    """Public OTel calls with a dict of labels each."""
    meter = MeterProvider([InMemoryMetricReader()]).get_meter("bench")
    counter = meter.create_counter("requests_total")
    histogram = meter.create_histogram("seconds", explicit_bucket_boundaries_advisory=BUCKETS)

    def pair() -> None:
        counter.add(1, {"method": "GET", "endpoint": "/a", "status_code": "200"})
        histogram.record(0.2, {"method": "GET", "endpoint": "/a"})

    return pair


def _theirs() -> tuple[Counter, Histogram]:
    counter = Counter("requests", "r", ["method", "endpoint", "status_code"])
    return counter, Histogram("seconds", "s", ["method", "endpoint"], buckets=BUCKETS)


def prometheus() -> Pair:
    """prometheus_client with labels by name each time."""
    counter, histogram = _theirs()

    def pair() -> None:
        counter.labels(method="GET", endpoint="/a", status_code="200").inc()
        histogram.labels(method="GET", endpoint="/a").observe(0.2)

    return pair


def prometheus_bound() -> Pair:
    """prometheus_client's children, kept."""
    counter, histogram = _theirs()
    one = counter.labels(method="GET", endpoint="/a", status_code="200")
    other = histogram.labels(method="GET", endpoint="/a")

    def pair() -> None:
        one.inc()
        other.observe(0.2)

    return pair


def handles() -> Pair:
    """The catalogue's handles, as callers write them. The pipeline is to run already."""

    def pair() -> None:
        http_requests_total.labels(method="GET", endpoint="/a", status_code="200").inc()
        http_request_duration_seconds.labels(method="GET", endpoint="/a").observe(0.2)

    return pair


def handles_bound() -> Pair:
    """What labels() gave, kept. The pipeline is to run already."""
    one = http_requests_total.labels(method="GET", endpoint="/a", status_code="200")
    other = http_request_duration_seconds.labels(method="GET", endpoint="/a")

    def pair() -> None:
        one.inc()
        other.observe(0.2)

    return pair


def timed(pair: Pair) -> Turn:
    """Microseconds of the processor, a pair."""

    def turn() -> float:
        start = time.process_time()
        for _ in range(PAIRS):
            pair()
        return (time.process_time() - start) / PAIRS * 1e6

    return turn


def _of(make: Callable[[], Pair], started: bool = False) -> Turn:
    if started:
        telemetry.start()
    return timed(make())


FACTORIES = {
    OTEL: partial(_of, otel),
    "prometheus_client, labels each time": partial(_of, prometheus),
    OURS: partial(_of, handles, started=True),
    THEIRS_BOUND: partial(_of, prometheus_bound),
    OURS_BOUND: partial(_of, handles_bound, started=True),
}
PART = Part(
    "recording",
    "One counter with three labels and one histogram with two",
    "µs",
    f"Processor time of {PAIRS:,} pairs, one thread; the best of {TRIES} tries a round, in turns.",
    standing(__name__, FACTORIES),
    base=OTEL,
    tries=TRIES,
)
