"""Texts that every receiver takes, in what is pushed."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData

from telemetry.sdk.clean import cleaned
from telemetry.sdk.exporter import ForwardingExporter


class CleanExporter(ForwardingExporter):
    """Pushes texts that protobuf takes. The meter named `but` has no others."""

    def __init__(self, inner: MetricExporter, but: str) -> None:
        super().__init__(inner)
        self._but = but

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Push the cleaned data."""
        return self._inner.export(cleaned(metrics_data, self._but), timeout_millis, **kwargs)
