"""What a second reader costs: /metrics and OTLP, in place of /metrics alone."""

from __future__ import annotations

from functools import partial

import telemetry
from benchmarks.contenders import BARE
from benchmarks.nowhere import MetricsNowhere
from benchmarks.part import Part, Turn
from benchmarks.recording import handles, timed
from benchmarks.requests import TRIES
from benchmarks.requests import timed as timed_requests
from benchmarks.service import service
from benchmarks.standing import standing
from telemetry.settings import load

READERS = {"one reader": "prometheus", "two readers": "prometheus,otlp"}
PAIR = "counter and histogram"
REQUEST = "request"


def _pipeline(exporters: str) -> telemetry.Pipeline:
    environ = {"OTEL_METRICS_EXPORTER": exporters}
    pipeline = telemetry.Pipeline(load(environ), environ, MetricsNowhere)
    pipeline.publish()
    return pipeline


def pair(exporters: str) -> Turn:
    """Microseconds for a counter and a histogram, labels given each time."""
    _pipeline(exporters)
    return timed(handles())


def request(exporters: str) -> Turn:
    """Microseconds a request."""
    app = service()
    telemetry.instrument(app, _pipeline(exporters))
    return timed_requests(lambda: app)


FACTORIES = {
    **{f"{PAIR}, {name}": partial(pair, exporters) for name, exporters in READERS.items()},
    f"{REQUEST}, {BARE}": partial(timed_requests, service),
    **{f"{REQUEST}, {name}": partial(request, exporters) for name, exporters in READERS.items()},
}
PART = Part(
    "readers",
    "Two readers, Prometheus and OTLP, in place of one",
    "µs",
    "The pair and the request of the tables above; what is pushed goes to nowhere.",
    standing(__name__, FACTORIES),
    tries=TRIES,
)
