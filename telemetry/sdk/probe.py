"""Whether the installed SDK is of the shape that this room leans on: all of it is tried at the start."""

from __future__ import annotations

import math
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry

from telemetry.sdk.aggregation import CellHistograms, CellStorage, InCell, writer
from telemetry.sdk.provider import collection_lock, rename
from telemetry.sdk.readers import ThirdPartyReader, forget_copied, hold_back, in_cells
from telemetry.store.cells import Cells


def unsupported() -> str:
    """What this SDK lacks, as an error's words; "" where counts in cells come out of each kind of reader."""
    try:
        return "" if _works() else "its readers show other numbers than were recorded"
    except Exception as error:  # whatever another release raises
        return f"{type(error).__name__}: {error}"


def _works() -> bool:
    storage, registry, exporter = CellStorage(Cells()), CollectorRegistry(), _LastPush()
    pushed = PeriodicExportingMetricReader(exporter, math.inf)
    scraped = ThirdPartyReader(registry)
    in_view = View(instrument_name="histogram", aggregation=CellHistograms(storage, (1.0,)))
    for reader in (pushed, scraped):
        in_cells(reader, storage)
    provider = MeterProvider([pushed, scraped], Resource.get_empty(), shutdown_on_exit=False, views=[in_view])
    hold_back(pushed, lambda: True)
    rename(provider, Resource.get_empty())
    if not hasattr(TracerProvider, "_update_resource"):  # to make one reads variables
        raise AttributeError("TracerProvider has no _update_resource")
    meter = provider.get_meter("probe")
    counter, histogram = meter.create_counter("counter"), meter.create_histogram("histogram")
    series = [writer(counter.add, {"a": "b"}), writer(histogram.record, {})]
    counter.add(2, {"a": "b"})
    histogram.record(3.0)
    with collection_lock(provider):
        forget_copied(provider, pushed)
    pushed.collect()
    return _has(exporter.data) and _shows(registry) and _holds(series)


class _LastPush(MetricExporter):
    """Keeps the last push."""

    data: Any = None

    def export(self, metrics_data: MetricsData, *_: Any, **__: Any) -> MetricExportResult:
        self.data = metrics_data
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 30_000, **_: Any) -> None: ...


def _has(data: Any) -> bool:
    ((scope,),) = (resource.scope_metrics for resource in data.resource_metrics)
    counter, histogram = (metric.data.data_points[0] for metric in scope.metrics)
    return (counter.value, histogram.sum, list(histogram.bucket_counts)) == (2, 3.0, [0, 1])


def _shows(registry: CollectorRegistry) -> bool:
    """Each series once."""
    samples = [(sample.name, sample.value) for family in registry.collect() for sample in family.samples]
    return samples.count(("counter_total", 2.0)) == samples.count(("histogram_sum", 3.0)) == 1


def _holds(series: list[InCell | None]) -> bool:
    return [one.cell.read() if one else [] for one in series] == [[2.0], [0.0, 1.0, 3.0]]
