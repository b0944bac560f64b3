"""The names that other people's code imports from telemetry, written out by hand: none is renamed."""

from __future__ import annotations

from importlib import import_module

import pytest

import telemetry

PUBLIC: dict[str, tuple[str, ...]] = {
    "telemetry": (
        "Pipeline",
        "Settings",
        "SettingsError",
        "Timer",
        "instrument",
        "known",
        "serve_metrics",
        "shutdown",
        "start",
        "track_errors",
        "track_time",
    ),
    "telemetry.metrics": (
        "HANDLES",
        "active_evidence_gauge",
        "dialogue_completions_total",
        "dialogue_sessions_total",
        "dialogue_turns_total",
        "errors_total",
        "evidence_count",
        "factors_matched_total",
        "http_first_byte_seconds",
        "http_request_duration_seconds",
        "http_requests_total",
        "http_streams_aborted_total",
        "ingest_bytes_total",
        "ingest_duration_seconds",
        "ingest_rows_total",
        "llm_calls_total",
        "llm_duration_seconds",
        "llm_first_byte_seconds",
        "llm_streams_aborted_total",
        "llm_tokens_estimated_total",
        "llm_tokens_total",
        "product_analysis_total",
        "retrieval_duration_seconds",
        "reviews_processed_total",
        "scoring_duration_seconds",
        "session_abandoned_total",
        "telemetry_overflow_total",
        "user_journey_stage_total",
    ),
    "telemetry.catalog": (
        "BY_NAME",
        "CATALOG",
        "ERRORS",
        "METHODS",
        "OTHER",
        "PROVIDERS",
        "STAGES",
        "UNMATCHED",
        "CatalogError",
        "Label",
        "Metric",
    ),
    "telemetry.timing": ("Labelled", "Observer", "Timer", "Tracker", "track_errors", "track_time"),
    "telemetry.testing": ("Recorded", "StepClock", "recording", "strict_telemetry", "strictness"),
    "telemetry.settings": ("Settings", "SettingsError", "load"),
    "telemetry.serve": ("MetricsServer", "serve_metrics"),
    "telemetry.auto": ("Configurator", "Instrumentor"),
    "telemetry.doctor": ("Finding", "Report", "Subject", "examine"),
}


@pytest.mark.parametrize(("module", "name"), [(m, name) for m, names in PUBLIC.items() for name in names])
def test_a_public_name_is_where_it_was(module: str, name: str) -> None:
    """`from module import name`, as the users of the specification and of the docs write it."""
    assert hasattr(import_module(module), name)


def test_the_package_exports_these_and_no_others() -> None:
    """A name that is added stands here too, before anybody depends on it."""
    assert sorted(telemetry.__all__) == sorted(PUBLIC["telemetry"])


def test_every_handle_is_public() -> None:
    """Under the name of its metric, a new one too; none that was public has gone."""
    from telemetry import metrics

    assert all(getattr(metrics, name) is handle for name, handle in metrics.HANDLES.items())
    assert set(metrics.HANDLES) >= set(PUBLIC["telemetry.metrics"]) - {"HANDLES"}
