"""/metrics as a scraper sees it: formats, errors, and many scrapes at once."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from telemetry.metrics import dialogue_turns_total, evidence_count, http_requests_total
from telemetry.scrape.endpoint import MetricsEndpoint, answer
from telemetry.scrape.exposition import Exposition
from telemetry.serve import MetricsServer
from telemetry.testing import Recorded, recording

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
# What Prometheus 2.42 and 3.5 send.
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0;q=0.75,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.25,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
FAILED = b"the metrics could not be rendered; the log has the reason\n"


def ask(
    exposition: Exposition | None, method: str = "GET", accept: tuple[str, ...] = ()
) -> tuple[int, dict[str, str], bytes]:
    """One request to /metrics, without a server."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asked = [(b"accept", value.encode()) for value in accept]
    scope = {"type": "http", "method": method, "headers": asked}
    asyncio.run(answer(MetricsEndpoint(exposition), scope, send))
    start, *bodies = sent
    assert [body.get("more_body", False) for body in bodies] == [True] * (len(bodies) - 1) + [False]
    headers = {k.decode(): v.decode() for k, v in start["headers"]}
    return start["status"], headers, b"".join(body["body"] for body in bodies)


def record_some() -> None:
    """A counter and a histogram."""
    dialogue_turns_total.labels(category="의자").inc(3)
    evidence_count.labels(category='a"b\\c\nd').observe(4)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ((), TEXT),
        (("*/*",), TEXT),
        (("text/html,application/xhtml+xml",), TEXT),
        (("text/plain;version=0.0.4",), TEXT),
        (("application/openmetrics-text",), OPENMETRICS),
        (("text/html", "application/openmetrics-text"), OPENMETRICS),
        (("application/openmetrics-text; version=1.0.0",), OPENMETRICS),
        ((PROMETHEUS_2,), OPENMETRICS),
        ((PROMETHEUS_3,), OPENMETRICS),
    ],
)
def test_the_format_is_what_was_asked_for(
    metrics: Recorded, accept: tuple[str, ...], content_type: str
) -> None:
    """Text 0.0.4 unless OpenMetrics is accepted; newer clients of Prometheus add how names are escaped."""
    record_some()
    status, headers, body = ask(metrics.pipeline.exposition, accept=accept)
    assert (status, headers["content-type"].partition("; escaping=")[0]) == (200, content_type)
    assert headers["cache-control"] == "no-store"
    assert int(headers["content-length"]) == len(body)
    parse = parse_openmetrics if content_type.startswith("application") else parse_text
    samples = [sample for family in parse(body.decode()) for sample in family.samples]
    turns = [(s.labels, s.value) for s in samples if s.name == "dialogue_turns_total"]
    assert turns == [({"category": "의자"}, 3.0)]
    assert {s.labels["category"] for s in samples if s.name == "evidence_count_bucket"} == {'a"b\\c\nd'}


def test_an_accept_header_without_sense_is_no_error(metrics: Recorded) -> None:
    """A version that is no number, an empty one, nothing but separators."""
    for accept in (
        "application/openmetrics-text; version=banana",
        "application/openmetrics-text;version=",
        ";,;",
    ):
        status, headers, _ = ask(metrics.pipeline.exposition, accept=(accept,))
        assert (status, headers["content-type"] in {TEXT, OPENMETRICS}) == (200, True)


def test_both_formats_have_the_same_samples(metrics: Recorded) -> None:
    """Names, labels, `le` strings and values."""
    record_some()
    text, openmetrics = (
        [(s.name, s.labels, s.value) for family in families for s in family.samples]
        for families in (
            parse_text(metrics.text()),
            parse_openmetrics(metrics.text("application/openmetrics-text")),
        )
    )
    assert text == openmetrics


def test_the_text_is_exactly_this(metrics: Recorded) -> None:
    """One histogram, to the letter: le="0.0" ... le="50.0", no scope labels, no target_info, no _created."""
    evidence_count.labels(category="chair").observe(4)
    text = metrics.text()
    assert "otel_scope" not in text
    assert "target_info" not in text
    assert "_created" not in text
    family = text[text.index("# HELP evidence_count") :].split("# HELP ")[1]
    assert family == (
        "evidence_count Pieces of evidence that one retrieval found\n"
        "# TYPE evidence_count histogram\n"
        'evidence_count_bucket{category="chair",le="0.0"} 0.0\n'
        'evidence_count_bucket{category="chair",le="1.0"} 0.0\n'
        'evidence_count_bucket{category="chair",le="2.0"} 0.0\n'
        'evidence_count_bucket{category="chair",le="3.0"} 0.0\n'
        'evidence_count_bucket{category="chair",le="5.0"} 1.0\n'
        'evidence_count_bucket{category="chair",le="10.0"} 1.0\n'
        'evidence_count_bucket{category="chair",le="20.0"} 1.0\n'
        'evidence_count_bucket{category="chair",le="50.0"} 1.0\n'
        'evidence_count_bucket{category="chair",le="+Inf"} 1.0\n'
        'evidence_count_count{category="chair"} 1.0\n'
        'evidence_count_sum{category="chair"} 4.0\n'
    )


