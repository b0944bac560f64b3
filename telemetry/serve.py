"""/metrics of a process that is no web service: a batch job, an import."""

from __future__ import annotations

from typing import Any

from telemetry.pipeline import start
from telemetry.scrape.listener import MetricsServer

__all__ = ["MetricsServer", "serve_metrics"]


def serve_metrics(port: int | None = None, host: str = "127.0.0.1", **overrides: Any) -> MetricsServer:
    """Start the pipeline and serve its metrics on `port` (0: any; None: OTEL_EXPORTER_PROMETHEUS_PORT at
    OTEL_EXPORTER_PROMETHEUS_HOST). Raises OSError when the port is taken.

    `overrides` as of start(): a job beside a service needs a service_name of its own.
    """
    pipeline = start(**overrides)
    pipeline.take_part()
    settings = pipeline.settings
    if port is None:
        host, port = settings.listener_host, settings.listener_port
    return MetricsServer(pipeline.endpoint, host, port, settings.metrics_path)
