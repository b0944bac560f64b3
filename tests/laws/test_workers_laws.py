"""Several workers, killed and replaced at any moment, say on /metrics what one process would have said."""

from __future__ import annotations

import fcntl
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from prometheus_client import CollectorRegistry, generate_latest
from support.laws import examples

from telemetry.scrape.page import Scraped
from telemetry.sdk.aggregation import CellHistograms, CellStorage
from telemetry.sdk.readers import GroupReader, in_cells
from telemetry.workers.worker import Worker

BOUNDS = (0.5, 1.0, 5.0)
LABELS = st.sampled_from([{"a": "x"}, {"a": "y", "b": "소음"}, {"b": 'quote " and \\'}, {}])
AMOUNTS = st.integers(0, 40).map(lambda at: at / 4)
RECORDINGS = st.tuples(st.sampled_from(["tea_total", "seconds"]), LABELS, AMOUNTS)
STEPS = st.lists(st.tuples(st.integers(0, 2), st.one_of(st.none(), RECORDINGS)), max_size=40)


class Process:
    """A worker with its own SDK, a /metrics, and, second, a reader that pushes."""

    def __init__(self, folder: Path) -> None:
        self.worker = Worker(folder)
        self.registry = CollectorRegistry()
        self.pushing = InMemoryMetricReader()
        storage = CellStorage(self.worker.cells)
        in_cells(self.pushing, storage)
        scraped = Scraped("reviewlens", {}, self.worker.cells, worker=self.worker)
        readers = [GroupReader(self.worker, scraped, self.registry), self.pushing]
        view = View(instrument_name="seconds", aggregation=CellHistograms(storage, BOUNDS))
        self.instruments = instruments(MeterProvider(readers, views=[view], shutdown_on_exit=False))

    def die(self) -> None:
        """As a kill leaves it: the file stays, and nobody holds it."""
        fcntl.flock(self.worker._file, fcntl.LOCK_UN)


def instruments(provider: MeterProvider) -> dict[str, Any]:
    meter = provider.get_meter("test")
    counter, histogram = meter.create_counter("tea_total"), meter.create_histogram("seconds", "s")
    return {"tea_total": counter.add, "seconds": histogram.record}


def lines(registry: CollectorRegistry) -> list[str]:
    return sorted(line for line in generate_latest(registry).decode().splitlines() if line[0] != "#")


@given(STEPS)
@examples(60)
def test_any_worker_says_what_one_process_would(steps: list[tuple[int, Any]]) -> None:
    """A step records in one of three workers, or kills it. The SDK and its exporter in one process tell
    what is right."""
    oracle = CollectorRegistry()
    view = View(instrument_name="seconds", aggregation=ExplicitBucketHistogramAggregation(BOUNDS))
    reader = PrometheusMetricReader(disable_target_info=True, scope_info_enabled=False, registry=oracle)
    one = instruments(MeterProvider([reader], views=[view], shutdown_on_exit=False))
    with tempfile.TemporaryDirectory() as folder:
        processes = [Process(Path(folder)) for _ in range(3)]
        for at, recording in steps:
            if recording is None:
                killed = processes[at]
                killed.die()
                processes[at] = Process(Path(folder))
                assert processes[at].worker.number == killed.worker.number
            else:
                name, labels, amount = recording
                one[name](amount, labels)
                processes[at].instruments[name](amount, labels)
        for process in processes:
            assert lines(process.registry) == lines(oracle)