def test_head_answers_as_get_without_the_body(metrics: Recorded) -> None:
    """Some health checks ask so."""
    status, headers, body = ask(metrics.pipeline.exposition, "HEAD")
    assert (status, headers["content-type"], body) == (200, TEXT, b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "BREW"])
def test_other_methods_are_not_allowed(metrics: Recorded, method: str) -> None:
    """405 says what is expected."""
    status, headers, body = ask(metrics.pipeline.exposition, method)
    assert (status, body) == (405, b"expected GET\n")
    assert headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("environ", [{"OTEL_METRICS_EXPORTER": "none"}, {"OTEL_SDK_DISABLED": "true"}])
def test_where_nothing_is_exposed_404_says_why(environ: dict[str, str]) -> None:
    """The next step is in the line."""
    with recording(environ) as recorded:
        status, headers, body = ask(recorded.pipeline.exposition)
    assert (status, headers["content-type"]) == (404, "text/plain; charset=utf-8")
    assert body == (
        b"metrics are not exposed here: OTEL_METRICS_EXPORTER has no 'prometheus' in it, "
        b"or OTEL_SDK_DISABLED is true\n"
    )


class Broken:
    """A collector that fails until it is mended."""

    broken = True

    def collect(self) -> Iterator[Any]:
        if self.broken:
            raise RuntimeError("a collector is broken")
        return iter(())


def test_a_render_fault_is_500_counted_and_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And the scrape after the fault has each series once, with the faults counted."""
    from telemetry.guard import guard

    monkeypatch.setattr(guard, "_last", {})
    with recording(strict=False) as recorded:
        exposition, broken = recorded.pipeline.exposition, Broken()
        assert exposition is not None
        record_some()
        exposition._registry.register(broken)
        answers = [ask(exposition) for _ in range(2)]
        assert [(status, body) for status, _, body in answers] == [(500, FAILED), (500, FAILED)]
        broken.broken = False
        assert repeated(recorded.text()) == []
        assert recorded.value("errors_total", error_type="render", component="telemetry") == 2
    assert len([record for record in caplog.records if record.levelno >= logging.ERROR]) == 1


def repeated(text: str) -> list[str]:
    """Lines that stand more than once, by what is before the value."""
    counted = Counter(line.rpartition(" ")[0] for line in text.splitlines())
    return [line for line, number in counted.items() if number > 1]


def test_a_flush_does_not_touch_the_next_scrape() -> None:
    """The provider's own force_flush would queue a copy of every series; ours leaves the scrape alone."""

    class Nowhere:
        _preferred_temporality: dict[type, Any] = {}  # noqa: RUF012 - the exporter's own attribute
        _preferred_aggregation: dict[type, Any] = {}  # noqa: RUF012

        def export(self, *_: Any, **__: Any) -> Any:
            from opentelemetry.sdk.metrics.export import MetricExportResult

            return MetricExportResult.SUCCESS

        force_flush = shutdown = export

    with recording({"OTEL_METRICS_EXPORTER": "prometheus,otlp"}, Nowhere) as recorded:
        record_some()
        before = recorded.text()
        for _ in range(3):
            recorded.pipeline.flush()
        after = recorded.text()
    assert after == before
    assert repeated(after) == []


def test_scrapes_at_the_same_time_are_each_complete(metrics: Recorded) -> None:
    """Eight threads, while counters rise: every answer parses, has every series once, and none goes back."""
    names = [f"c{number}" for number in range(50)]
    for name in names:
        dialogue_turns_total.labels(category=name).inc()
    stop = False

    def rise() -> None:
        while not stop:
            dialogue_turns_total.labels(category="c0").inc()

    def scrape(_: int) -> list[float]:
        seen = []
        for _ in range(10):
            status, _headers, body = ask(metrics.pipeline.exposition)
            assert status == 200
            assert repeated(body.decode()) == []
            (family,) = [f for f in parse_text(body.decode()) if f.name == "dialogue_turns"]
            values = {sample.labels["category"]: sample.value for sample in family.samples}
            assert sorted(values) == sorted(names)
            seen.append(values["c0"])
        return seen

    with ThreadPoolExecutor(9) as pool:
        rising = pool.submit(rise)
        try:
            answers = list(pool.map(scrape, range(8)))
        finally:
            stop = True
        rising.result()
    assert all(seen == sorted(seen) for seen in answers)


