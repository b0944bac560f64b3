"""ReviewLens's own metrics, each as one frozen entry, and what it adds to the engine's."""

from __future__ import annotations

from collections.abc import Mapping

from telemetry.builtin import FIRST_BYTE, METHODS, UNMATCHED
from telemetry.record.registry import Extension
from telemetry.record.schema import OTHER, CatalogError, Label, Metric
from telemetry.registries import catalogue

__all__ = [
    "BY_NAME",
    "CATALOG",
    "ERRORS",
    "EXTENSIONS",
    "METHODS",
    "METRICS",
    "OTHER",
    "PROVIDERS",
    "STAGES",
    "UNMATCHED",
    "CatalogError",
    "Label",
    "Metric",
]

PROVIDERS = ("gemini", "openai", "claude", "template")
STAGES = (
    "product_selection",
    "review_collection",
    "dialogue_start",
    "dialogue_active",
    "dialogue_complete",
)
_ERRORS = tuple(
    (error_type, component)
    for component, error_types in {
        "api": ("unhandled", "validation", "not_found", "conflict", "unavailable", "rate_limit"),
        "dialogue": ("dialogue_error",),
        "retrieval": ("retrieval_error",),
        "scoring": ("scoring_error",),
        "llm": ("timeout", "rate_limit", "auth", "server", "invalid_response", "connection"),
        "ingest": ("bad_file", "bad_row"),
    }.items()
    for error_type in error_types
)

CATEGORY = Label("category")
PROVIDER = Label("provider", PROVIDERS, runtime=True)
ASKED_PROVIDER = Label("provider", PROVIDERS[:-1], runtime=True)  # the template answers in no time
STAGE = Label("stage", STAGES)

