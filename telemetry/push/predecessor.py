"""What the worker before had counted, in what its successor pushes."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData

from telemetry.guard import guard
from telemetry.scrape.sums_with_sdk import with_cells
from telemetry.sdk.exporter import ForwardingExporter
from telemetry.workers.worker import Worker


class GoOnExporter(ForwardingExporter):
    """Adds what the worker before had counted, and this one has not met yet, to what is pushed: totals of a
    number never fall."""

    def __init__(self, inner: MetricExporter, worker: Worker) -> None:
        super().__init__(inner)
        self._worker = worker

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Push it all in one request."""
        guard.count_due()
        if self._worker.is_filed:
            self._keep_home()
            metrics_data = with_cells(metrics_data, self._worker.cells)
        return self._inner.export(metrics_data, timeout_millis, **kwargs)

    def _keep_home(self) -> None:
        """Else a worker that comes would begin at this one's number."""
        try:
            self._worker.keep_home()
        except OSError as error:
            guard.report("export", "%s", error)
