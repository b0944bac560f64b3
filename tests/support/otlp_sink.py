"""An OTLP/HTTP receiver that decodes what it gets.

with otlp_sink() as sink:
    ...  # OTEL_EXPORTER_OTLP_ENDPOINT=sink.url
    sink.series("http_requests_total")
"""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

Labels = frozenset[tuple[str, str]]


class Sink:
    """What arrived at /v1/metrics; `status` is what it answers."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 200
        self.requests: list[ExportMetricsServiceRequest] = []

    def metrics(self, number: int = -1) -> dict[str, Metric]:
        """The metrics of one request, by name."""
        resources = self.requests[number].resource_metrics
        return {
            m.name: m for resource in resources for scope in resource.scope_metrics for m in scope.metrics
        }

    def series(self, name: str, number: int = -1) -> dict[Labels, float]:
        """Label sets and values of a sum or gauge in one request; of a histogram the counts."""
        metric = self.metrics(number).get(name)
        points: Any = getattr(metric, metric.WhichOneof("data")).data_points if metric else ()
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
def otlp_sink() -> Iterator[Sink]:
    """A receiver on a free loopback port until the block ends."""
    sink = Sink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if self.path == "/v1/metrics" and sink.status == 200:
                sink.requests.append(ExportMetricsServiceRequest.FromString(body))
            self.send_response(sink.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Requests are kept, not logged."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        sink.url = f"http://127.0.0.1:{http.server_address[1]}"
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        try:
            yield sink
        finally:
            http.shutdown()
            thread.join()
