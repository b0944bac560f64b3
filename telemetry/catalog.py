"""The metric catalogue: every metric as one frozen entry. Everything else is derived from it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Literal, get_args

Kind = Literal["counter", "histogram", "gauge"]

OTHER = "(other)"
UNMATCHED = "(unmatched)"

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY")
PROVIDERS = ("gemini", "openai", "claude", "template")
STAGES = (
    "product_selection",
    "review_collection",
    "dialogue_start",
    "dialogue_active",
    "dialogue_complete",
)
ERRORS = tuple(
    (error_type, component)
    for component, error_types in {
        "api": ("unhandled", "validation", "not_found", "conflict", "unavailable", "rate_limit"),
        "dialogue": ("dialogue_error",),
        "retrieval": ("retrieval_error",),
        "scoring": ("scoring_error",),
        "llm": ("timeout", "rate_limit", "auth", "server", "invalid_response", "connection"),
        "ingest": ("bad_file", "bad_row"),
        "telemetry": ("record", "export", "render"),
    }.items()
    for error_type in error_types
)

# How many values an open label may have, where an entry does not say how many label sets there may be.
OPEN_VALUES = 500

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED = {"le", "quantile", "job", "instance"}


class CatalogError(ValueError):
    """A catalogue entry that no backend could serve as it is written."""


@dataclass(frozen=True)
class Label:
    """One label. `values` are the only values it takes; empty: any. `runtime`: which of them occur is known
    at run time only."""

    name: str
    values: tuple[str, ...] = ()
    runtime: bool = False

    @property
    def known(self) -> tuple[str, ...]:
        """The values that exist from the start."""
        return () if self.runtime else self.values

    def among(self, values: tuple[str, ...]) -> tuple[str, ...]:
        """Those of `values` that the label takes."""
        return tuple(value for value in values if not self.values or value in self.values)


@dataclass(frozen=True)
class Metric:
    """One metric: its full Prometheus name, kind, UCUM unit or annotation, labels and bucket bounds.

    `known` lists whole label sets that exist from the start, where that is not every combination.
    `at_most` is the bound on its label sets, where the default would be too many or too few.
    `read_by` names the dashboards and alerts that would break without it.
    """

    name: str
    kind: Kind
    unit: str
    description: str
    labels: tuple[Label, ...]
    buckets: tuple[float, ...] = ()
    known: tuple[tuple[str, ...], ...] = ()
    at_most: int = 0
    read_by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for problem in _problems(self):
            raise CatalogError(f"metric {self.name!r}: {problem}")

    @property
    def label_names(self) -> tuple[str, ...]:
        """The label names, in the order in which handles keep their values."""
        return tuple(label.name for label in self.labels)

    @property
    def is_open(self) -> bool:
        """Whether a label takes any value, so that strangers can make ever more series."""
        return not all(label.values for label in self.labels)

    @property
    def closed_sets(self) -> int:
        """The label sets that its closed labels make, "(other)" too: what is left with all else folded."""
        return prod(len({*label.values, OTHER}) for label in self.labels if label.values)

    @property
    def bound(self) -> int:
        """The most label sets that it ever has (see record/cardinality.py)."""
        if not self.is_open:
            return self.closed_sets
        return self.at_most or OPEN_VALUES * prod(len(label.values) for label in self.labels if label.values)

    @property
    def room(self) -> int:
        """How many of these are for label sets that nobody announced; no gauge's are announced."""
        return self.bound if self.kind == "gauge" else self.bound // 2

    @property
    def series_per_label_set(self) -> int:
        """A histogram has a series for each bucket, for +Inf, for the sum and for the count."""
        return len(self.buckets) + 3 if self.buckets else 1

    def known_label_sets(self, values: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
        """Every label set that can be told beforehand, given run-time `values` by label name."""
        if self.known:
            return iter(self.known)
        return product(*(label.among(values.get(label.name, label.known)) for label in self.labels))


def _problems(metric: Metric) -> Iterator[str]:
    names = metric.label_names
    if not _NAME.fullmatch(metric.name):
        yield "expected a name of lower-case letters, digits and underscores"
    if metric.kind not in get_args(Kind):
        yield f"kind {metric.kind!r}: expected one of {', '.join(get_args(Kind))}"
    if (metric.kind == "counter") != metric.name.endswith("_total"):
        yield f"a name ends in _total if and only if it is a counter; the kind is {metric.kind}"
    if metric.unit not in {"s", "By"} and not re.fullmatch(r"\{[a-z]+\}", metric.unit):
        yield f"unit {metric.unit!r}: expected 's', 'By' or an annotation such as '{{request}}'"
    if (metric.unit == "s") != ("_seconds" in metric.name):
        yield "unit 's' goes with a name that says _seconds, and only with such a name"
    if not metric.description.strip():
        yield "expected a description"
    if len(set(names)) != len(names):
        yield f"labels {names}: each may stand once"
    for name in names:
        if not _NAME.fullmatch(name) or "__" in name or name in _RESERVED:
            yield f"label {name!r}: expected snake_case, and none of {sorted(_RESERVED)}"
    if any(len(known) != len(names) for known in metric.known):
        yield f"known label sets must have {len(names)} values each"
    yield from _bucket_problems(metric)
    yield from _bound_problems(metric)


def _bucket_problems(metric: Metric) -> Iterator[str]:
    if (metric.kind == "histogram") != bool(metric.buckets):
        yield "a histogram has buckets, and nothing else has"
    # An int bound would be written le="1" where every client writes le="1.0".
    if not all(isinstance(bound, float) and math.isfinite(bound) for bound in metric.buckets):
        yield f"buckets {metric.buckets}: expected finite floats"
    elif list(metric.buckets) != sorted(set(metric.buckets)):
        yield f"buckets {metric.buckets}: expected rising bounds"


def _bound_problems(metric: Metric) -> Iterator[str]:
    # Half of it is for the known ones; of the other half, what is folded takes half at most.
    least = max(2 * len(metric.known), 4 * metric.closed_sets)
    if metric.at_most and not metric.is_open:
        yield f"at_most {metric.at_most}: every label has a list of values, which is its bound"
    elif metric.is_open and metric.bound < least:
        yield f"at_most {metric.bound}: expected {least} or more, for its known label sets and what is folded"


CATEGORY = Label("category")
ENDPOINT = Label("endpoint")
METHOD = Label("method", (*METHODS, OTHER), runtime=True)
PROVIDER = Label("provider", PROVIDERS, runtime=True)
ASKED_PROVIDER = Label("provider", PROVIDERS[:-1], runtime=True)  # the template answers in no time
STAGE = Label("stage", STAGES)
FIRST_BYTE = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)

