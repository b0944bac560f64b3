"""Gauges whose series end, as they are pushed: 0 for two pushes, then absent."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from opentelemetry.sdk.metrics.export import (
    Gauge as GaugeData,
)
from opentelemetry.sdk.metrics.export import (
    Metric as MetricData,
)
from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ScopeMetrics,
)
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from telemetry.guard import guard
from telemetry.record.gauges import Gauge
from telemetry.record.schema import Values
from telemetry.sdk.exporter import ForwardingExporter

PUSHES_AT_ZERO = 2


class LiveGaugeExporter(ForwardingExporter):
    """Adds the gauges to what another exporter pushes. A backend keeps a vanished series for minutes, so
    an ended one is pushed as 0 twice first."""

    def __init__(
        self,
        inner: MetricExporter,
        gauges: Sequence[Gauge],
        scope: InstrumentationScope,
        leads: Callable[[], bool] = lambda: True,
    ) -> None:
        """`leads` says at each push whether this process exports the gauges."""
        super().__init__(inner)
        self._leads = leads
        self._scope = scope
        self._gauges = [(gauge, _Ending()) for gauge in gauges]

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Push the SDK's points and the gauges' in one request."""
        try:
            gauges = self._gauges if self._leads() else []
            read = [(gauge, ending, gauge.live_unless_fault("export")) for gauge, ending in gauges]
            live = [(gauge, ending, now) for gauge, ending, now in read if now is not None]
            metrics = [_metric(gauge, ending.with_zeros(now)) for gauge, ending, now in live]
            result = self._inner.export(self._with(metrics, metrics_data), timeout_millis, **kwargs)
            if result is MetricExportResult.SUCCESS:
                for _, ending, now in live:
                    ending.delivered(now)
        except Exception:
            guard.fault("export")
            return MetricExportResult.FAILURE
        return result

    def _with(self, metrics: list[MetricData], data: MetricsData) -> MetricsData:
        metrics = [metric for metric in metrics if metric.data.data_points]
        if not metrics or not data.resource_metrics:
            return data
        first, *others = data.resource_metrics
        return MetricsData(
            [replace(first, scope_metrics=self._scopes(first.scope_metrics, metrics)), *others]
        )

    def _scopes(self, scopes: Sequence[ScopeMetrics], metrics: list[MetricData]) -> list[ScopeMetrics]:
        """The scopes with `metrics` in ours. Never two of one name: the OTLP encoder keeps the last."""
        ours = [scope for scope in scopes if scope.scope.name == self._scope.name]
        others = [scope for scope in scopes if scope.scope.name != self._scope.name]
        scope = ours[0] if ours else ScopeMetrics(self._scope, [], schema_url="")
        return [*others, replace(scope, metrics=[*scope.metrics, *metrics])]


class _Ending:
    """Remembers which series were pushed, and how many zeros each owes once it has ended."""

    def __init__(self) -> None:
        self._owed: dict[Values, int] = {}

    def with_zeros(self, live: Mapping[Values, float]) -> dict[Values, float]:
        """The live series, and at 0 those that ended and still owe a zero."""
        return {**dict.fromkeys(self._owed, 0.0), **live}

    def delivered(self, live: Mapping[Values, float]) -> None:
        """Take note that the series went out."""
        owed = {values: zeros - 1 for values, zeros in self._owed.items() if zeros > 1}
        self._owed = owed | dict.fromkeys(live, PUSHES_AT_ZERO)


def _metric(gauge: Gauge, series: Mapping[Values, float]) -> MetricData:
    now, metric = time.time_ns(), gauge.metric
    points = [NumberDataPoint(gauge.attributes(values), 0, now, amount) for values, amount in series.items()]
    return MetricData(metric.name, metric.description, metric.unit, GaugeData(points))
