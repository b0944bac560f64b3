"""An exporter that keeps what is pushed, in the place of one that sends it."""

from __future__ import annotations

import threading
from typing import Any

from opentelemetry.sdk.metrics.export import Metric, MetricExporter, MetricExportResult, MetricsData


class KeepingExporter(MetricExporter):
    """`broken`: what an export answers or raises instead of keeping anything. `flush_fault`: what a flush
    raises. An export waits for `go`."""

    def __init__(self) -> None:
        super().__init__()
        self.delivered: list[MetricsData] = []
        self.broken: MetricExportResult | Exception | None = None
        self.flush_fault: Exception | None = None
        self.go = threading.Event()
        self.go.set()

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_: object
    ) -> MetricExportResult:
        self.go.wait(30)
        if isinstance(self.broken, Exception):
            raise self.broken
        if self.broken is not None:
            return self.broken
        self.delivered.append(metrics_data)
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        if self.flush_fault is not None:
            raise self.flush_fault
        return True

    def shutdown(self, timeout_millis: float = 30_000, **_: object) -> None:
        """Nothing to close."""

    def metrics(self, number: int = -1) -> list[Metric]:
        """The metrics of a delivery, by default the last one."""
        data = self.delivered[number].resource_metrics
        return [metric for resource in data for scope in resource.scope_metrics for metric in scope.metrics]

    def points(self, name: str, number: int = -1) -> list[Any]:
        """The points of one metric in a delivery."""
        return [
            point
            for metric in self.metrics(number)
            if metric.name == name
            for point in metric.data.data_points
        ]
