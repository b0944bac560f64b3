"""Spans beside the metrics: one per request, with the trace id in the access line."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from support.live import serving

from telemetry import instrument
from telemetry.guard import guard
from telemetry.testing import Recorded, recording

PARENT = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def traced() -> Iterator[Recorded]:
    """A pipeline that makes spans."""
    with recording({"OTEL_TRACES_EXPORTER": "console"}) as recorded:
        yield recorded


def build(traced: Recorded) -> tuple[FastAPI, InMemorySpanExporter]:
    """An application with a mounted one, both instrumented, and where their spans go."""
    app, sub = FastAPI(), FastAPI()

    def item(item_id: int) -> float:
        return 1 / item_id

    app.get("/items/{item_id}")(item)
    sub.get("/deep/{item_id}")(item)
    app.mount("/sub", sub)
    spans = InMemorySpanExporter()
    assert traced.pipeline.tracer_provider is not None
    traced.pipeline.tracer_provider.add_span_processor(SimpleSpanProcessor(spans))
    instrument(sub, traced.pipeline)
    instrument(app, traced.pipeline)
    return app, spans


def names(spans: InMemorySpanExporter) -> list[str]:
    return [span.name for span in spans.get_finished_spans()]


def test_what_the_console_cannot_print_stops_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Odd texts are written out, as on /metrics; bytes, which JSON has none of, cost their own span alone."""
    monkeypatch.setattr("telemetry.words._said", set())
    monkeypatch.setattr(guard, "_last", {})
    with recording({"OTEL_TRACES_EXPORTER": "console"}, strict=False) as recorded:
        assert recorded.pipeline.tracer_provider is not None
        tracer = recorded.pipeline.tracer_provider.get_tracer("test")
        tracer.start_span("first", attributes={"k": "a\udc80\0b"}).end()
        tracer.start_span("second", attributes={"k": b"\xff"}).end()
        tracer.start_span("third\udc80").end()
        # What capsys has put in place of the standard output is not what the exporter was made with.
        processor: Any = recorded.pipeline.tracer_provider._active_span_processor._span_processors[0]
        processor.span_exporter.out = sys.stdout
        recorded.pipeline.flush()
        assert recorded.value("errors_total", error_type="export", component="telemetry") == 1
    printed = capsys.readouterr().out
    spans = []
    while printed.strip():
        span, end = json.JSONDecoder().raw_decode(printed.lstrip())
        spans.append(span)
        printed = printed.lstrip()[end:]
    assert [span["name"] for span in spans] == ["first", "third\\udc80"]
    assert spans[0]["attributes"] == {"k": "a\\udc80\\x00b"}
    assert caplog.text.count("telemetry fault in export") == 1


def trace_id(span: ReadableSpan) -> str:
    assert span.context is not None
    return format(span.context.trace_id, "032x")


def test_a_request_is_one_span_with_its_trace_id_in_the_access_line(
    traced: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller's trace goes on; /metrics makes no span; http.server.* makes no series."""
    caplog.set_level(logging.INFO, "telemetry.access")
    app, spans = build(traced)
    with serving(app) as url:
        httpx.get(url + "/items/5", headers={"traceparent": f"00-{PARENT}-00f067aa0ba902b7-01"})
        httpx.get(url + "/metrics")
    assert names(spans) == ["GET /items/{item_id}"]
    assert trace_id(spans.get_finished_spans()[0]) == PARENT
    (line,) = [record.getMessage() for record in caplog.records if record.name == "telemetry.access"]
    assert line.startswith("GET /items/{item_id} - 200 - ")
    assert line.endswith(f"s trace_id={PARENT}")
    assert "http_server" not in traced.text()


def test_a_failed_request_has_its_trace_id_too(traced: Recorded, caplog: pytest.LogCaptureFixture) -> None:
    """That is when somebody looks for it."""
    caplog.set_level(logging.INFO, "telemetry.access")
    app, spans = build(traced)
    with serving(app) as url:
        assert httpx.get(url + "/items/0").status_code == 500
    (span,) = spans.get_finished_spans()
    (line,) = [record.getMessage() for record in caplog.records if record.name == "telemetry.access"]
    assert line.startswith("GET /items/{item_id} - 500 - ")
    assert line.endswith(f"s trace_id={trace_id(span)}")


def test_a_request_into_a_mounted_application_is_one_server_span(traced: Recorded) -> None:
    """Though both are instrumented: the inner one is its child, in one trace; it is counted once as well."""
    app, spans = build(traced)
    with serving(app) as url:
        assert httpx.get(url + "/sub/deep/5").status_code == 200
    finished = spans.get_finished_spans()
    assert {span.kind for span in finished} == {SpanKind.INTERNAL, SpanKind.SERVER}
    assert len(finished) == 2
    assert len({trace_id(span) for span in finished}) == 1
    assert (
        traced.value("http_requests_total", method="GET", endpoint="/sub/deep/{item_id}", status_code=200)
        == 1
    )


def test_without_traces_there_is_no_trace_id(metrics: Recorded, caplog: pytest.LogCaptureFixture) -> None:
    """The line is the specification's, to the letter."""
    caplog.set_level(logging.INFO, "telemetry.access")
    app = FastAPI()
    instrument(app, metrics.pipeline)
    with serving(app) as url:
        httpx.get(url + "/docs", headers={"traceparent": f"00-{PARENT}-00f067aa0ba902b7-01"})
    (line,) = [record.getMessage() for record in caplog.records if record.name == "telemetry.access"]
    assert "trace" not in line
