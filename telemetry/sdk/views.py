"""Views: what the SDK does with each instrument, derived from the catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opentelemetry.sdk.metrics.view import (
    Aggregation,
    DefaultAggregation,
    DropAggregation,
    ExplicitBucketHistogramAggregation,
    View,
)

from telemetry.record.schema import Metric
from telemetry.sdk.aggregation import CellHistograms, CellStorage, CellSums
from telemetry.sdk.clashes import ClashView

# Instrumentations that measure each request once more. FastAPI does so by itself from 0.160 on, as soon as
# a global meter provider is there.
HTTP_SERVER_METERS = (
    "fastapi",
    "opentelemetry.instrumentation.fastapi",
    "opentelemetry.instrumentation.asgi",
)


def views(
    meter_name: str, metrics: Sequence[Metric], http_server_metrics: bool, storage: CellStorage | None = None
) -> Iterator[View]:
    """A view per instrument, one per meter whose http.server.* would double the series, and one that drops
    what would export under a name of ours. `storage`: where the series of ours are kept; else the SDK keeps
    them.

    Buckets stand in views, not in instruments: OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION
    overrides what an instrument advises, and a view overrides both. Labels need no view: handles take
    the catalogue's own and no others. From its 2,000th label set on the SDK would fold new ones into one
    series and add a label to the whole metric; handles keep to the metric's own limit, so the SDK's is above.
    """
    for metric in metrics:
        if metric.kind != "gauge":
            limit = metric.cardinality_limit + 1
            yield View(
                meter_name=meter_name,
                instrument_name=metric.name,
                aggregation=_aggregation(metric, storage and storage._replace(limit=limit)),
                aggregation_cardinality_limit=limit,
            )
    yield ClashView(meter_name, metrics)
    if not http_server_metrics:
        for meter in HTTP_SERVER_METERS:
            yield View(meter_name=meter, instrument_name="http.server.*", aggregation=DropAggregation())


def _aggregation(metric: Metric, storage: CellStorage | None) -> Aggregation:
    if not metric.buckets:
        return DefaultAggregation() if storage is None else CellSums(storage)
    if storage is None:
        return ExplicitBucketHistogramAggregation(metric.buckets)
    return CellHistograms(storage, metric.buckets)
