"""Views: what the SDK does with each instrument, derived from the catalogue."""

from __future__ import annotations

from collections.abc import Iterator

from opentelemetry.sdk.metrics.view import DropAggregation, ExplicitBucketHistogramAggregation, View

from telemetry.catalog import CATALOG

# Instrumentations that measure each request once more. FastAPI does so by itself from 0.160 on, as soon as
# a global meter provider is there.
HTTP_SERVER_METERS = (
    "fastapi",
    "opentelemetry.instrumentation.fastapi",
    "opentelemetry.instrumentation.asgi",
)


def views(meter_name: str, http_server_metrics: bool) -> Iterator[View]:
    """A view per histogram, and one per meter whose http.server.* would double the series.

    The bounds stand in views, not in instruments: OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION
    overrides what an instrument advises, and a view overrides both. Labels need no view: handles take
    the catalogue's own and no others.
    """
    for metric in CATALOG:
        if metric.buckets:
            yield View(
                meter_name=meter_name,
                instrument_name=metric.name,
                aggregation=ExplicitBucketHistogramAggregation(metric.buckets),
            )
    if not http_server_metrics:
        for meter in HTTP_SERVER_METERS:
            yield View(meter_name=meter, instrument_name="http.server.*", aggregation=DropAggregation())
