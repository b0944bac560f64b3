"""What several workers have counted, as one: on /metrics of whichever is asked, and in what each pushes."""

from __future__ import annotations

from typing import Any

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    InMemoryMetricReader,
    MetricExporter,
    MetricExportResult,
    MetricReader,
    MetricsData,
    ResourceMetrics,
)
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry

from telemetry.aggregation import CellHistograms, CellSums
from telemetry.cells import Cells
from telemetry.forwarding import ForwardingExporter
from telemetry.guard import guard
from telemetry.merge import whole
from telemetry.workers import Worker


def in_cells(reader: MetricReader, cells: Cells) -> None:
    """Let a reader's counters and histograms be kept in cells, those of other people's instruments too."""
    chosen: dict[type, Any] = reader._instrument_class_aggregation  # type: ignore[assignment]
    for kind in chosen:
        if issubclass(kind, Counter):
            chosen[kind] = CellSums(cells)
        elif issubclass(kind, Histogram):
            chosen[kind] = CellHistograms(cells)


class GroupReader(PrometheusMetricReader):
    """The Prometheus exporter, with what the other workers have counted added to what this one has."""

    def __init__(self, worker: Worker, registry: CollectorRegistry) -> None:
        super().__init__(disable_target_info=True, scope_info_enabled=False, registry=registry)
        self._worker = worker
        self._is_empty = True
        self._collector._callback = self._collect_all  # type: ignore[assignment]
        in_cells(self, worker.cells)

    def _collect_all(self) -> None:
        """This worker's own; where it has nothing yet, the others' all the same."""
        guard.count_due()
        self._is_empty = True
        self.collect()
        if self._is_empty:
            self._receive_metrics(MetricsData([ResourceMetrics(Resource.get_empty(), [], schema_url="")]))

    def _receive_metrics(self, metrics_data: MetricsData, *args: Any, **kwargs: Any) -> None:
        self._is_empty = False
        super()._receive_metrics(
            whole(metrics_data, self._worker.cells, self._worker.others()), *args, **kwargs
        )


class GoOnExporter(ForwardingExporter):
    """Adds what the worker before had counted, and this one has not met yet, to what is pushed: totals of a
    number never fall."""

    def __init__(self, inner: MetricExporter, cells: Cells) -> None:
        super().__init__(inner)
        self._cells = cells

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Push it all in one request."""
        guard.count_due()
        return self._inner.export(whole(metrics_data, self._cells), timeout_millis, **kwargs)


def works() -> bool:
    """Whether this SDK's aggregations are of the shape that cells take the place of: one of each is tried."""
    cells, reader = Cells(), InMemoryMetricReader()
    try:
        in_cells(reader, cells)
        meter = MeterProvider([reader], shutdown_on_exit=False).get_meter("works")
        meter.create_counter("counter").add(2, {"a": "b"})
        meter.create_histogram("histogram").record(3.0)
        (resource,) = reader.get_metrics_data().resource_metrics  # type: ignore[union-attr]
        counter, histogram = [metric.data.data_points[0] for metric in resource.scope_metrics[0].metrics]
        told: Any = (counter.value, histogram.sum, histogram.count)  # type: ignore[union-attr]
    except (AttributeError, TypeError, ValueError):
        return False
    return bool(told == (2, 3.0, 1) and len(cells.besides(())) == 2)
