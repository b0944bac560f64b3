"""Views: bounds that nothing overrides, and no request measured twice."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    InMemoryMetricReader,
    Metric,
    MetricExporter,
)

from telemetry.catalog import CATALOG
from telemetry.metrics import HANDLES
from telemetry.sdk.views import HTTP_SERVER_METERS
from telemetry.testing import recording

BUCKETS = {metric.name: metric.buckets for metric in CATALOG if metric.buckets}


def observe_all() -> None:
    """One value in every histogram."""
    for name in BUCKETS:
        handle = HANDLES[name]
        values = {label.name: (label.values or ("x",))[0] for label in handle.metric.labels}
        handle.labels(**values).observe(0.2)


def points(reader: InMemoryMetricReader) -> dict[str, Metric]:
    """Every metric that the SDK collects, by name."""
    data = reader.get_metrics_data()
    assert data is not None
    return {m.name: m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics}


def test_every_histogram_has_the_bounds_of_its_entry_as_floats() -> None:
    """In the SDK's own points, which are what OTLP sends."""
    reader = InMemoryMetricReader()
    with recording(readers=(reader,)):
        observe_all()
        collected = points(reader)
    for name, bounds in BUCKETS.items():
        (point,) = collected[name].data.data_points
        assert isinstance(point, HistogramDataPoint)
        assert point.explicit_bounds == bounds, name
        assert {type(bound) for bound in point.explicit_bounds} == {float}


def test_names_units_descriptions_and_temporality_reach_the_reader_as_they_are() -> None:
    """Nothing is renamed on the way; sums and histograms are cumulative."""
    reader = InMemoryMetricReader()
    with recording(readers=(reader,)):
        observe_all()
        collected = points(reader)
    entries = {metric.name: metric for metric in CATALOG}
    for name, metric in collected.items():
        assert (metric.unit, metric.description) == (entries[name].unit, entries[name].description)
        assert not isinstance(metric.data, Gauge)
        assert metric.data.aggregation_temporality is AggregationTemporality.CUMULATIVE


def test_the_environment_does_not_turn_buckets_into_exponential_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """The OTLP exporter prefers what this variable says, even to what an instrument advises."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

    monkeypatch.setenv(
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "base2_exponential_bucket_histogram"
    )
    seen: dict[str, Metric] = {}

    class Keeps(OTLPMetricExporter):
        def export(self, metrics_data, timeout_millis=10_000, **kwargs):  # type: ignore[no-untyped-def]
            data = metrics_data.resource_metrics
            seen.update({m.name: m for r in data for s in r.scope_metrics for m in s.metrics})
            return 0

        def shutdown(self, *_: object, **__: object) -> None:
            """Nothing to close."""

    def exporter() -> MetricExporter:
        return Keeps(endpoint="http://127.0.0.1:9/v1/metrics")

    with recording({"OTEL_METRICS_EXPORTER": "otlp"}, exporter, strict=False) as recorded:
        observe_all()
        recorded.pipeline.flush()
        assert set(BUCKETS) <= seen.keys()
    for name, bounds in BUCKETS.items():
        data = seen[name].data
        assert isinstance(data, Histogram), name
        assert data.data_points[0].explicit_bounds == bounds


@pytest.mark.parametrize("meter", HTTP_SERVER_METERS)
@pytest.mark.parametrize(("asked", "names"), [("false", []), ("true", ["http.server.request.duration"])])
def test_http_server_metrics_of_others_come_out_when_asked_for(
    meter: str, asked: str, names: list[str]
) -> None:
    """They would double the series of every request."""
    reader = InMemoryMetricReader()
    with recording({"REVIEWLENS_HTTP_SERVER_METRICS": asked}, readers=(reader,)) as recorded:
        provider = recorded.pipeline._provider
        assert provider is not None
        others = provider.get_meter(meter)
        others.create_histogram("http.server.request.duration", "s").record(0.1)
        others.create_counter("jobs").add(1)
        collected = points(reader)
    assert [name for name in collected if name.startswith("http.server")] == names
    assert "jobs" in collected


def test_the_same_name_in_another_meter_is_untouched() -> None:
    """Our views are for our meter."""
    reader = InMemoryMetricReader()
    with recording(readers=(reader,)) as recorded:
        provider = recorded.pipeline._provider
        assert provider is not None
        provider.get_meter("other").create_histogram("queue_seconds", "s").record(0.1, {"any": "label"})
        (point,) = points(reader)["queue_seconds"].data.data_points
    assert point.attributes == {"any": "label"}
