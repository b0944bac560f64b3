"""A person's own OTEL_* variables in each mode: what the API is given beside them, and which are refused."""

from __future__ import annotations

from itertools import product

import pytest

from scripts.stack.environment import record
from scripts.stack.errors import StackError
from scripts.stack.exporting import exporting
from scripts.stack.settings import StackSettings

EXPORTER, ENDPOINT = "OTEL_METRICS_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT"
DISABLED = "OTEL_SDK_DISABLED"
METRICS_ENDPOINT, PROTOCOL = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL"
BOTH = {EXPORTER: "prometheus,otlp"}
OURS = "http://127.0.0.1:4318"
AWAY = "https://otlp.example.com"
RECEIVER = "http://localhost:9090/api/v1/otlp"


def given(mode: str, environ: dict[str, str]) -> dict[str, str]:
    """What the API is given, with every port as it is by default."""
    return exporting(mode, StackSettings.from_env({"REVIEWLENS_MODE": mode}).ports, record(environ))


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
    ("exporter", "ways"), [("otlp", "Unset it, or run `make up MODE=otlp`."), ("none", "Unset it.")]
)
def test_what_leaves_a_scraping_prometheus_without_data_is_refused(exporter: str, ways: str) -> None:
    """One line: variable, mode, what would happen, each way out."""
    assert refusal("scrape", {EXPORTER: exporter}) == (
        f"OTEL_METRICS_EXPORTER={exporter} does not go with mode scrape: Prometheus would have no data of "
        f"the API. {ways}"
    )


ENVIRONMENTS = [
    {name: value for name, value in zip((EXPORTER, ENDPOINT, DISABLED), values, strict=True) if value}
    for values in product(
        ("", "none", "otlp", "prometheus", "prometheus,otlp"), ("", OURS, AWAY, RECEIVER), ("", "true")
    )
]


@pytest.mark.parametrize("mode", ["scrape", "otlp"])
@pytest.mark.parametrize("environ", ENVIRONMENTS, ids=str)
def test_each_way_out_leads_out(mode: str, environ: dict[str, str]) -> None:
    """As a person follows it: the other mode works at once, and to unset what is named ends somewhere."""
    for _ in range(4):
        try:
            given(mode, environ)
            return
        except StackError as error:
            line = str(error)
        name = line.partition("=")[0]
        if "or run" in line:
            given("scrape" if mode == "otlp" else "otlp", environ)
        assert " Unset it" in line
        environ = {key: value for key, value in environ.items() if key != name}
    pytest.fail(f"no end: {line}")


def test_what_is_counted_twice_is_refused() -> None:
    """Scraped and pushed to one Prometheus, by its own OTLP receiver."""
    assert refusal("scrape", {**BOTH, ENDPOINT: RECEIVER}) == (
        "OTEL_METRICS_EXPORTER=prometheus,otlp does not go with mode scrape: Prometheus would scrape the API "
        "and be pushed to, and count all twice. Unset it."
    )


@pytest.mark.parametrize(
    ("exporter", "ways"), [("prometheus", "Unset it, or run `make up`."), ("none", "Unset it.")]
)
def test_an_api_that_does_not_push_is_refused_behind_a_collector(exporter: str, ways: str) -> None:
    """Nothing would reach it."""
    assert refusal("otlp", {EXPORTER: exporter}) == (
        f"OTEL_METRICS_EXPORTER={exporter} does not go with mode otlp: Prometheus would have no data of "
        f"the API. {ways}"
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
