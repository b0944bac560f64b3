"""The engine's own metrics, each with its handle: requests, errors, and its own overflow."""

from __future__ import annotations

from typing import get_args

from telemetry.guard import Step
from telemetry.record.registry import Registry
from telemetry.record.schema import OTHER, Label, Metric

UNMATCHED = "(unmatched)"
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY")
FIRST_BYTE = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)

ENDPOINT = Label("endpoint")
METHOD = Label("method", (*METHODS, OTHER), runtime=True)

BUILTIN = Registry()

http_requests_total = BUILTIN.counter(
    Metric(
        "http_requests_total",
        "counter",
        "{request}",
        "HTTP requests answered",
        (METHOD, ENDPOINT, Label("status_code")),
        at_most=4_000,
    )
)
http_request_duration_seconds = BUILTIN.histogram(
    Metric(
        "http_request_duration_seconds",
        "histogram",
        "s",
        "Time from the request's arrival to the end of its response",
        (METHOD, ENDPOINT),
        (0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0),
        at_most=1_000,
    )
)
http_first_byte_seconds = BUILTIN.histogram(
    Metric(
        "http_first_byte_seconds",
        "histogram",
        "s",
        "Time from the request's arrival to the first byte of a streamed body",
        (METHOD, ENDPOINT),
        FIRST_BYTE,
        at_most=1_000,
    )
)
http_streams_aborted_total = BUILTIN.counter(
    Metric(
        "http_streams_aborted_total",
        "counter",
        "{stream}",
        "Streamed responses whose client left before their end",
        (METHOD, ENDPOINT),
        at_most=1_000,
    )
)
errors_total = BUILTIN.counter(
    Metric(
        "errors_total",
        "counter",
        "{error}",
        "Errors by type and by the component in which they arose",
        (Label("error_type"), Label("component")),
        preinitialised=(("unhandled", "api"), *((step, "telemetry") for step in get_args(Step))),
    )
)
telemetry_overflow_total = BUILTIN.counter(
    Metric(
        "telemetry_overflow_total",
        "counter",
        "{recording}",
        "Recordings counted under (other) because their metric has as many label sets as it may",
        # The names that other registries bring are added where they meet: telemetry/registries.py.
        (Label("metric", tuple(metric.name for metric in BUILTIN.metrics.values() if metric.is_open)),),
    )
)
