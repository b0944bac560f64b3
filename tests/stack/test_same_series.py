"""One run, the same on every path: names, types, label sets, bounds, values, and what dashboards answer."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.panels import PanelQuery, everything
from support.paths import PATHS, SECONDS, Arrival, all_paths
from support.series import NAMES, Key, differences, kind, snapshot
from support.servers import wait_for

from app.dialogue.model import digest
from monitoring.contract import IDENTITY
from monitoring.queries import selectors
from monitoring.targets import read_rules, read_targets
from telemetry.catalog import CATALOG
from telemetry.doctor.prometheus import Sample

pytestmark = pytest.mark.built

ORACLE = {"2.42": "A scraped, 2.42", "3.5": "A scraped, 3.5", "3.12": "A scraped, 3.5"}
"""By version: a regular expression of Prometheus 2 has no dot for a line's end, of 3 it has."""
RATES_DIFFER = 0.25
RECORDED_DIFFER = 0.75
"""What a rule has recorded depends on when it was evaluated as well."""
RECORDED = {rule.name for rule in read_rules()}
TARGETS = read_targets()
SHARES = {each.budget_left(TARGETS.window): each.share(TARGETS.window) for each in TARGETS.objectives}
"""A budget multiplies how its share differs by up to a hundred: the share is compared in its place."""


@pytest.fixture(scope="module")
def arrivals(tmp_path_factory: pytest.TempPathFactory, sample_store: Path) -> Iterator[dict[str, Arrival]]:
    """Every path with all of the run."""
    with all_paths(tmp_path_factory.mktemp("paths"), sample_store) as arrivals:
        yield arrivals


@pytest.mark.parametrize("path", PATHS)
def test_every_series_arrives_with_the_same_value(path: str, arrivals: dict[str, Arrival]) -> None:
    """Names, label sets, bounds and final values; who they are from is left out."""
    expected, found = _snapshot(_oracle(path, arrivals)), _snapshot(arrivals[path])
    assert len(expected) > 1000
    unlike = differences(expected, found)
    assert not unlike, "\n".join(unlike)


@pytest.mark.parametrize("path", PATHS)
def test_every_metric_arrives_as_what_it_is(path: str, arrivals: dict[str, Arrival]) -> None:
    """A path tells the right type or, where its protocol carries none, nothing."""
    carries = path.startswith(("A", "B"))
    told = {metric.name: kind(arrivals[path].server, metric) for metric in CATALOG}
    there = {name.removesuffix("_bucket") for name, _ in _snapshot(arrivals[path])}
    assert told == {
        metric.name: metric.kind if carries and metric.name in there else None for metric in CATALOG
    }


@pytest.mark.parametrize("path", PATHS)
def test_nothing_else_arrives_from_the_service(path: str, arrivals: dict[str, Arrival]) -> None:
    """No target_info, otel_scope_info or second set of HTTP metrics; from the one job and instance it is."""
    arrival = arrivals[path]
    (service,) = arrival.server.query(
        'count by (job, instance) (http_requests_total{endpoint="/last"})', at=arrival.moment
    )
    port = arrival.app.rpartition(":")[2]
    pushed = {"job": "reviewlens-api", "instance": f"{socket.gethostname()}:{port}"}
    by_scrape = {"job": "reviewlens-backend", "instance": f"127.0.0.1:{port}"}
    assert service.labels == (by_scrape if path.startswith("A") else pushed)
    named = ", ".join(f"{label}={value!r}" for label, value in service.labels.items())
    found = {s.labels["__name__"] for s in arrival.server.query(f"{{{named}}}", at=arrival.moment)}
    scrape = {name for name in found if name == "up" or name.startswith("scrape_")}
    assert bool(scrape) == path.startswith("A")
    assert found - scrape == {name for name, _ in _snapshot(arrival)}


