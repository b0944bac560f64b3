"""An exporter in front of another: what each of ours adds to a push, it adds on the way."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.metrics.export import MetricExporter


class ForwardingExporter(MetricExporter):
    """Hands everything on to `inner`; a subclass says what it changes in `export`."""

    def __init__(self, inner: MetricExporter) -> None:
        super().__init__(
            getattr(inner, "_preferred_temporality", None), getattr(inner, "_preferred_aggregation", None)
        )
        self._inner = inner

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Flush the inner exporter."""
        return self._inner.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Shut the inner exporter down."""
        self._inner.shutdown(timeout_millis, **kwargs)
