"""A collector that is away, hangs or refuses: requests go on, nothing piles up, totals follow."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry.trace import Link, StatusCode
from support.live import serving
from support.otlp_sink import SINKS, Sink
from support.servers import free_port, run_app, wait_for

import telemetry.words
from telemetry import instrument
from telemetry.guard import guard
from telemetry.metrics import dialogue_turns_total
from telemetry.testing import Recorded, recording

BOTH = pytest.mark.parametrize("protocol", SINKS)
CHAIR = frozenset({("category", "chair")})
EXPORT = {"error_type": "export", "component": "telemetry"}
# Longer than a shutdown may take, so that one that waits for the exporter is found out.
HANGING = {
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_METRIC_EXPORT_INTERVAL": "100",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "90",
}


@contextmanager
def pushing(environ: dict[str, str], interval: str = "3600000", timeout: str = "0.5") -> Iterator[Recorded]:
    """A pipeline as in production, scraped too. No retry fits into half a second."""
    own = {
        "OTEL_METRICS_EXPORTER": "prometheus,otlp",
        "OTEL_METRIC_EXPORT_INTERVAL": interval,
        "OTEL_EXPORTER_OTLP_TIMEOUT": timeout,
    }
    with recording({**own, **environ}, exporter=None, strict=False) as recorded:
        yield recorded


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says of pushes, ours or the SDK's, up to the reason."""
    names = ("telemetry", "opentelemetry")
    records = [record for record in caplog.records if record.name.startswith(names)]
    return [r.getMessage().partition(": ")[0] for r in records if r.levelno >= logging.WARNING]


def where(sink: Sink) -> str:
    return sink.url + ("" if sink.protocol == "grpc" else "/v1/metrics")


@BOTH
def test_requests_are_answered_while_a_push_hangs(protocol: str) -> None:
    """Twenty of them, during one push; when the collector answers again, the next push has all of them."""
    app = FastAPI()
    app.get("/item")(lambda: 1)
    with SINKS[protocol]() as sink, pushing(sink.environ, interval="100", timeout="90") as recorded:
        instrument(app, recorded.pipeline)
        sink.go.clear()
        with serving(app) as url:
            assert sink.entered.wait(20)
            assert [httpx.get(url + "/item").status_code for _ in range(20)] == [200] * 20
            assert sink.requests == []
            sink.go.set()
            counted = frozenset({("method", "GET"), ("endpoint", "/item"), ("status_code", "200")})
            wait_for(
                "all twenty",
                lambda: sink.requests and sink.series("http_requests_total").get(counted) == 20,
            )