def test_scrapes_wait_for_each_other() -> None:
    """The exporter hands its snapshot over through a queue, which two readers would mix."""
    registry, inside, most = CollectorRegistry(), threading.Semaphore(1), []

    class Watched:
        def collect(self) -> Iterator[Any]:
            most.append(inside.acquire(blocking=False))
            time.sleep(0.01)
            inside.release()
            return iter(())

    exposition = Exposition(registry)
    registry.register(Watched())
    most.clear()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: exposition.render(), range(16)))
    assert most == [True] * 16


def test_an_empty_registry_is_an_empty_answer() -> None:
    """200 without a sample is what a scraper expects of a process that counted nothing."""
    assert ask(Exposition(CollectorRegistry()))[::2] == (200, b"")


@pytest.fixture
def server(metrics: Recorded) -> Iterator[str]:
    """/metrics of a process that is no web service."""
    serving = MetricsServer(metrics.pipeline.endpoint, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{serving.port}"
    serving.close()


@pytest.mark.server
def test_a_batch_process_serves_metrics(server: str, metrics: Recorded) -> None:
    """GET and HEAD, by negotiation; every other path and method is told so."""
    record_some()
    answered = httpx.get(server + "/metrics?name=x")
    assert (answered.status_code, answered.headers["content-type"]) == (200, TEXT)
    assert answered.text == metrics.text()
    wanted = {"Accept": "application/openmetrics-text"}
    assert httpx.get(server + "/metrics", headers=wanted).headers["content-type"] == OPENMETRICS
    head = httpx.head(server + "/metrics")
    assert (head.status_code, head.content, head.headers["content-length"]) == (
        200,
        b"",
        answered.headers["content-length"],
    )
    other = httpx.get(server + "/")
    assert (other.status_code, other.text) == (404, "expected /metrics\n")
    assert httpx.post(server + "/metrics").status_code == 501


@pytest.mark.server
def test_a_batch_process_that_exposes_nothing_says_so() -> None:
    """The same line as a web service's."""
    serving = MetricsServer(MetricsEndpoint(None), "127.0.0.1", 0)
    try:
        answered = httpx.get(f"http://127.0.0.1:{serving.port}/metrics")
    finally:
        serving.close()
    assert answered.status_code == 404
    assert answered.text.startswith("metrics are not exposed here: OTEL_METRICS_EXPORTER")


@pytest.mark.server
def test_a_batch_process_survives_a_render_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """500, counted, and the next scrape is whole."""
    from telemetry.guard import guard

    monkeypatch.setattr(guard, "_last", {})
    with recording(strict=False) as recorded:
        exposition, broken = recorded.pipeline.exposition, Broken()
        assert exposition is not None
        exposition._registry.register(broken)
        serving = MetricsServer(MetricsEndpoint(exposition), "127.0.0.1", 0)
        url = f"http://127.0.0.1:{serving.port}/metrics"
        try:
            failed = httpx.get(url)
            assert (failed.status_code, failed.content) == (500, FAILED)
            broken.broken = False
            assert httpx.get(url).status_code == 200
        finally:
            serving.close()
        assert recorded.value("errors_total", error_type="render", component="telemetry") == 1


@pytest.mark.server
def test_a_port_that_is_taken_is_an_oserror(metrics: Recorded) -> None:
    """And a closed server frees its port."""
    first = MetricsServer(metrics.pipeline.endpoint, "127.0.0.1", 0)
    with pytest.raises(OSError, match="Address already in use"):
        MetricsServer(metrics.pipeline.endpoint, "127.0.0.1", first.port)
    first.close()
    MetricsServer(metrics.pipeline.endpoint, "127.0.0.1", first.port).close()


@pytest.mark.server
def test_requests_are_not_metrics_of_a_batch_process(server: str, metrics: Recorded) -> None:
    """A scrape is not counted."""
    httpx.get(server + "/metrics")
    assert metrics.series("http_requests_total") == {}
    http_requests_total.labels(method="GET", endpoint="/a", status_code="200").inc()
    assert 'endpoint="/a"' in httpx.get(server + "/metrics").text
