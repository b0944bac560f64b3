"""Where each signal goes: one set of variables for both protocols, checked before anything starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest

from telemetry.pipeline import Pipeline
from telemetry.push.exporters import _grpc, metric_exporter
from telemetry.push.target import target
from telemetry.settings import SettingsError, Signal, load

GRPC = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
BASIC = (("authorization", "Basic dXNlcjpwYXNz"),)


@pytest.mark.parametrize(
    ("environ", "signal", "endpoint"),
    [
        ({}, "metrics", "http://localhost:4318/v1/metrics"),
        ({}, "traces", "http://localhost:4318/v1/traces"),
        (GRPC, "metrics", "http://localhost:4317"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, "metrics", "http://localhost:4318/v1/metrics"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c/otlp/"}, "metrics", "https://c/otlp/v1/metrics"),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://c:1/in"}, "metrics", "http://c:1/in"),
        (
            {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://c:1/in"},
            "traces",
            "http://localhost:4318/v1/traces",
        ),
        ({**GRPC, "OTEL_EXPORTER_OTLP_ENDPOINT": "c:4317"}, "metrics", "c:4317"),
        (
            {**GRPC, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"},
            "traces",
            "http://localhost:4318/v1/traces",
        ),
        ({"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": " GRPC "}, "metrics", "http://localhost:4317"),
    ],
)
def test_the_endpoint(environ: dict[str, str], signal: Signal, endpoint: str) -> None:
    """Over http a path is added, but to the signal's own URL; grpc has a port of its own."""
    assert target(signal, environ).endpoint == endpoint


@pytest.mark.parametrize(
    ("endpoint", "insecure", "plaintext"),
    [
        ("http://c:4317", "false", True),
        ("https://c:4317", "true", False),
        ("c:4317", "", False),
        ("c:4317", "true", True),
    ],
)
def test_over_grpc_the_scheme_decides_on_tls(endpoint: str, insecure: str, plaintext: bool) -> None:
    """INSECURE speaks only where there is no scheme."""
    environ = {**GRPC, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_INSECURE": insecure}
    assert target("metrics", environ).plaintext is plaintext


@pytest.mark.parametrize(
    ("environ", "headers"),
    [
        ({"OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Basic dXNlcjpwYXNz"}, BASIC),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Basic%20dXNlcjpwYXNz,"}, BASIC),
        ({"OTEL_EXPORTER_OTLP_HEADERS": " a = b%2Cc , d=e=f=="}, (("a", "b,c"), ("d", "e=f=="))),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "a=b", "OTEL_EXPORTER_OTLP_METRICS_HEADERS": "c=d"}, (("c", "d"),)),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://user:pass@c/"}, BASIC),
    ],
)
def test_the_headers(environ: dict[str, str], headers: tuple[tuple[str, str], ...]) -> None:
    """Percent-encoded or not; the signal's own replace the general ones; a URL's credentials become one."""
    assert target("metrics", environ).headers == headers
    assert target("metrics", {**GRPC, **environ}).headers == headers


def test_credentials_leave_the_endpoint() -> None:
    """So that no log line has them, nor a query."""
    to = target("metrics", {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "https://user:pass@c:1/in?token=secret"})
    assert (to.endpoint, to.where) == ("https://c:1/in?token=secret", "https://c:1/...")


URL = "the collector's URL, without a path; by default "
PAIRS = "expected key=value pairs, separated by commas, percent-encoded (default '')"


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("PROTOCOL", "http/json", "'http/json': expected http/protobuf or grpc (default 'http/protobuf')"),
        ("METRICS_PROTOCOL", "gprc", "'gprc': expected http/protobuf or grpc (default 'http/protobuf')"),
        ("ENDPOINT", "collector:4318", f"'collector:4318': expected {URL}"),
        ("ENDPOINT", "http://u:secret@c:x", f"'http://...': expected {URL}"),
        ("METRICS_ENDPOINT", "http://", f"'http://': expected {URL}"),
        ("HEADERS", "Basic secret", f"***: {PAIRS}"),
        ("HEADERS", "a=se;cret", f"***: {PAIRS}"),
        ("HEADERS", "a=sec%0Aret", f"***: {PAIRS}"),
        (
            "TIMEOUT",
            "10000",
            "'10000': expected seconds for one push with its retries, 300 at most (default 10)",
        ),
        ("TIMEOUT", "0", "'0': expected seconds for one push with its retries, 300 at most (default 10)"),
        ("COMPRESSION", "zstd", "'zstd': expected none or gzip (default 'none')"),
        ("CERTIFICATE", "/nowhere.pem", "'/nowhere.pem': expected PEM file of the authority"),
    ],
)
def test_a_wrong_value_is_refused(key: str, value: str, said: str) -> None:
    """Key, value and expectation; no secret."""
    with pytest.raises(SettingsError) as caught:
        target("metrics", {f"OTEL_EXPORTER_OTLP_{key}": value})
    assert str(caught.value).startswith(f"OTEL_EXPORTER_OTLP_{key}={said}")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "environ",
    [
        {"OTEL_METRICS_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "json"},
        {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "json"},
    ],
)
def test_a_pipeline_with_a_wrong_target_does_not_start(environ: dict[str, str]) -> None:
    """Only what is pushed is read: the same variables stop nobody who is scraped."""
    with pytest.raises(SettingsError, match="_PROTOCOL='json': expected http/protobuf or grpc"):
        Pipeline(load(environ), environ)
    scraped = {key: value for key, value in environ.items() if "EXPORTER_OTLP" in key}
    Pipeline(load(scraped), scraped).shutdown()


def test_an_unreadable_certificate_is_refused(tmp_path: Path) -> None:
    """A folder, for one."""
    with pytest.raises(SettingsError, match="OTEL_EXPORTER_OTLP_CERTIFICATE="):
        target("metrics", {"OTEL_EXPORTER_OTLP_CERTIFICATE": str(tmp_path)})


def test_a_variable_that_grpc_stumbles_over_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its exporter reads this one by itself, whatever it is given, and takes an empty text for a number."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "")
    with pytest.raises(SettingsError, match=r"^OTEL_EXPORTER_OTLP_\*: .*; unset those that are empty$"):
        metric_exporter(target("metrics", GRPC))


@pytest.mark.parametrize(("given", "there"), [("gzip", "Gzip"), ("none", "NoCompression")])
def test_grpc_is_given_the_compression(given: str, there: str) -> None:
    """A grpc server in Python does not say what came compressed."""
    to = target("metrics", {**GRPC, "OTEL_EXPORTER_OTLP_COMPRESSION": given})
    assert _grpc(to, "metrics")["compression"] is getattr(grpc.Compression, there)


@pytest.mark.parametrize(
    ("environ", "loaded"),
    [
        ({}, []),
        ({"OTEL_METRICS_EXPORTER": "otlp"}, ["http"]),
        ({"OTEL_METRICS_EXPORTER": "otlp", **GRPC}, ["grpc"]),
        (
            {
                "OTEL_METRICS_EXPORTER": "otlp",
                "OTEL_TRACES_EXPORTER": "otlp",
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc",
            },
            ["grpc", "http"],
        ),
    ],
)
def test_an_exporter_is_imported_only_when_it_is_used(environ: dict[str, Any], loaded: list[str]) -> None:
    """grpc alone is 15 MB."""
    code = (
        "import os, sys, telemetry; telemetry.start(); package = 'opentelemetry.exporter.otlp.proto'; "
        "print(*[name for name in ('grpc', 'http') if f'{package}.{name}' in sys.modules], flush=True); "
        "os._exit(0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == loaded
