"""A person's own OTEL_* variables in each mode: what the API is given beside them, and which are refused."""

from __future__ import annotations

import pytest

from scripts.stack.environment import record
from scripts.stack.errors import StackError
from scripts.stack.exporting import exporting
from scripts.stack.settings import Settings

EXPORTER, ENDPOINT = "OTEL_METRICS_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT"
METRICS_ENDPOINT, PROTOCOL = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL"
BOTH = {EXPORTER: "prometheus,otlp"}
OURS = "http://127.0.0.1:4318"
AWAY = "https://otlp.example.com"
RECEIVER = "http://localhost:9090/api/v1/otlp"


def given(mode: str, environ: dict[str, str]) -> dict[str, str]:
    """What the API is given, with every port as it is by default."""
    return exporting(mode, Settings.from_env({"REVIEWLENS_MODE": mode}).ports, record(environ))


def refusal(mode: str, environ: dict[str, str]) -> str:
    with pytest.raises(StackError) as error:
        given(mode, environ)
    return str(error.value)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, {EXPORTER: "otlp", ENDPOINT: OURS}),
        ({EXPORTER: "OTLP"}, {EXPORTER: "OTLP", ENDPOINT: OURS}),
        (BOTH, {**BOTH, ENDPOINT: OURS}),
        ({PROTOCOL: "grpc"}, {EXPORTER: "otlp", ENDPOINT: "http://127.0.0.1:4317"}),
        ({ENDPOINT: "http://localhost:4318/"}, {EXPORTER: "otlp"}),
        ({METRICS_ENDPOINT: f"{OURS}/v1/metrics", ENDPOINT: AWAY}, {EXPORTER: "otlp"}),
        ({PROTOCOL: "grpc", ENDPOINT: "localhost:4317"}, {EXPORTER: "otlp"}),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "authorization=x"}, {EXPORTER: "otlp", ENDPOINT: OURS}),
    ],
)
def test_a_pushing_api_is_told_what_a_person_has_left_open(
    environ: dict[str, str], expected: dict[str, str]
) -> None:
    """The exporter, and the collector's address for the protocol; what names this collector stays."""
    assert given("otlp", environ) == expected


@pytest.mark.parametrize(
    "environ",
    [{}, {EXPORTER: "prometheus"}, BOTH, {**BOTH, ENDPOINT: AWAY}, {ENDPOINT: RECEIVER}],
)
def test_a_scraped_api_needs_nothing(environ: dict[str, str]) -> None:
    """/metrics is the default; pushing to somebody else as well is a person's own matter."""
    assert given("scrape", environ) == {}


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({EXPORTER: "otlp"}, "OTEL_METRICS_EXPORTER=otlp"),
        ({EXPORTER: "none"}, "OTEL_METRICS_EXPORTER=none"),
    ],
)
def test_what_leaves_a_scraping_prometheus_without_data_is_refused(
    environ: dict[str, str], told: str
) -> None:
    """One line: variable, mode, what would happen, both ways out."""
    assert refusal("scrape", environ) == (
        f"{told} does not go with mode scrape: Prometheus would have no data of the API. "
        "Unset it, or run `make up MODE=otlp`."
    )


def test_what_is_counted_twice_is_refused() -> None:
    """Scraped and pushed to one Prometheus, by its own OTLP receiver."""
    assert refusal("scrape", {**BOTH, ENDPOINT: RECEIVER}) == (
        "OTEL_METRICS_EXPORTER=prometheus,otlp does not go with mode scrape: Prometheus would scrape the API "
        "and be pushed to, and count all twice. Unset it, or run `make up MODE=otlp`."
    )


@pytest.mark.parametrize("exporter", ["prometheus", "none"])
def test_an_api_that_does_not_push_is_refused_behind_a_collector(exporter: str) -> None:
    """Nothing would reach it."""
    assert refusal("otlp", {EXPORTER: exporter}) == (
        f"OTEL_METRICS_EXPORTER={exporter} does not go with mode otlp: Prometheus would have no data of "
        "the API. Unset it, or run `make up`."
    )


@pytest.mark.parametrize("mode", ["scrape", "otlp"])
def test_telemetry_that_is_off_is_refused(mode: str) -> None:
    """In no mode is there anything to look at."""
    assert refusal(mode, {"OTEL_SDK_DISABLED": "true"}) == (
        f"OTEL_SDK_DISABLED=true does not go with mode {mode}: "
        "Prometheus would have no data of the API. Unset it."
    )


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        (ENDPOINT, AWAY, f"={AWAY}"),
        (ENDPOINT, "http://localhost:4317", "=http://localhost:4317"),
        (ENDPOINT, "https://localhost:4318", "=https://localhost:4318"),
        (METRICS_ENDPOINT, "http://localhost:4318", "=http://localhost:4318"),
        (ENDPOINT, "http://user:secret@localhost:4318", ""),
    ],
)
def test_an_endpoint_past_the_collector_is_refused(name: str, value: str, shown: str) -> None:
    """Elsewhere, the wrong port, TLS, no path; one with credentials by its name alone."""
    assert refusal("otlp", {name: value}) == (
        f"{name}{shown} does not go with mode otlp: the API would push past the collector, which is at "
        "127.0.0.1:4318. Unset it, or run `make up`."
    )


def test_a_value_that_the_api_would_refuse_is_told_in_its_words() -> None:
    """Before anything is fetched or started."""
    assert refusal("otlp", {EXPORTER: "promethes"}).startswith("OTEL_METRICS_EXPORTER='promethes': expected ")
