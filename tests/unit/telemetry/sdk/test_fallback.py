"""Histograms at 0 before their first value, on a scrape and on a push."""

from __future__ import annotations

from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from support.exporters import KeepingExporter

from telemetry import known
from telemetry.metrics import ingest_duration_seconds, llm_duration_seconds, scoring_duration_seconds
from telemetry.testing import Recorded, recording

BOUNDS = ("0.5", "1.0", "2.0", "5.0", "10.0", "20.0", "30.0", "+Inf")


def by_labels(exporter: KeepingExporter, name: str) -> dict[tuple[str, ...], Any]:
    """The points of one metric in the last push, by their label values."""
    assert [metric.name for metric in exporter.metrics()].count(name) <= 1
    return {
        tuple(str(value) for value in (point.attributes or {}).values()): point
        for point in exporter.points(name)
    }


def test_an_expected_histogram_has_every_bucket_at_zero(metrics: Recorded) -> None:
    """The whole series, as if it had been made by prometheus_client's labels()."""
    known(provider=["gemini"])
    buckets = metrics.series("llm_duration_seconds_bucket")
    assert buckets == {frozenset({("provider", "gemini"), ("le", bound)}): 0.0 for bound in BOUNDS}
    assert metrics.count("llm_duration_seconds", provider="gemini") == 0
    assert metrics.sum("llm_duration_seconds", provider="gemini") == 0


def test_the_first_value_takes_the_place_of_the_zero(metrics: Recorded) -> None:
    """No series stands twice; what has no value yet stays at 0."""
    known(provider=["gemini", "openai"])
    llm_duration_seconds.labels(provider="gemini").observe(1.5)
    text = metrics.text()
    lines = [line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")]
    assert len(lines) == len(set(lines))
    assert [family.name for family in text_string_to_metric_families(text)].count("llm_duration_seconds") == 1
    assert metrics.count("llm_duration_seconds", provider="gemini") == 1
    assert metrics.count("llm_duration_seconds", provider="openai") == 0


def test_the_template_has_no_duration(metrics: Recorded) -> None:
    """It is no attempt at a provider, so it is not expected, told or not."""
    known(provider=["template"])
    assert metrics.series("llm_duration_seconds_count") == {}


def test_a_histogram_without_labels_is_expected_from_the_start(metrics: Recorded) -> None:
    """Nothing needs to be told."""
    assert metrics.count("ingest_duration_seconds") == 0
    ingest_duration_seconds.observe(0.3)
    assert metrics.count("ingest_duration_seconds") == 1


def test_openmetrics_has_them_too(metrics: Recorded) -> None:
    """The same series in both formats."""
    known(category=["chair"])
    text = metrics.text("application/openmetrics-text; version=1.0.0")
    assert 'scoring_duration_seconds_count{category="chair"} 0.0' in text


def test_a_push_has_them_once() -> None:
    """Expected points at 0 beside real ones; the real one takes the place of its zero."""
    sink = KeepingExporter()
    environ = {"OTEL_METRICS_EXPORTER": "otlp", "OTEL_METRIC_EXPORT_INTERVAL": "3600000"}
    with recording(environ, exporter=lambda: sink) as recorded:
        known(category=["chair", "bedding"])
        recorded.pipeline.flush()
        before = by_labels(sink, "scoring_duration_seconds")
        assert {key: (point.count, sum(point.bucket_counts)) for key, point in before.items()} == {
            ("bedding",): (0, 0),
            ("chair",): (0, 0),
        }
        scoring_duration_seconds.labels(category="chair").observe(0.02)
        recorded.pipeline.flush()
        after = by_labels(sink, "scoring_duration_seconds")
        assert {key: (point.count, tuple(point.explicit_bounds)) for key, point in after.items()} == {
            ("bedding",): (0, (0.01, 0.05, 0.1, 0.25, 0.5, 1.0)),
            ("chair",): (1, (0.01, 0.05, 0.1, 0.25, 0.5, 1.0)),
        }


def test_a_new_pipeline_expects_nothing_of_an_old_one() -> None:
    """What was told to one ends with it."""
    with recording():
        known(provider=["gemini"])
    with recording() as second:
        assert second.series("llm_duration_seconds_count") == {}
