"""Answers that are no receipt: each is a fault, said once, and none is read without end."""

from __future__ import annotations

import gzip
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import (
    MetricsServiceServicer,
    add_MetricsServiceServicer_to_server,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from support.http_server import QuietHandler, QuietServer

from telemetry.doctor.push import push_nothing
from telemetry.push.target import target
from telemetry.testing import Recorded, recording

WORDS = "too \x1b[31mmany\n2026 ERROR made up"
MEGABYTE = b"x" * 1_048_576
PROTOBUF = {"Content-Type": "application/x-protobuf"}


def partly(signal: str, words: str = WORDS) -> Any:
    """The answer of a receiver that has rejected seven."""
    answer: Any = ExportMetricsServiceResponse() if signal == "metrics" else ExportTraceServiceResponse()
    setattr(answer.partial_success, "rejected_data_points" if signal == "metrics" else "rejected_spans", 7)
    answer.partial_success.error_message = words
    return answer


def whole(handler: QuietHandler, body: bytes, status: int = 200, **headers: str) -> None:
    handler.answer(status, body, **headers)


def endless(handler: Any, status: int = 200, piece: bytes = MEGABYTE, pause: float = 0.0) -> None:
    """Until the client closes the connection, or for 200 pieces."""
    handler.send_response(status)
    if status == 307:
        handler.send_header("Location", "http://127.0.0.1:1/")
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(piece)
        handler.server.written += len(piece)
        handler.server.over.wait(pause)


def dripping(handler: Any) -> None:
    """A head that never ends, a byte at a time, until the client closes the connection."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    for _ in range(200):
        handler.wfile.write(b"x")
        handler.server.written += 1
        handler.server.over.wait(0.05)


HTTP: dict[str, tuple[Callable[[Any], None], str]] = {
    "partial": (lambda h: whole(h, partly("metrics").SerializeToString()), "7 data points were rejected"),
    "packed": (
        lambda h: whole(h, gzip.compress(partly("metrics").SerializeToString()), Content_Encoding="gzip"),
        "7 data points were rejected",
    ),
    "garbage": (lambda h: whole(h, b"<html>hello</html>", Content_Type="text/html"), "(text/html) is none"),
    "redirect": (lambda h: whole(h, b"", 307, Location="http://127.0.0.1:1/"), "307, and a redirect"),
    "not modified": (lambda h: whole(h, b"", 304), "304"),
    "endless": (endless, "more than 65536 bytes"),
    "endless redirect": (lambda h: endless(h, 307), "307, and a redirect"),
    "endless refusal": (lambda h: endless(h, 400), "400"),
    "bomb": (
        lambda h: whole(h, gzip.compress(MEGABYTE), Content_Encoding="gzip"),
        "more than 65536 bytes",
    ),
    "no gzip": (lambda h: whole(h, b"hello", Content_Encoding="gzip"), "cannot be unpacked"),
    "slow": (lambda h: endless(h, piece=b"x", pause=0.05), "does not end in time"),
    "slow head": (dripping, "no answer in time"),
}


@contextmanager
def http_receiver(answer: Callable[[Any], None]) -> Iterator[tuple[str, Any]]:
    """Its address, and the server, which knows how much of its answers was written."""

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            self.body()
            answer(self)

    class CountingServer(QuietServer):
        written = 0
        over = threading.Event()

    with CountingServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", server
        server.shutdown()


@contextmanager
def grpc_receiver(metrics: Any, traces: Any) -> Iterator[str]:
    """A receiver with one answer for each signal."""

    class Metrics(MetricsServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - grpc's
            return metrics

    class Traces(TraceServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - grpc's
            return traces

    server = grpc.server(ThreadPoolExecutor(2))
    add_MetricsServiceServicer_to_server(Metrics(), server)
    add_TraceServiceServicer_to_server(Traces(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop(None).wait()


def pushing(url: str, protocol: str, **environ: str) -> AbstractContextManager[Recorded]:
    own = {
        "OTEL_METRICS_EXPORTER": "prometheus,otlp",
        "OTEL_METRIC_EXPORT_INTERVAL": "3600000",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
    }
    return recording({**own, **environ}, exporter=None, strict=False)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR and r.name == "telemetry"]


def expect_fault(recorded: Recorded, caplog: pytest.LogCaptureFixture, signal: str, reason: str) -> None:
    """One fault a push, one line, which a receiver's words cannot break."""
    assert recorded.value("errors_total", error_type="export", component="telemetry") == 2
    (line,) = said(caplog)
    assert line.startswith(f"pushing {signal} to ")
    assert reason in line
    assert line.isprintable()


@pytest.mark.parametrize("kind", HTTP)
def test_what_is_no_receipt_is_a_fault_over_http(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """Of an answer no more is read than a receipt may have."""
    answer, reason = HTTP[kind]
    with http_receiver(answer) as (url, server), pushing(url, "http/protobuf") as recorded:
        recorded.pipeline.flush()
        recorded.pipeline.flush()
        expect_fault(recorded, caplog, "metrics", reason)
        assert server.written < 50 * len(MEGABYTE)


@pytest.mark.parametrize(
    ("words", "reason"),
    [(WORDS, "7 data points were rejected"), ("x" * 1_000_000, "larger than max")],
    ids=["partial", "endless"],
)
def test_what_is_no_receipt_is_a_fault_over_grpc(
    words: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Here the channel bounds what is read."""
    with (
        grpc_receiver(partly("metrics", words), ExportTraceServiceResponse()) as url,
        pushing(url, "grpc") as recorded,
    ):
        recorded.pipeline.flush()
        recorded.pipeline.flush()
        expect_fault(recorded, caplog, "metrics", reason)


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_spans_that_are_rejected_are_a_fault(protocol: str, caplog: pytest.LogCaptureFixture) -> None:
    """As points are."""

    def answer(handler: Any) -> None:
        whole(handler, partly("traces").SerializeToString() if "traces" in handler.path else b"")

    with (
        http_receiver(answer) as (over_http, _),
        grpc_receiver(ExportMetricsServiceResponse(), partly("traces")) as over_grpc,
        pushing(
            over_grpc if protocol == "grpc" else over_http, protocol, OTEL_TRACES_EXPORTER="otlp"
        ) as recorded,
    ):
        assert recorded.pipeline.tracer_provider
        for _ in range(2):
            recorded.pipeline.tracer_provider.get_tracer("test").start_span("one").end()
            recorded.pipeline.flush()
        expect_fault(recorded, caplog, "spans", "7 spans were rejected")


@pytest.mark.parametrize("kind", ["endless", "endless refusal", "slow", "slow head"])
def test_the_doctor_reads_no_more_than_a_push(kind: str) -> None:
    """Its empty push has the same bounds of size and time; what goes beyond is no receipt."""
    with http_receiver(HTTP[kind][0]) as (url, server):
        to = target("metrics", {"OTEL_EXPORTER_OTLP_ENDPOINT": url})
        assert not push_nothing(to, "metrics", 0.5).accepted
        assert server.written < (200 if kind.startswith("slow") else 50 * len(MEGABYTE))


def test_the_doctor_does_not_repeat_what_is_secret() -> None:
    """A gateway that says which token it refuses, and in which address."""

    def answer(handler: Any) -> None:
        whole(handler, f"{handler.path}: {handler.headers['Authorization']} is wrong".encode(), 401)

    with http_receiver(answer) as (url, _):
        environ = {
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{url}/hooks/S0S1S2S3S4S5?key=SSSSSS",
            "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer SSSSSSSS",
        }
        words = push_nothing(target("metrics", environ), "metrics", 5).words
    assert words.startswith("401 ")
    assert words.endswith(" is wrong")
    assert "S0" not in words
    assert "SSS" not in words
