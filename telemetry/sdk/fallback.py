"""Histograms that are there at 0 before their first value, which the SDK has no way to say.

Without it, the first value of each label set is invisible to rate() and increase().
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    HistogramDataPoint,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    ScopeMetrics,
)
from opentelemetry.sdk.metrics.export import Histogram as HistogramData
from opentelemetry.sdk.metrics.export import Metric as MetricData
from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from telemetry.record.handles import Histogram
from telemetry.record.schema import Values
from telemetry.sdk.exporter import ForwardingExporter


class PreinitialisedCollector(Collector):
    """What another registry holds, with the preinitialised histogram series that have no value yet."""

    def __init__(self, inner: CollectorRegistry, histograms: Sequence[Histogram]) -> None:
        self._inner = inner
        self._histograms = {histogram.metric.name: histogram for histogram in histograms}

    def describe(self) -> Iterable[Family]:
        """Nothing, so that registering collects nothing."""
        return ()

    def collect(self) -> Iterator[Family]:
        """The inner families, each completed, then the families that have no value at all."""
        waiting = dict(self._histograms)
        for family in self._inner.collect():
            if histogram := waiting.pop(family.name, None):
                family.samples.extend(_zeros(histogram, _seen(histogram, family)).samples)
            yield family
        for histogram in waiting.values():
            if histogram.preinitialised:
                yield _zeros(histogram, frozenset())


def _seen(histogram: Histogram, family: Family) -> frozenset[Values]:
    if not histogram.preinitialised:
        return frozenset()
    names = histogram.metric.label_names
    counts = (sample.labels for sample in family.samples if sample.name.endswith("_count"))
    return frozenset(tuple([labels.get(name, "") for name in names]) for labels in counts)


def _zeros(histogram: Histogram, seen: frozenset[Values]) -> Family:
    metric = histogram.metric
    family = HistogramMetricFamily(metric.name, metric.description, labels=metric.label_names)
    buckets = [(str(bound), 0.0) for bound in metric.buckets] + [("+Inf", 0.0)]
    for values in sorted(histogram.preinitialised - seen):
        family.add_metric(values, buckets, sum_value=0.0)
    return family


class PreinitialisedExporter(ForwardingExporter):
    """Adds the preinitialised histogram points to what another exporter pushes."""

    def __init__(self, inner: MetricExporter, histograms: Sequence[Histogram], scope_name: str) -> None:
        super().__init__(inner)
        self._histograms = {histogram.metric.name: histogram for histogram in histograms}
        self._scope_name = scope_name
        self._started = time.time_ns()

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Push the SDK's points and the preinitialised ones in one request."""
        resources = [
            replace(each, scope_metrics=[self._completed(scope) for scope in each.scope_metrics])
            for each in metrics_data.resource_metrics
        ]
        return self._inner.export(MetricsData(resources), timeout_millis, **kwargs)

    def _completed(self, scope: ScopeMetrics) -> ScopeMetrics:
        if scope.scope.name != self._scope_name:
            return scope
        waiting = dict(self._histograms)
        metrics = [self._with_zeros(waiting.pop(metric.name, None), metric) for metric in scope.metrics]
        metrics += [_metric(histogram, self._zeros(histogram, ())) for histogram in waiting.values()]
        return replace(scope, metrics=[metric for metric in metrics if metric.data.data_points])

    def _with_zeros(self, histogram: Histogram | None, metric: MetricData) -> MetricData:
        if histogram is None or not histogram.preinitialised:
            return metric
        points: list[Any] = list(metric.data.data_points)
        return _metric(histogram, [*points, *self._zeros(histogram, points)])

    def _zeros(self, histogram: Histogram, points: Iterable[Any]) -> list[HistogramDataPoint]:
        names, now = histogram.metric.label_names, time.time_ns()
        seen = {tuple([str(point.attributes.get(name, "")) for name in names]) for point in points}
        return [
            HistogramDataPoint(
                attributes=histogram.attributes(values),
                start_time_unix_nano=self._started,
                time_unix_nano=now,
                count=0,
                sum=0.0,
                bucket_counts=[0] * (len(histogram.metric.buckets) + 1),
                explicit_bounds=histogram.metric.buckets,
                min=0.0,
                max=0.0,
            )
            for values in sorted(histogram.preinitialised - seen)
        ]


def _metric(histogram: Histogram, points: list[Any]) -> MetricData:
    metric = histogram.metric
    data = HistogramData(points, AggregationTemporality.CUMULATIVE)
    return MetricData(metric.name, metric.description, metric.unit, data)
