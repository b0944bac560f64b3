"""Settings: good values taken, wrong ones refused with key, value and expectation."""

from __future__ import annotations

from typing import Any

import pytest

from telemetry.pipeline import shutdown, start
from telemetry.push.target import variables
from telemetry.settings import SettingsError, load

PUSHED = {"OTEL_METRICS_EXPORTER": "prometheus,otlp"}


def test_defaults() -> None:
    """An empty environment scrapes, pushes nothing and makes no spans."""
    assert load({}).model_dump() == {
        "sdk_disabled": False,
        "service_name": "reviewlens-api",
        "metrics_exporters": ("prometheus",),
        "metric_export_interval_ms": 10_000,
        "temporality": "cumulative",
        "traces_exporter": "none",
        "exemplar_filter": "trace_based",
        "http_server_metrics": False,
        "strict": False,
        "metrics_path": "/metrics",
        "prometheus_client": False,
        "state_dir": "",
        "token_file": "",
        "listener_host": "localhost",
        "listener_port": 9464,
    }


INTERVAL = "milliseconds between two OTLP exports, 100 to 86400000"


@pytest.mark.parametrize(
    ("key", "value", "field", "expected"),
    [
        ("OTEL_SDK_DISABLED", "true", "sdk_disabled", True),
        ("OTEL_SDK_DISABLED", " TRUE ", "sdk_disabled", True),
        ("OTEL_SDK_DISABLED", "1", "sdk_disabled", False),
        ("OTEL_SDK_DISABLED", "yes", "sdk_disabled", False),
        ("OTEL_SDK_DISABLED", "", "sdk_disabled", False),
        ("OTEL_SERVICE_NAME", "Shop", "service_name", "Shop"),
        ("OTEL_SERVICE_NAME", "", "service_name", "reviewlens-api"),
        ("OTEL_METRICS_EXPORTER", "otlp", "metrics_exporters", ("otlp",)),
        ("OTEL_METRICS_EXPORTER", "prometheus,otlp", "metrics_exporters", ("prometheus", "otlp")),
        ("OTEL_METRICS_EXPORTER", " otlp , Prometheus ", "metrics_exporters", ("otlp", "prometheus")),
        ("OTEL_METRICS_EXPORTER", "none", "metrics_exporters", ()),
        ("OTEL_METRICS_EXPORTER", "None", "metrics_exporters", ()),
        ("OTEL_METRICS_EXPORTER", "", "metrics_exporters", ("prometheus",)),
        ("OTEL_METRIC_EXPORT_INTERVAL", "15000", "metric_export_interval_ms", 15_000),
        ("OTEL_METRIC_EXPORT_INTERVAL", "100", "metric_export_interval_ms", 100),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "CUMULATIVE", "temporality", "cumulative"),
        ("OTEL_TRACES_EXPORTER", "console", "traces_exporter", "console"),
        ("OTEL_TRACES_EXPORTER", "OTLP", "traces_exporter", "otlp"),
        ("REVIEWLENS_HTTP_SERVER_METRICS", "true", "http_server_metrics", True),
        ("TELEMETRY_METRICS_PATH", "/internal/metrics", "metrics_path", "/internal/metrics"),
        ("TELEMETRY_PROMETHEUS_CLIENT", "true", "prometheus_client", True),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", "9500", "listens", True),
        ("OTEL_EXPORTER_PROMETHEUS_HOST", "::1", "listens", True),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", "", "listens", False),
    ],
)
def test_a_good_value_is_taken(key: str, value: str, field: str, expected: Any) -> None:
    """Standard variables, in any case, with spaces; an empty one is as good as none."""
    assert getattr(load({**PUSHED, key: value}), field) == expected


