"""What rendering /metrics costs, by the number of lines, and by the number of workers that it is of."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from prometheus_client import REGISTRY, generate_latest

import telemetry
from benchmarks.filling import LINES, fill, histogram, labels, widen
from benchmarks.part import Part, Turn
from benchmarks.standing import standing
from telemetry.settings import load
from telemetry.workers.worker import Worker

SIZES = (11_000, 110_000)
OF_WORKERS = 1_000
WORKERS = 8
TRIES = 3
RENDERED = 55_000
"""Lines a round at least: small scrapes are repeated."""
Render = Callable[[], object]


def timed(render: Render, lines: int) -> Turn:
    """Milliseconds of the processor, a scrape."""

    def turn() -> float:
        scrapes = max(1, min(20, RENDERED // lines))
        start = time.process_time()
        for _ in range(scrapes):
            render()
        return (time.process_time() - start) / scrapes * 1e3

    return turn


def official(lines: int) -> Turn:
    """The official exporter, and the same histogram in the SDK."""
    metric = histogram.metric
    view = View(
        instrument_name=metric.name,
        aggregation=ExplicitBucketHistogramAggregation(metric.buckets),
        aggregation_cardinality_limit=lines,
    )
    meter = MeterProvider([PrometheusMetricReader()], views=[view]).get_meter("bench")
    seconds = meter.create_histogram(metric.name, metric.unit, metric.description)
    for number in range(lines // LINES):
        seconds.record(0.2, labels(number))
    return timed(partial(generate_latest, REGISTRY), lines)


def ours(lines: int) -> Turn:
    """/metrics of one process."""
    widen(lines // LINES)
    pipeline = telemetry.start()
    fill(lines // LINES)
    return timed(_render(pipeline), lines)


def of_workers(number: int) -> Turn:
    """/metrics of one of so many workers, each of which has counted the same."""
    folder = Path(tempfile.mkdtemp(prefix="reviewlens-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    pipeline = telemetry.Pipeline(load({}), {}, worker=Worker(folder))
    fill(OF_WORKERS // LINES)
    for other in range(1, number):
        shutil.copy(folder / "0.cells", folder / f"{other}.cells")
    return timed(_render(pipeline), OF_WORKERS)


def _render(pipeline: telemetry.Pipeline) -> Render:
    assert pipeline.exposition
    return pipeline.exposition.render


def official_name(lines: int) -> str:
    """The official exporter's row."""
    return f"official exporter, {lines:,} lines"


def our_name(lines: int) -> str:
    """Our row."""
    return f"telemetry, {lines:,} lines"


ONE_WORKER = f"telemetry, one worker of {OF_WORKERS:,} series"
MANY_WORKERS = f"telemetry, {WORKERS} workers of {OF_WORKERS:,} series each"
FACTORIES = {
    **{official_name(lines): partial(official, lines) for lines in SIZES},
    **{our_name(lines): partial(ours, lines) for lines in SIZES},
    ONE_WORKER: partial(of_workers, 1),
    MANY_WORKERS: partial(of_workers, WORKERS),
}
PART = Part(
    "scrape",
    "One scrape",
    "ms",
    "Processor time; text 0.0.4, in process. Ours renders its series at 0 as well, some 250 lines more. "
    f"Workers have counted the same series. The best of {TRIES} tries a round, in turns.",
    standing(__name__, FACTORIES),
    tries=TRIES,
)
