"""What several workers have counted, as one: on /metrics of whichever is asked, and in what each pushes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    InMemoryMetricReader,
    Metric,
    MetricExporter,
    MetricExportResult,
    MetricReader,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.metrics.export import Histogram as HistogramData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import CollectorRegistry

from telemetry.aggregation import CellHistograms, CellSums, histogram_point, sum_point
from telemetry.cells import Cells
from telemetry.forwarding import ForwardingExporter
from telemetry.serieskey import What, parse
from telemetry.workers import Worker

Numbers = list[float]
Series = dict[tuple[tuple[str, Any], ...], Numbers]
Found = Iterable[tuple[bytes, Numbers]]


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
        self._is_empty = True
        self.collect()
        if self._is_empty:
            self._receive_metrics(MetricsData([ResourceMetrics(Resource.get_empty(), [], schema_url="")]))

    def _receive_metrics(self, metrics_data: MetricsData, *args: Any, **kwargs: Any) -> None:
        self._is_empty = False
        super()._receive_metrics(whole(metrics_data, self._worker.others()), *args, **kwargs)


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
        return self._inner.export(whole(metrics_data, self._cells.unclaimed()), timeout_millis, **kwargs)


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
    return bool(told == (2, 3.0, 1) and len(cells.keys()) == 2)


def whole(data: MetricsData, found: Found) -> MetricsData:
    """The data with the numbers of other cells added, series and metrics that it lacks too."""
    others = _sums(found)
    if not others or not data.resource_metrics:
        return data
    first, *more = data.resource_metrics
    scopes = {scope.scope.name: scope for scope in first.scope_metrics}
    for name in {what.scope for what in others}:
        scope = scopes.get(name) or ScopeMetrics(InstrumentationScope(name), [], schema_url="")
        metrics = [_joined(metric, _what(name, metric), others) for metric in scope.metrics]
        metrics += [_joined(_empty(what), what, others) for what in list(others) if what.scope == name]
        scopes[name] = replace(scope, metrics=metrics)
    return MetricsData([replace(first, scope_metrics=list(scopes.values())), *more])


def _sums(found: Found) -> dict[What, Series]:
    """Series of many cells, those of one key added up."""
    added: dict[bytes, Numbers] = {}
    for key, numbers in found:
        there = added.get(key)
        added[key] = numbers if there is None else [a + b for a, b in zip(there, numbers, strict=True)]
    sums: dict[What, Series] = {}
    for key, numbers in added.items():
        what, attributes = parse(key)
        sums.setdefault(what, {})[_sorted(attributes)] = numbers
    return sums


def _sorted(attributes: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(attributes.items()))


def _what(scope: str, metric: Metric) -> What:
    points: Any = metric.data.data_points
    bounds = tuple(points[0].explicit_bounds) if isinstance(metric.data, HistogramData) and points else None
    return What(scope, metric.name, metric.unit or "", metric.description or "", bounds)


def _empty(what: What) -> Metric:
    cumulative = AggregationTemporality.CUMULATIVE
    data = Sum([], cumulative, True) if what.bounds is None else HistogramData([], cumulative)
    return Metric(what.name, what.description, what.unit, data)


def _joined(metric: Metric, what: What, others: dict[What, Series]) -> Metric:
    """One metric with the numbers of the same series elsewhere, and the series that it lacks; those are taken
    out of `others`."""
    series = others.pop(what, None)
    if not series:
        return metric
    data: Any = metric.data
    own = [_plus(point, series.pop(_sorted(point.attributes), None)) for point in data.data_points]
    now = time.time_ns()
    more = [_point(what, dict(attributes), numbers, now) for attributes, numbers in series.items()]
    return replace(metric, data=replace(data, data_points=own + more))


def _plus(point: Any, numbers: Numbers | None) -> Any:
    if numbers is None:
        return point
    if isinstance(point, NumberDataPoint):
        return replace(point, value=point.value + numbers[0])
    counts = [a + int(b) for a, b in zip(point.bucket_counts, numbers[:-1], strict=True)]
    return replace(point, bucket_counts=counts, count=sum(counts), sum=point.sum + numbers[-1])


def _point(what: What, attributes: dict[str, Any], numbers: Numbers, now: int) -> Any:
    if what.bounds is None:
        return sum_point(attributes, now, now, numbers[0])
    return histogram_point(attributes, now, now, numbers, what.bounds)