@pytest.mark.parametrize(
    ("key", "value", "expected", "default"),
    [
        ("OTEL_METRICS_EXPORTER", "otpl", "prometheus, otlp, prometheus,otlp or none", "'prometheus'"),
        ("OTEL_METRICS_EXPORTER", "console", "prometheus, otlp, prometheus,otlp or none", "'prometheus'"),
        (
            "OTEL_METRICS_EXPORTER",
            "otlp,none",
            "prometheus, otlp, prometheus,otlp or none",
            "'prometheus'",
        ),
        (
            "OTEL_METRIC_EXPORT_INTERVAL",
            "ten",
            "milliseconds between two OTLP exports, 100 to 86400000",
            "10000",
        ),
        (
            "OTEL_METRIC_EXPORT_INTERVAL",
            "0",
            "milliseconds between two OTLP exports, 100 to 86400000",
            "10000",
        ),
        ("OTEL_METRIC_EXPORT_INTERVAL", "99999999999999", INTERVAL, "10000"),
        (
            "OTEL_METRIC_EXPORT_INTERVAL",
            "-5",
            "milliseconds between two OTLP exports, 100 to 86400000",
            "10000",
        ),
        (
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            "delta",
            "cumulative; Prometheus backends drop or reject every other",
            "'cumulative'",
        ),
        (
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            "lowmemory",
            "cumulative; Prometheus backends drop or reject every other",
            "'cumulative'",
        ),
        ("OTEL_TRACES_EXPORTER", "zipkin", "none, otlp or console", "'none'"),
    ],
)
def test_a_wrong_value_is_refused(key: str, value: str, expected: str, default: str) -> None:
    """The whole sentence: key, value, expectation and default."""
    with pytest.raises(SettingsError) as caught:
        load({**PUSHED, key: value})
    assert str(caught.value) == f"{key}={value!r}: expected {expected} (default {default})"


def test_what_only_a_push_reads_matters_only_to_a_push() -> None:
    """A machine-wide temporality does not stop a service that is scraped; one that pushes spans it does."""
    delta = {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta"}
    assert load(delta).temporality == "cumulative"
    with pytest.raises(SettingsError, match="TEMPORALITY_PREFERENCE='delta'"):
        load({**delta, "OTEL_TRACES_EXPORTER": "OTLP"})


@pytest.mark.parametrize(
    ("environ", "scraped", "pushed", "traced"),
    [
        ({}, True, False, False),
        ({"OTEL_METRICS_EXPORTER": "otlp"}, False, True, False),
        ({"OTEL_METRICS_EXPORTER": "prometheus,otlp", "OTEL_TRACES_EXPORTER": "console"}, True, True, True),
        ({"OTEL_METRICS_EXPORTER": "none", "OTEL_TRACES_EXPORTER": "otlp"}, False, False, True),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"}, False, False, False),
    ],
)
def test_what_runs_under_which_settings(
    environ: dict[str, str], scraped: bool, pushed: bool, traced: bool
) -> None:
    """Which of the three exits is open."""
    settings = load(environ)
    assert (settings.prometheus, settings.otlp, settings.traces) == (scraped, pushed, traced)


def test_overrides_replace_single_variables_and_are_checked_too() -> None:
    """By field name, against what the environment says."""
    assert load({"OTEL_METRICS_EXPORTER": "otlp"}, metrics_exporters=()).metrics_exporters == ()
    assert load({"OTEL_SERVICE_NAME": "a"}, service_name="b").service_name == "b"
    with pytest.raises(SettingsError, match=r"^OTEL_METRICS_EXPORTER='otpl': expected prometheus, otlp"):
        load({}, metrics_exporters="otpl")
    with pytest.raises(SettingsError, match=r"^'exporters' is no setting; expected one of sdk_disabled, "):
        load({}, exporters="otlp")


def test_start_refuses_a_wrong_setting() -> None:
    """Nothing runs afterwards, and the next start is free to succeed."""
    with pytest.raises(SettingsError, match=r"^OTEL_METRICS_EXPORTER='otpl': "):
        start({"OTEL_METRICS_EXPORTER": "otpl"})
    try:
        pipeline = start({"OTEL_SDK_DISABLED": "true"})
        assert pipeline.settings.sdk_disabled
        assert start({}) is pipeline
    finally:
        shutdown()


@pytest.mark.parametrize("value", ["yes", "1", "on", "TRUE!"])
def test_a_flag_that_is_neither_true_nor_false_is_told(value: str, caplog: pytest.LogCaptureFixture) -> None:
    """OTel: false, with a warning. One line each, with name, value and what was taken."""
    settings = load({"OTEL_SDK_DISABLED": value, "REVIEWLENS_HTTP_SERVER_METRICS": "False"})
    assert (settings.sdk_disabled, settings.http_server_metrics) == (False, False)
    assert [record.getMessage() for record in caplog.records] == [
        f"OTEL_SDK_DISABLED={value!r}: expected true or false; taken as false"
    ]


def test_every_variable_says_what_it_expects() -> None:
    """docs/reference/settings.md is made of this."""
    assert all(expected for expected, _ in variables().values())
    assert {"OTEL_SDK_DISABLED", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS"} <= set(
        variables()
    )
