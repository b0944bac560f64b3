"""A process that records its own metrics and another library's, and tells what a scrape and a push show."""

from __future__ import annotations

import json
import logging
import os
import sys
from typing import Any

from opentelemetry import metrics as otel
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData

import telemetry
from telemetry import pipeline as root
from telemetry.metrics import errors_total, http_request_duration_seconds, http_requests_total

logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)


class Kept(MetricExporter):
    """Keeps the last push."""

    data: MetricsData | None = None

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_: Any) -> Any:
        Kept.data = metrics_data
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 30_000, **_: Any) -> None:
        pass


def record() -> None:
    """One value of each kind, twice."""
    meter = otel.get_meter("theirs")
    counter, gauge, up = meter.create_counter("c"), meter.create_gauge("g"), meter.create_up_down_counter("u")
    for _ in range(2):
        http_requests_total.labels(method="GET", endpoint="/a", status_code="200").inc()
        http_request_duration_seconds.labels(method="GET", endpoint="/a").observe(0.2)
        errors_total.labels(error_type="timeout", component="llm").inc(2)
        counter.add(3, {"a": "b"})
        gauge.set(4.0)
        up.add(5)


def numbers(point: Any) -> list[float]:
    """What a point has: its value, or sum, count and buckets."""
    if hasattr(point, "value"):
        return [float(point.value)]
    return [float(number) for number in (point.sum, point.count, *point.bucket_counts)]


def pushed() -> list[str]:
    """The points of the last push, each as a line."""
    assert Kept.data
    return sorted(
        f"{metric.name} {sorted(point.attributes.items())} {numbers(point)}"
        for resource in Kept.data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    )


def forked(pipeline: telemetry.Pipeline) -> int:
    """How often a child that records once has counted."""
    read, write = os.pipe()
    if (pid := os.fork()) == 0:
        http_requests_total.labels(method="GET", endpoint="/child", status_code="200").inc()
        pipeline.flush()
        os.write(write, str(sum("/child" in line for line in pushed())).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    return int(os.read(read, 100))


def main() -> None:
    """Print it all as JSON."""
    root.metric_exporter = lambda _: Kept()  # type: ignore[assignment]
    pipeline = telemetry.start({"OTEL_METRICS_EXPORTER": "prometheus,otlp"})
    record()
    pipeline.flush()
    assert pipeline.exposition
    text = pipeline.exposition.render()[0].decode()
    told = {"scraped": sorted(text.splitlines()), "pushed": pushed(), "child": forked(pipeline)}
    print(json.dumps(told))  # noqa: T201
    telemetry.shutdown()


main()
