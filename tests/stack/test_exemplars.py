"""From a number to a trace, with real parts: an exemplar in Prometheus is a span that was exported."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from support.otlp_sink import Sink, otlp_sink
from support.paths import NO_KEYS, Surroundings, Way, collector_scraped, scraped, straight
from support.servers import HTTP, PrometheusServer, free_port, run_app, wait_for
from support.traffic import dialogue

ALL = {"OTEL_TRACES_SAMPLER": "always_on"}
NONE = {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}
WAYS = {
    "scraped": Way("scraped", ("2.42", "3.5", "3.12"), scraped),
    "collector": Way("collector", ("3.5", "3.12"), collector_scraped),
    "Prometheus": Way("Prometheus", ("3.12",), straight),
}
REQUESTS = 20
LAST = f'sum(http_requests_total{{endpoint="/api/products"}}) == {REQUESTS}'
OURS = '{__name__=~"(http|dialogue|llm|retrieval|scoring|user_journey)_.+"}'


@dataclass(frozen=True)
class Exemplar:
    """One exemplar, and the labels of the series that has it."""

    series: Mapping[str, str]
    trace: str
    span: str
    value: float


def exemplars(server: PrometheusServer, query: str) -> list[Exemplar]:
    """Those of the last hour."""
    now = time.time()
    rows = server.api("query_exemplars", query=query, start=now - 3600, end=now + 60)
    return [
        Exemplar(
            row["seriesLabels"], one["labels"]["trace_id"], one["labels"]["span_id"], float(one["value"])
        )
        for row in rows
        for one in row["exemplars"]
    ]


def spans(sink: Sink) -> dict[str, dict[str, str]]:
    """Trace id -> span id -> name, of all that was exported."""
    found: dict[str, dict[str, str]] = {}
    for request in list(sink.traces):
        for resource in request.resource_spans:
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                found.setdefault(span.trace_id.hex(), {})[span.span_id.hex()] = span.name
    return found


def sending_spans(sink: Sink) -> dict[str, str]:
    """Spans alone go to the sink, each moment."""
    return {
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{sink.url}/v1/traces",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }


@contextmanager
def played(
    way: Way, folder: Path, environment: Mapping[str, str], workers: int = 1
) -> Iterator[Mapping[str, PrometheusServer]]:
    """Requests and a dialogue, until every Prometheus at the end of a way has counted them."""
    with ExitStack() as stack:
        port = free_port()
        behind = way.behind(Surroundings(stack, port, folder, way.versions))
        own = {**NO_KEYS, "REVIEWLENS_PORT": str(port), **behind.environment, **environment}
        flags = ["--workers", str(workers), "--no-access-log"]
        app = stack.enter_context(run_app(port=port, env=own, flags=flags))
        with httpx.Client(base_url=app.url, timeout=60, trust_env=False) as shopper:
            dialogue(shopper, "chair")
        for _ in range(REQUESTS):  # a fresh connection each, so that every worker gets some
            HTTP.get(f"{app.url}/api/products", headers={"connection": "close"}).raise_for_status()
        for server in behind.servers.values():
            wait_for("the last request", lambda server=server: server.query(LAST))
        yield behind.servers


def check(server: PrometheusServer, sink: Sink) -> None:
    """Histograms and counters have exemplars, each of a request of its own series that was exported."""
    for query in ("http_request_duration_seconds_bucket", "http_requests_total"):
        found = wait_for(f"exemplars of {query}", lambda query=query: exemplars(server, query))
        wait_for("their spans", lambda found=found: {one.trace for one in found} <= spans(sink).keys())
        known = spans(sink)
        assert [one for one in found if one.span not in known[one.trace]] == []
        named = [(f"{one.series['method']} {one.series['endpoint']}", known[one.trace]) for one in found]
        assert [name for name, trace in named if name not in trace.values()] == []
    for one in exemplars(server, "http_request_duration_seconds_bucket"):
        assert 0 < one.value <= float(one.series["le"])
    for query in ("retrieval_duration_seconds_bucket", "dialogue_sessions_total"):
        found = wait_for(f"exemplars of {query}", lambda query=query: exemplars(server, query))
        assert {one.series["category"] for one in found} == {"chair"}
        wait_for("their spans", lambda found=found: {one.trace for one in found} <= spans(sink).keys())


@pytest.mark.parametrize(
    ("name", "workers"),
    [("scraped", 1), ("scraped", 2), ("collector", 1), ("Prometheus", 1), ("Prometheus", 2)],
)
def test_an_exemplar_is_a_span_that_was_exported(name: str, workers: int, tmp_path: Path) -> None:
    """On each path that carries them, under each version; one worker answers for the other."""
    with (
        otlp_sink() as sink,
        played(WAYS[name], tmp_path, {**sending_spans(sink), **ALL}, workers) as servers,
    ):
        for server in servers.values():
            check(server, sink)


@pytest.mark.parametrize("name", ["scraped", "Prometheus"])
@pytest.mark.parametrize("traces", [False, True], ids=["no traces", "none sampled"])
def test_without_a_sampled_span_there_is_none(name: str, traces: bool, tmp_path: Path) -> None:
    """Traces are off, or the sampler takes 0 %: a trace that nobody can open is not offered."""
    with otlp_sink() as sink:
        environment = {**sending_spans(sink), **NONE} if traces else {}
        with played(WAYS[name], tmp_path, environment) as servers:
            assert [one for server in servers.values() for one in exemplars(server, OURS)] == []
    assert spans(sink) == {}