FIRST = (
    'errors_total{error_type="validation",component="api"}',
    'http_requests_total{method="POST",endpoint="/api/sessions",status_code="422"}',
    'llm_calls_total{provider="claude",status="error"}',
    'http_request_duration_seconds_count{method="DELETE",endpoint="/api/sessions/{session_id}"}',
)
"""What happens exactly once in a run."""


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("series", FIRST)
def test_the_first_of_its_kind_is_seen(series: str, path: str, arrivals: dict[str, Arrival]) -> None:
    """It was there at 0 before: increase() says 1, which a series that begins with its first event hides."""
    arrival = arrivals[path]
    (row,) = arrival.server.api("query", query=f"{series}[10m]", time=arrival.moment)["result"]
    values = [float(value) for _, value in row["values"]]
    assert (values[0], values[-1]) == (0, 1)
    grown = arrival.server.value(f"increase({series}[10m])", at=arrival.moment)
    assert grown == pytest.approx(1, rel=RATES_DIFFER)


@pytest.mark.parametrize("path", PATHS)
def test_every_dashboard_and_rule_answers_the_same(path: str, arrivals: dict[str, Arrival]) -> None:
    """The same lines; numbers of a rate may differ by when the samples were taken."""
    asked = [a for a in everything() if {s.metric for s in selectors(a.expr)} <= {*NAMES, *RECORDED}]
    assert len(asked) > 80
    assert SHARES.keys() <= {each.expr for each in asked}
    unlike = [line for each in asked for line in _unlike(each, _oracle(path, arrivals), arrivals[path])]
    assert not unlike, "\n".join(unlike)


@pytest.mark.parametrize("path", PATHS)
def test_an_ended_session_is_0_or_gone_within_two_intervals(path: str, arrivals: dict[str, Arrival]) -> None:
    """By the time of the samples: two pushes, and a scrape where a collector is scraped."""
    arrival = arrivals[path]
    series = f'max(active_evidence_gauge{{session_id="{digest(arrival.session)}"}}) or vector(0)'
    assert arrival.server.value(series, at=arrival.moment) > 0
    httpx.delete(f"{arrival.app}/api/sessions/{arrival.session}", params={"reason": "browser_close"})
    ended = time.time()
    wait_for("the gauge to end", lambda: arrival.server.value(series) == 0)
    scrape = SECONDS if path.startswith("B") else 0
    assert arrival.server.value(series, at=ended + 2 * SECONDS + scrape) == 0


def _oracle(path: str, arrivals: dict[str, Arrival]) -> Arrival:
    return arrivals[ORACLE[path.rpartition(" ")[2]]]


def _snapshot(arrival: Arrival) -> dict[Key, float]:
    return snapshot(arrival.server, arrival.moment, digest(arrival.session))


def _unlike(asked: PanelQuery, *arrivals: Arrival) -> Iterator[str]:
    one, other = (_answer(asked, arrival) for arrival in arrivals)
    if "topk" in asked.expr:  # of those that are alike, any
        one, other = (
            {frozenset({("", str(at))}): value for at, value in enumerate(sorted(each.values()))}
            for each in (one, other)
        )
    if one.keys() != other.keys():
        yield f"{asked}: {sorted(map(sorted, one.keys() ^ other.keys()))} in one alone"
        return
    recorded = RECORDED & {s.metric for s in selectors(asked.expr)}
    tolerance = RECORDED_DIFFER if recorded else RATES_DIFFER
    for labels, value in one.items():
        if not math.isclose(value, other[labels], rel_tol=tolerance) and not (
            math.isnan(value) and math.isnan(other[labels])
        ):
            yield f"{asked} {dict(labels)}: {value} and {other[labels]}"


def _answer(asked: PanelQuery, arrival: Arrival) -> dict[frozenset[tuple[str, str]], float]:
    session = digest(arrival.session)
    expr = SHARES.get(asked.expr, asked.expr)
    samples = arrival.server.query(expr.replace(session, "the session"), at=arrival.moment)
    return {_without_identity(sample, session): sample.value for sample in samples}


def _without_identity(sample: Sample, session: str) -> frozenset[tuple[str, str]]:
    return frozenset(
        (label, "the session" if value == session else value)
        for label, value in sample.labels.items()
        if label not in IDENTITY
    )
