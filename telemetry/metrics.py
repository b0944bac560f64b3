"""One recording handle per metric of the catalogue: `http_requests_total.labels(...).inc()`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from telemetry.catalog import BY_NAME
from telemetry.record.gauges import Gauge
from telemetry.record.handles import Counter, Handle, Histogram

http_requests_total = Counter(BY_NAME["http_requests_total"])
http_request_duration_seconds = Histogram(BY_NAME["http_request_duration_seconds"])
dialogue_sessions_total = Counter(BY_NAME["dialogue_sessions_total"])
dialogue_turns_total = Counter(BY_NAME["dialogue_turns_total"])
dialogue_completions_total = Counter(BY_NAME["dialogue_completions_total"])
llm_calls_total = Counter(BY_NAME["llm_calls_total"])
llm_duration_seconds = Histogram(BY_NAME["llm_duration_seconds"])
llm_tokens_total = Counter(BY_NAME["llm_tokens_total"])
retrieval_duration_seconds = Histogram(BY_NAME["retrieval_duration_seconds"])
scoring_duration_seconds = Histogram(BY_NAME["scoring_duration_seconds"])
evidence_count = Histogram(BY_NAME["evidence_count"])
active_evidence_gauge = Gauge(BY_NAME["active_evidence_gauge"])
errors_total = Counter(BY_NAME["errors_total"])
product_analysis_total = Counter(BY_NAME["product_analysis_total"])
reviews_processed_total = Counter(BY_NAME["reviews_processed_total"])
factors_matched_total = Counter(BY_NAME["factors_matched_total"])
user_journey_stage_total = Counter(BY_NAME["user_journey_stage_total"])
session_abandoned_total = Counter(BY_NAME["session_abandoned_total"])
ingest_rows_total = Counter(BY_NAME["ingest_rows_total"])
ingest_duration_seconds = Histogram(BY_NAME["ingest_duration_seconds"])
ingest_bytes_total = Counter(BY_NAME["ingest_bytes_total"])
http_first_byte_seconds = Histogram(BY_NAME["http_first_byte_seconds"])
http_streams_aborted_total = Counter(BY_NAME["http_streams_aborted_total"])
llm_first_byte_seconds = Histogram(BY_NAME["llm_first_byte_seconds"])
llm_streams_aborted_total = Counter(BY_NAME["llm_streams_aborted_total"])
llm_tokens_estimated_total = Counter(BY_NAME["llm_tokens_estimated_total"])
telemetry_overflow_total = Counter(BY_NAME["telemetry_overflow_total"])

HANDLES: Mapping[str, Handle[Any]] = {
    name: handle for name, handle in globals().items() if isinstance(handle, Handle)
}
for _name, _handle in HANDLES.items():
    if _handle.metric.name != _name:
        raise ImportError(f"telemetry.metrics.{_name} is wired to {_handle.metric.name}")
if missing := sorted(BY_NAME.keys() - HANDLES.keys()):
    raise ImportError(f"telemetry.metrics has no handle for {', '.join(missing)}")
for _handle in HANDLES.values():
    if _handle.metric.is_open:
        _handle.overflow = telemetry_overflow_total.labels(metric=_handle.metric.name).inc
