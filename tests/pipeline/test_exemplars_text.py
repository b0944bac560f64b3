"""/metrics with spans and without: exemplars are in OpenMetrics alone, and nothing else differs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from support.otlp_sink import otlp_sink
from support.paths import NO_KEYS
from support.servers import HTTP, run_app

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
PLAIN = "text/plain; version=0.0.4"
EXEMPLAR = re.compile(r" # \{[^}]*\} .*$", re.MULTILINE)
IDS = {"trace_id": re.compile("[0-9a-f]{32}"), "span_id": re.compile("[0-9a-f]{16}")}


class Texts(NamedTuple):
    """What /metrics answers after the same requests, with their types."""

    plain: str
    openmetrics: str
    types: tuple[str, str]


def texts(**environment: str) -> Texts:
    """The service on a clock that gives every run the same numbers."""
    with run_app("support.stepped:app", env={**NO_KEYS, **environment}, flags=["--app-dir=tests"]) as app:
        for path in ("/everything", "/last", "/last"):
            HTTP.post(app.url + path).raise_for_status()
        HTTP.get(app.url + "/api/products").raise_for_status()
        told = [HTTP.get(f"{app.url}/metrics", headers={"accept": kind}) for kind in (PLAIN, OPENMETRICS)]
    return Texts(*(one.text for one in told), tuple(one.headers["content-type"] for one in told))


@pytest.fixture(scope="module")
def bare() -> Texts:
    """Without spans."""
    return texts()


@contextmanager
def tracing(sampler: str, argument: str = "") -> Iterator[Texts]:
    """With spans."""
    with otlp_sink() as sink:
        environment = {
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{sink.url}/v1/traces",
            "OTEL_TRACES_SAMPLER": sampler,
        }
        yield texts(**environment, **({"OTEL_TRACES_SAMPLER_ARG": argument} if argument else {}))


def test_only_openmetrics_has_exemplars_and_all_else_is_the_same(bare: Texts) -> None:
    """Byte for byte: the text that older scrapers read, and OpenMetrics but for what follows a #."""
    with tracing("always_on") as traced:
        assert traced.types == bare.types
        assert traced.plain == bare.plain
        assert EXEMPLAR.findall(traced.openmetrics) != []
        assert EXEMPLAR.sub("", traced.openmetrics) == bare.openmetrics
    assert EXEMPLAR.findall(bare.plain + bare.openmetrics) == []


def test_they_are_what_the_standard_allows() -> None:
    """At buckets and at totals, with the two ids as labels, and a strict parser reads them."""
    with tracing("always_on") as traced:
        families = list(text_string_to_metric_families(traced.openmetrics))
        found = [sample for family in families for sample in family.samples if sample.exemplar]
        names = {sample.name for sample in found}
        assert {
            "http_requests_total",
            "http_request_duration_seconds_bucket",
            "evidence_count_bucket",
        } <= names
        assert {name.rpartition("_")[2] for name in names} == {"total", "bucket"}
        for labels in (sample.exemplar.labels for sample in found if sample.exemplar):
            assert labels.keys() == IDS.keys()
            assert all(IDS[name].fullmatch(value) for name, value in labels.items())


def test_a_span_that_is_not_sampled_leaves_both_texts_as_they_are(bare: Texts) -> None:
    """Nobody could open its trace."""
    with tracing("traceidratio", "0") as traced:
        assert traced == bare