_OBSERVED: tuple[Metric, ...] = (
    Metric(
        "http_requests_total",
        "counter",
        "{request}",
        "HTTP requests answered",
        (METHOD, ENDPOINT, Label("status_code")),
        at_most=4_000,
        read_by=(
            "HighErrorRate",
            "NoTelemetry",
            "reviewlens-demo-kr",
            "reviewlens-production-kr-v2",
            "reviewlens_dashboard",
        ),
    ),
    Metric(
        "http_request_duration_seconds",
        "histogram",
        "s",
        "Time from the request's arrival to the end of its response",
        (METHOD, ENDPOINT),
        (0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0),
        at_most=1_000,
        read_by=("HighLatency", "reviewlens-production-kr-v2", "reviewlens_dashboard"),
    ),
    Metric(
        "dialogue_sessions_total",
        "counter",
        "{session}",
        "Dialogue sessions created",
        (CATEGORY,),
        read_by=("NoCompletions", "reviewlens-demo-kr", "reviewlens-production-kr-v2"),
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
        read_by=("NoCompletions", "reviewlens-demo-kr", "reviewlens-production-kr-v2"),
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
        "errors_total",
        "counter",
        "{error}",
        "Errors by type and by the component in which they arose",
        (Label("error_type"), Label("component")),
        known=ERRORS,
        read_by=("TelemetryFaults", "reviewlens-production-kr-v2", "reviewlens_dashboard"),
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
        "http_first_byte_seconds",
        "histogram",
        "s",
        "Time from the request's arrival to the first byte of a streamed body",
        (METHOD, ENDPOINT),
        FIRST_BYTE,
        at_most=1_000,
        read_by=("reviewlens-production-kr-v2",),
    ),
    Metric(
        "http_streams_aborted_total",
        "counter",
        "{stream}",
        "Streamed responses whose client left before their end",
        (METHOD, ENDPOINT),
        at_most=1_000,
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

CATALOG: tuple[Metric, ...] = (
    *_OBSERVED,
    Metric(
        "telemetry_overflow_total",
        "counter",
        "{recording}",
        "Recordings counted under (other) because their metric has as many label sets as it may",
        (Label("metric", tuple(metric.name for metric in _OBSERVED if metric.is_open)),),
        read_by=("TooManySeries",),
    ),
)

BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in CATALOG}
if len(BY_NAME) != len(CATALOG):
    raise CatalogError("a metric name stands twice in the catalogue")