@BOTH
def test_after_refusals_one_push_has_the_totals_and_no_other_waits(
    protocol: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Cumulative numbers: what was refused is not kept, and not missing. Counted each time, logged twice."""
    with SINKS[protocol]() as sink, pushing(sink.environ) as recorded:
        sink.status = 503
        for _ in range(3):
            dialogue_turns_total.labels(category="chair").inc()
            recorded.pipeline.flush()
        assert recorded.value("errors_total", **EXPORT) == 3
        sink.status = 200
        recorded.pipeline.flush()
        assert len(sink.requests) == 1
        assert sink.series("dialogue_turns_total")[CHAIR] == 3
        assert lines(caplog) == [
            f"pushing metrics to {where(sink)} fails",
            f"pushing metrics to {where(sink)} works again, after 3 that failed",
        ]


@BOTH
def test_a_collector_that_is_away_is_one_line_with_the_reason_and_no_credentials(
    protocol: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody listens at the address."""
    port = free_port()
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://shop:hunter2@127.0.0.1:{port}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_EXPORTER_OTLP_HEADERS": "x-key=hunter2",
    }
    with pushing(environ, timeout="1.5") as recorded:
        recorded.pipeline.flush()
        recorded.pipeline.flush()
        assert recorded.value("errors_total", **EXPORT) == 2
    (line,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert line.startswith(f"pushing metrics to http://127.0.0.1:{port}")
    assert "refused" in line
    assert "hunter2" not in caplog.text


def test_a_fault_that_could_not_be_counted_is_in_a_later_push() -> None:
    """Nothing else fails afterwards, and nobody scrapes: the pushes themselves see to it."""
    record = frozenset({("error_type", "record"), ("component", "telemetry")})
    with SINKS["http/protobuf"]() as sink, pushing(sink.environ) as recorded:
        try:
            raise ValueError("inside telemetry")
        except ValueError:
            guard.later("record")
        for _ in range(2):
            recorded.pipeline.flush()
        assert sink.series("errors_total")[record] == 1


@BOTH
def test_lost_spans_are_told_and_counted_too(protocol: str, caplog: pytest.LogCaptureFixture) -> None:
    """Spans are no totals: the line says that they are lost."""
    with SINKS[protocol]() as sink:
        environ = {**sink.environ, "OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_TIMEOUT": "0.5"}
        with recording(environ, strict=False) as recorded:
            assert recorded.pipeline.tracer_provider is not None
            for status in (503, 503, 200):
                sink.status = status
                recorded.pipeline.tracer_provider.get_tracer("test").start_span("one").end()
                recorded.pipeline.flush()
            assert len(sink.traces) == 1
            assert recorded.value("errors_total", **EXPORT) == 2
    assert [line.partition(" to ")[0] for line in lines(caplog)] == ["pushing spans"] * 2
    assert "these spans are lost" in caplog.text


@BOTH
def test_sigterm_ends_a_service_whose_collector_hangs(protocol: str) -> None:
    """5 s for the last push and no more: well before an orchestrator kills, ten seconds or more after."""
    with SINKS[protocol]() as sink:
        sink.go.clear()
        with run_app(env={**HANGING, **sink.environ}) as server:
            assert sink.entered.wait(20)
            server.process.terminate()
            server.process.wait(15)


@BOTH
def test_a_batch_process_ends_whose_collector_hangs(protocol: str) -> None:
    """One that starts the pipeline, and simply ends."""
    code = "import telemetry, time; telemetry.start(); time.sleep(0.5)"
    with SINKS[protocol]() as sink:
        sink.go.clear()
        environ = {**HANGING, **sink.environ}
        subprocess.run([sys.executable, "-c", code], env=environ, check=True, timeout=15)
        assert sink.entered.is_set()


@BOTH
def test_odd_texts_of_one_span_are_written_out(
    protocol: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever they stand, and the other spans of its batch arrive as they are."""
    monkeypatch.setattr(telemetry.words, "_said", set())
    odd, written = "a\udc80\0b", "a\\udc80\\x00b"
    with SINKS[protocol]() as sink:
        environ = {**sink.environ, "OTEL_TRACES_EXPORTER": "otlp"}
        with recording(environ) as recorded:
            assert recorded.pipeline.tracer_provider is not None
            tracer = recorded.pipeline.tracer_provider.get_tracer(odd, odd)
            other = recorded.pipeline.tracer_provider.get_tracer("test").start_span(
                "other", attributes={"k": ("v", "w")}
            )
            other.add_event("happened", {"k": "v"})
            links = [Link(other.get_span_context(), {odd: odd})]
            span = tracer.start_span(odd, links=links, attributes={odd: odd, "many": [odd, "b"]})
            span.add_event(odd, {odd: odd})
            span.set_status(StatusCode.ERROR, odd)
            span.end()
            other.end()
            recorded.pipeline.flush()
        (resource,) = sink.traces[0].resource_spans
    scopes = {scope.scope.name: scope for scope in resource.scope_spans}
    (taken,) = scopes[written].spans
    pairs = {pair.key: pair.value for pair in taken.attributes}
    assert (taken.name, scopes[written].scope.version, taken.status.message) == (written,) * 3
    assert pairs[written].string_value == written
    assert [value.string_value for value in pairs["many"].array_value.values] == [written, "b"]
    for told in (taken.events[0].attributes, taken.links[0].attributes):
        assert [(pair.key, pair.value.string_value) for pair in told] == [(written, written)]
    assert (taken.events[0].name, scopes["test"].spans[0].name) == (written, "other")
    assert taken.end_time_unix_nano > taken.start_time_unix_nano
    assert caplog.text.count("it is written out") == 1
