"""A recording handle for each metric of ReviewLens, the engine's too: `llm_calls_total.labels(...).inc()`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from telemetry.builtin import (
    errors_total,
    http_first_byte_seconds,
    http_request_duration_seconds,
    http_requests_total,
    http_streams_aborted_total,
    telemetry_overflow_total,
)
from telemetry.catalog import BY_NAME, EXTENSIONS
from telemetry.record.handles import Handle
from telemetry.record.registry import Registry
from telemetry.registries import DEFAULT

__all__ = [
    "HANDLES",
    "REVIEWLENS",
    "active_evidence_gauge",
    "dialogue_completions_total",
    "dialogue_sessions_total",
    "dialogue_turns_total",
    "errors_total",
    "evidence_count",
    "factors_matched_total",
    "http_first_byte_seconds",
    "http_request_duration_seconds",
    "http_requests_total",
    "http_streams_aborted_total",
    "ingest_bytes_total",
    "ingest_duration_seconds",
    "ingest_rows_total",
    "llm_calls_total",
    "llm_duration_seconds",
    "llm_first_byte_seconds",
    "llm_streams_aborted_total",
    "llm_tokens_estimated_total",
    "llm_tokens_total",
    "product_analysis_total",
    "retrieval_duration_seconds",
    "reviews_processed_total",
    "scoring_duration_seconds",
    "session_abandoned_total",
    "telemetry_overflow_total",
    "user_journey_stage_total",
]

REVIEWLENS = Registry(EXTENSIONS)

dialogue_sessions_total = REVIEWLENS.counter(BY_NAME["dialogue_sessions_total"])
dialogue_turns_total = REVIEWLENS.counter(BY_NAME["dialogue_turns_total"])
dialogue_completions_total = REVIEWLENS.counter(BY_NAME["dialogue_completions_total"])
llm_calls_total = REVIEWLENS.counter(BY_NAME["llm_calls_total"])
llm_duration_seconds = REVIEWLENS.histogram(BY_NAME["llm_duration_seconds"])
llm_tokens_total = REVIEWLENS.counter(BY_NAME["llm_tokens_total"])
retrieval_duration_seconds = REVIEWLENS.histogram(BY_NAME["retrieval_duration_seconds"])
scoring_duration_seconds = REVIEWLENS.histogram(BY_NAME["scoring_duration_seconds"])
evidence_count = REVIEWLENS.histogram(BY_NAME["evidence_count"])
active_evidence_gauge = REVIEWLENS.gauge(BY_NAME["active_evidence_gauge"])
product_analysis_total = REVIEWLENS.counter(BY_NAME["product_analysis_total"])
reviews_processed_total = REVIEWLENS.counter(BY_NAME["reviews_processed_total"])
factors_matched_total = REVIEWLENS.counter(BY_NAME["factors_matched_total"])
user_journey_stage_total = REVIEWLENS.counter(BY_NAME["user_journey_stage_total"])
session_abandoned_total = REVIEWLENS.counter(BY_NAME["session_abandoned_total"])
ingest_rows_total = REVIEWLENS.counter(BY_NAME["ingest_rows_total"])
ingest_duration_seconds = REVIEWLENS.histogram(BY_NAME["ingest_duration_seconds"])
ingest_bytes_total = REVIEWLENS.counter(BY_NAME["ingest_bytes_total"])
llm_first_byte_seconds = REVIEWLENS.histogram(BY_NAME["llm_first_byte_seconds"])
llm_streams_aborted_total = REVIEWLENS.counter(BY_NAME["llm_streams_aborted_total"])
llm_tokens_estimated_total = REVIEWLENS.counter(BY_NAME["llm_tokens_estimated_total"])

HANDLES: Mapping[str, Handle[Any]] = {
    name: handle for name, handle in globals().items() if isinstance(handle, Handle)
}
for _name, _handle in HANDLES.items():
    if _handle.metric.name != _name:
        raise ImportError(f"telemetry.metrics.{_name} is wired to {_handle.metric.name}")
if missing := sorted(BY_NAME.keys() - HANDLES.keys()):
    raise ImportError(f"telemetry.metrics has no handle for {', '.join(missing)}")

DEFAULT.append(REVIEWLENS)
