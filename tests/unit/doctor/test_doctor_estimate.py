"""Series and data points: the catalogue's estimate, and what it is held against."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

import telemetry
from app.product import PRODUCT
from telemetry.asgi import preinitialise
from telemetry.catalog import BY_NAME, PROVIDERS
from telemetry.doctor.checks import examine
from telemetry.doctor.estimate import VALUES, catalogued
from telemetry.doctor.finding import Finding
from telemetry.doctor.subject import Subject
from telemetry.metrics import (
    active_evidence_gauge,
    http_first_byte_seconds,
    http_streams_aborted_total,
)
from telemetry.testing import Recorded

CATEGORIES = tuple(f"category-{number}" for number in range(5))
ROUTES = [
    (method, f"/{path}", code) for method, path in (("GET", "a"), ("POST", "b")) for code in ("200", "500")
]


def test_the_catalogues_estimate_is_what_is_exposed(metrics: Recorded) -> None:
    """The same categories, providers, routes and sessions: the same number of series, metric by metric."""
    telemetry.known(category=CATEGORIES, provider=PROVIDERS)
    preinitialise.routes(ROUTES)
    for method, endpoint, _ in ROUTES:  # as if every end point streamed: nothing tells which do
        http_streams_aborted_total.labels(method=method, endpoint=endpoint).inc(0)
        http_first_byte_seconds.labels(method=method, endpoint=endpoint).observe(0)
    active_evidence_gauge.follow(lambda: [(("category-1", "one"), 1.0), (("category-2", "two"), 2.0)])
    exposed = {
        family.name + ("_total" if family.type == "counter" else ""): len(family.samples)
        for family in text_string_to_metric_families(metrics.text())
    }
    active_evidence_gauge.follow(None)
    given = {"category": 5, "provider": 4, "endpoint": 2, "method": 1, "status_code": 2, "session_id": 2}
    assert {
        name: count for name, count in catalogued(given, PRODUCT.single_labels).items() if count
    } == exposed


def test_no_metric_is_estimated_above_its_bound() -> None:
    """Whatever was told; a session is a label set as well."""
    told = catalogued({"category": 10**6, "session_id": 10**6}, PRODUCT.single_labels)
    for name in ("dialogue_turns_total", "active_evidence_gauge"):
        assert told[name] == BY_NAME[name].cardinality_limit


USUAL = catalogued({**VALUES, **PRODUCT.label_values}, PRODUCT.single_labels)


def judged(environ: dict[str, str] | None = None, **told: int) -> list[Finding]:
    """The findings on size."""
    subject = Subject(environ or {}, PRODUCT, offline=True, **told)  # type: ignore[arg-type]
    return [
        finding
        for finding in examine(subject).findings
        if "data points" in finding.found or finding.id == "series"
    ]


def test_within_the_limits() -> None:
    """At the limit is not above it; the number is said, with what it rests on."""
    series = USUAL.total()
    (told,) = judged(max_series=series, max_points=series * 6)
    assert told.severity == "ok"
    assert told.found.startswith(
        f"about {series} active series, {series * 6} data points per minute (from the"
    )
    assert "category=8" in told.found


@pytest.mark.parametrize(
    ("environ", "mend"),
    [
        ({}, "scrape_interval: 15s"),
        (
            {"OTEL_METRICS_EXPORTER": "otlp"},
            "OTEL_METRIC_EXPORT_INTERVAL=15000, and the same scrape interval",
        ),
    ],
)
def test_above_the_limits(environ: dict[str, str], mend: str) -> None:
    """One more than allowed is a fault each; the mend of the points is an interval that keeps the limit."""
    series = USUAL.total()
    too_many, too_often = judged(
        environ, max_series=2 * series - 1, max_points=2 * series * 6 - 1, instances=2
    )
    assert (too_many.id, too_often.id) == ("series", "points")
    assert f"about {2 * series} active series, limit {2 * series - 1}" in too_many.found
    assert f"about {12 * series} data points per minute, limit {12 * series - 1}" in too_often.found
    assert too_often.mend == (mend, f"have the limit raised to {12 * series}")


def test_an_interval_that_no_graph_bears_is_no_mend() -> None:
    """A limit far below asks for fewer series, not for a push every quarter of an hour."""
    (too_often,) = judged(max_points=USUAL.total() // 15)
    assert too_often.mend[0].startswith("drop what nobody reads, the heaviest first: an interval of 9")
