"""What one counter with three labels and one histogram with two cost, labels given each time."""

from __future__ import annotations

import time
from collections.abc import Callable

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry, Counter, Histogram

from telemetry.catalog import BY_NAME
from telemetry.metrics import http_request_duration_seconds, http_requests_total
from telemetry.testing import recording

PAIRS = 20_000
BUCKETS = BY_NAME["http_request_duration_seconds"].buckets
Pair = Callable[[], None]


def otel() -> Pair:
    """Public OTel calls with a dict of labels each."""
    meter = MeterProvider([InMemoryMetricReader()]).get_meter("bench")
    counter = meter.create_counter("requests_total")
    histogram = meter.create_histogram("seconds", explicit_bucket_boundaries_advisory=list(BUCKETS))

    def pair() -> None:
        counter.add(1, {"method": "GET", "endpoint": "/a", "status_code": "200"})
        histogram.record(0.2, {"method": "GET", "endpoint": "/a"})

    return pair


def prometheus() -> Pair:
    """prometheus_client with labels by name each time."""
    registry = CollectorRegistry()
    counter = Counter("requests", "r", ["method", "endpoint", "status_code"], registry=registry)
    histogram = Histogram("seconds", "s", ["method", "endpoint"], buckets=BUCKETS, registry=registry)

    def pair() -> None:
        counter.labels(method="GET", endpoint="/a", status_code="200").inc()
        histogram.labels(method="GET", endpoint="/a").observe(0.2)

    return pair


def handles() -> Pair:
    """The catalogue's handles, as callers write them."""

    def pair() -> None:
        http_requests_total.labels(method="GET", endpoint="/a", status_code="200").inc()
        http_request_duration_seconds.labels(method="GET", endpoint="/a").observe(0.2)

    return pair


def run(rounds: int) -> dict[str, list[float]]:
    """Microseconds a pair, by contender, one figure a round; the contenders take turns."""
    with recording():
        contenders = {
            "public OTel calls": otel(),
            "prometheus_client": prometheus(),
            "telemetry handles": handles(),
        }
        figures: dict[str, list[float]] = {name: [] for name in contenders}
        for turn in range(rounds + 1):
            for name, pair in contenders.items():
                start = time.perf_counter()
                for _ in range(PAIRS):
                    pair()
                if turn:  # the first turn warms up
                    figures[name].append((time.perf_counter() - start) / PAIRS * 1e6)
    return figures