METRICS: tuple[Metric, ...] = (
    Metric(
        "dialogue_sessions_total",
        "counter",
        "{session}",
        "Dialogue sessions created",
        (CATEGORY,),
        read_by=("ErrorBudgetBurn", "NoCompletions", "reviewlens-demo-kr", "reviewlens-production-kr-v2"),
    ),
    Metric(
        "dialogue_turns_total",
        "counter",
        "{turn}",
        "Answers given in dialogues",
        (CATEGORY,),
        read_by=("reviewlens-demo-kr", "reviewlens-production-kr-v2"),
    ),
    Metric(
        "dialogue_completions_total",
        "counter",
        "{completion}",
        "Dialogues that ended with a verdict delivered",
        (CATEGORY,),
        read_by=("ErrorBudgetBurn", "NoCompletions", "reviewlens-demo-kr", "reviewlens-production-kr-v2"),
    ),
    Metric(
        "llm_calls_total",
        "counter",
        "{call}",
        "LLM attempts by outcome: success (first in the order), fallback (a later one), error",
        (PROVIDER, Label("status", ("success", "error", "fallback"))),
        read_by=(
            "AllLLMProvidersFailing",
            "HighLLMErrorRate",
            "reviewlens-demo-kr",
            "reviewlens-production-kr-v2",
        ),
    ),
    Metric(
        "llm_duration_seconds",
        "histogram",
        "s",
        "Time of one LLM attempt, failed ones too",
        (ASKED_PROVIDER,),
        (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0),
        read_by=("reviewlens-demo-kr", "reviewlens-production-kr-v2"),
    ),
    Metric(
        "llm_tokens_total",
        "counter",
        "{token}",
        "Tokens used, by the provider's own account; where it told none, estimated",
        (PROVIDER, Label("type", ("prompt", "completion"))),
        read_by=("reviewlens-demo-kr", "reviewlens-production-kr-v2"),
    ),
    Metric(
        "retrieval_duration_seconds",
        "histogram",
        "s",
        "Time to retrieve review evidence",
        (CATEGORY,),
        (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0),
        read_by=("SlowRetrieval", "reviewlens-production-kr-v2"),
    ),
    Metric(
        "scoring_duration_seconds",
        "histogram",
        "s",
        "Time to score regret factors",
        (CATEGORY,),
        (0.01, 0.05, 0.1, 0.25, 0.5, 1.0),
        read_by=("reviewlens-production-kr-v2",),
    ),
    Metric(
        "evidence_count",
        "histogram",
        "{evidence}",
        "Pieces of evidence that one retrieval found",
        (CATEGORY,),
        (0.0, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0),
        read_by=("reviewlens-demo-kr",),
    ),
    Metric(
        "active_evidence_gauge",
        "gauge",
        "{evidence}",
        "Pieces of evidence held by a live session",
        (CATEGORY, Label("session_id")),
        at_most=5_000,
        read_by=("reviewlens-demo-kr",),
    ),
    Metric(
        "product_analysis_total",
        "counter",
        "{analysis}",
        "Product analyses made",
        (CATEGORY,),
        read_by=("reviewlens-demo-kr", "reviewlens-production-kr-v2"),
    ),
    Metric(
        "reviews_processed_total",
        "counter",
        "{review}",
        "Reviews read and scored",
        (CATEGORY,),
        read_by=("reviewlens-demo-kr", "reviewlens-production-kr-v2"),
    ),
    Metric(
        "factors_matched_total",
        "counter",
        "{match}",
        "Regret factors that a product's reviews matched",
        (CATEGORY,),
        read_by=("reviewlens-demo-kr", "reviewlens-production-kr-v2"),
    ),
    Metric(
        "user_journey_stage_total",
        "counter",
        "{step}",
        "Shoppers who entered or completed a stage of the journey",
        (STAGE, Label("action", ("enter", "complete")), CATEGORY),
        read_by=("reviewlens-demo-kr",),
    ),
    Metric(
        "session_abandoned_total",
        "counter",
        "{session}",
        "Sessions left before their end, by the stage they were in",
        (STAGE, Label("reason", ("timeout", "browser_close"))),
        read_by=("reviewlens-demo-kr",),
    ),
    Metric(
        "ingest_rows_total",
        "counter",
        "{row}",
        "Rows read by an import, by what became of them",
        (
            Label("kind", ("factors", "questions", "reviews")),
            Label("result", ("taken", "skipped", "duplicate")),
        ),
        read_by=("reviewlens-production-kr-v2",),
    ),
    Metric(
        "ingest_duration_seconds",
        "histogram",
        "s",
        "Time of one import, from reading to commit",
        (),
        (0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0),
        read_by=("reviewlens-production-kr-v2",),
    ),
    Metric(
        "ingest_bytes_total",
        "counter",
        "By",
        "Bytes read by imports",
        (),
        read_by=("reviewlens-production-kr-v2",),
    ),
    Metric(
        "llm_first_byte_seconds",
        "histogram",
        "s",
        "Time from the start of a streamed LLM attempt to its first event",
        (ASKED_PROVIDER,),
        FIRST_BYTE,
        read_by=("reviewlens-production-kr-v2",),
    ),
    Metric(
        "llm_streams_aborted_total",
        "counter",
        "{stream}",
        "Streamed LLM attempts stopped because the shopper left; no error in llm_calls_total",
        (ASKED_PROVIDER,),
        read_by=("reviewlens-production-kr-v2",),
    ),
    Metric(
        "llm_tokens_estimated_total",
        "counter",
        "{token}",
        "The part of llm_tokens_total that was estimated, because its provider did not tell it",
        (ASKED_PROVIDER, Label("type", ("prompt", "completion"))),
        read_by=("reviewlens-production-kr-v2",),
    ),
)

EXTENSIONS: Mapping[str, Extension] = {
    "http_requests_total": Extension(
        read_by=(
            "HighErrorRate",
            "NoTelemetry",
            "reviewlens-demo-kr",
            "reviewlens-production-kr-v2",
            "reviewlens_dashboard",
        )
    ),
    "http_request_duration_seconds": Extension(
        read_by=("HighLatency", "reviewlens-production-kr-v2", "reviewlens_dashboard")
    ),
    "http_first_byte_seconds": Extension(read_by=("reviewlens-production-kr-v2",)),
    "http_streams_aborted_total": Extension(read_by=("reviewlens-production-kr-v2",)),
    "errors_total": Extension(
        _ERRORS, read_by=("TelemetryFaults", "reviewlens-production-kr-v2", "reviewlens_dashboard")
    ),
    "telemetry_overflow_total": Extension(read_by=("TooManySeries",)),
}

CATALOG = catalogue(METRICS, EXTENSIONS.items())
"""Every metric of the service: the engine's and its own."""

BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in CATALOG}
ERRORS = BY_NAME["errors_total"].preinitialised
