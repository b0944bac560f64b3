"""The specification's metrics in prometheus_client, and the same events on them or on our handles.

    golden_app.py prometheus_client PORT EVENTS.json
    golden_app.py telemetry PORT EVENTS.json

Serves /metrics on the port once every event is recorded, until it is ended. The definitions are written
by hand from the specification, and never from our catalogue.
"""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

import telemetry
from telemetry.metrics import HANDLES

REGISTRY = CollectorRegistry()


def counter(name: str, *labels: str) -> Counter:
    return Counter(name, name, labels, registry=REGISTRY)


def gauge(name: str, *labels: str) -> Gauge:
    return Gauge(name, name, labels, registry=REGISTRY)


def histogram(name: str, label_names: tuple[str, ...], *buckets: float) -> Histogram:
    return Histogram(name, name, label_names, registry=REGISTRY, buckets=buckets)


METRICS: dict[str, Any] = {
    # HTTP
    "http_requests_total": counter("http_requests_total", "method", "endpoint", "status_code"),
    "http_request_duration_seconds": histogram(
        "http_request_duration_seconds", ("method", "endpoint"), 0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0
    ),
    # Dialogue
    "dialogue_sessions_total": counter("dialogue_sessions_total", "category"),
    "dialogue_turns_total": counter("dialogue_turns_total", "category"),
    "dialogue_completions_total": counter("dialogue_completions_total", "category"),
    # LLM
    "llm_calls_total": counter("llm_calls_total", "provider", "status"),
    "llm_duration_seconds": histogram(
        "llm_duration_seconds", ("provider",), 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0
    ),
    "llm_tokens_total": counter("llm_tokens_total", "provider", "type"),
    # Pipeline
    "retrieval_duration_seconds": histogram(
        "retrieval_duration_seconds", ("category",), 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0
    ),
    "scoring_duration_seconds": histogram(
        "scoring_duration_seconds", ("category",), 0.01, 0.05, 0.1, 0.25, 0.5, 1.0
    ),
    "evidence_count": histogram("evidence_count", ("category",), 0, 1, 2, 3, 5, 10, 20, 50),
    "active_evidence_gauge": gauge("active_evidence_gauge", "category", "session_id"),
    # Errors
    "errors_total": counter("errors_total", "error_type", "component"),
    # Business and journey
    "product_analysis_total": counter("product_analysis_total", "category"),
    "reviews_processed_total": counter("reviews_processed_total", "category"),
    "factors_matched_total": counter("factors_matched_total", "category"),
    "user_journey_stage_total": counter("user_journey_stage_total", "stage", "action", "category"),
    "session_abandoned_total": counter("session_abandoned_total", "stage", "reason"),
}


def record_golden(name: str, labels: dict[str, str], call: str, amount: float | None) -> None:
    """By position: a renamed label then shows in the series, not as an error here."""
    apply(METRICS[name].labels(*labels.values()), call, amount)


def record_ours(name: str, labels: dict[str, str], call: str, amount: float | None) -> None:
    apply(HANDLES[name].labels(**labels), call, amount)


def apply(child: Any, call: str, amount: float | None) -> None:
    getattr(child, call)(*(() if amount is None else (amount,)))


def main(side: str, port: str, events: str) -> None:
    ours = side == "telemetry"
    if ours:
        telemetry.start()
    for name, labels, call, amount in json.loads(Path(events).read_text(encoding="utf-8")):
        (record_ours if ours else record_golden)(name, labels, call, amount)
    if ours:
        telemetry.serve_metrics(int(port))
    else:
        start_http_server(int(port), "127.0.0.1", REGISTRY)
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
