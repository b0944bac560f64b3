"""OTLP receivers, over http and over grpc, that decode what they get.

with otlp_sink() as sink:
    ...  # OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, or **sink.environ
    sink.series("http_requests_total")
"""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import grpc
import trustme
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import (
    MetricsServiceServicer,
    add_MetricsServiceServicer_to_server,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from support.http_server import QuietHandler, http_server

Labels = frozenset[tuple[str, str]]


class Sink:
    """What arrived. `status` is what it answers, as of HTTP; while `go` is not set, it answers nothing."""

    def __init__(self, protocol: str) -> None:
        self.protocol = protocol
        self.url = ""
        self.status = 200
        self.go = threading.Event()
        self.go.set()
        self.entered = threading.Event()
        self.requests: list[ExportMetricsServiceRequest] = []
        self.traces: list[ExportTraceServiceRequest] = []
        self.headers: dict[str, str] = {}

    @property
    def environ(self) -> dict[str, str]:
        """What a sender's environment needs."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url, "OTEL_EXPORTER_OTLP_PROTOCOL": self.protocol}

    def answer(self, kept: list[Any], request: Any, headers: dict[str, str]) -> int:
        """Take a request in; the status to answer."""
        self.entered.set()
        self.go.wait(60)
        self.headers = headers
        if self.status == 200:
            kept.append(request)
        return self.status

    def metrics(self, number: int = -1) -> dict[str, Metric]:
        """The metrics of one request, by name."""
        resources = self.requests[number].resource_metrics
        return {
            m.name: m for resource in resources for scope in resource.scope_metrics for m in scope.metrics
        }

    def series(self, name: str, number: int = -1) -> dict[Labels, float]:
        """Label sets and values of a sum or gauge in one request; of a histogram the counts."""
        metric = self.metrics(number).get(name)
        data = metric.WhichOneof("data") if metric else None
        points: Any = getattr(metric, data).data_points if data else ()
        return {
            frozenset((pair.key, pair.value.string_value) for pair in point.attributes): (
                point.count if hasattr(point, "count") else point.as_double or point.as_int
            )
            for point in points
        }

    def resource(self, number: int = -1) -> dict[str, str]:
        """The attributes of the sender."""
        (resource,) = self.requests[number].resource_metrics
        return {pair.key: pair.value.string_value for pair in resource.resource.attributes}


@contextmanager
def otlp_sink(certificate: trustme.LeafCert | None = None) -> Iterator[Sink]:
    """A receiver over http on a free loopback port until the block ends; with a certificate, over TLS."""
    sink = Sink("http/protobuf")
    kinds: dict[str, tuple[list[Any], Any]] = {
        "/v1/metrics": (sink.requests, ExportMetricsServiceRequest),
        "/v1/traces": (sink.traces, ExportTraceServiceRequest),
    }

    class SinkHandler(QuietHandler):
        def do_POST(self) -> None:
            body = self.body()
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            kept, kind = kinds[self.path]
            headers = {key.lower(): value for key, value in self.headers.items()}
            self.answer(sink.answer(kept, kind.FromString(body), headers))

    with http_server(SinkHandler, certificate, "localhost") as url:
        sink.url = url
        try:
            yield sink
        finally:
            sink.go.set()


@contextmanager
def grpc_sink(certificate: trustme.LeafCert | None = None) -> Iterator[Sink]:
    """The same over grpc."""
    sink = Sink("grpc")

    def taken(kept: list[Any], request: Any, context: Any) -> None:
        metadata = context.invocation_metadata()
        if sink.answer(kept, request, {pair.key: pair.value for pair in metadata}) != 200:
            context.abort(grpc.StatusCode.UNAVAILABLE, "not now")

    class Metrics(MetricsServiceServicer):
        def Export(self, request: Any, context: Any) -> ExportMetricsServiceResponse:  # noqa: N802
            taken(sink.requests, request, context)
            return ExportMetricsServiceResponse()

    class Traces(TraceServiceServicer):
        def Export(self, request: Any, context: Any) -> ExportTraceServiceResponse:  # noqa: N802
            taken(sink.traces, request, context)
            return ExportTraceServiceResponse()

    server = grpc.server(ThreadPoolExecutor(4))
    add_MetricsServiceServicer_to_server(Metrics(), server)
    add_TraceServiceServicer_to_server(Traces(), server)
    if certificate is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
        credentials = grpc.ssl_server_credentials([(certificate.private_key_pem.bytes(), chain)])
        port = server.add_secure_port("127.0.0.1:0", credentials)
    sink.url = f"{'https' if certificate else 'http'}://localhost:{port}"
    server.start()
    try:
        yield sink
    finally:
        sink.go.set()
        server.stop(None).wait()


SINKS: dict[str, Callable[..., AbstractContextManager[Sink]]] = {
    "http/protobuf": otlp_sink,
    "grpc": grpc_sink,
}
