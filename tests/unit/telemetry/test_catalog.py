"""The catalogue: the 18 metrics that never change, and what a wrong entry does."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import telemetry.catalog
from telemetry.builtin import METHODS
from telemetry.catalog import BY_NAME, CATALOG, ERRORS, PROVIDERS, STAGES
from telemetry.record.schema import CatalogError, Label, Metric

ROOT = Path(__file__).parents[3]

HTTP = (0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0)
LLM = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
RETRIEVAL = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
SCORING = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0)
EVIDENCE = (0.0, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0)

# Written out by hand: other people's dashboards and rules are built on these.
PROMISED: list[tuple[str, str, str, tuple[str, ...], tuple[float, ...]]] = [
    ("http_requests_total", "counter", "{request}", ("method", "endpoint", "status_code"), ()),
    ("http_request_duration_seconds", "histogram", "s", ("method", "endpoint"), HTTP),
    ("dialogue_sessions_total", "counter", "{session}", ("category",), ()),
    ("dialogue_turns_total", "counter", "{turn}", ("category",), ()),
    ("dialogue_completions_total", "counter", "{completion}", ("category",), ()),
    ("llm_calls_total", "counter", "{call}", ("provider", "status"), ()),
    ("llm_duration_seconds", "histogram", "s", ("provider",), LLM),
    ("llm_tokens_total", "counter", "{token}", ("provider", "type"), ()),
    ("retrieval_duration_seconds", "histogram", "s", ("category",), RETRIEVAL),
    ("scoring_duration_seconds", "histogram", "s", ("category",), SCORING),
    ("evidence_count", "histogram", "{evidence}", ("category",), EVIDENCE),
    ("active_evidence_gauge", "gauge", "{evidence}", ("category", "session_id"), ()),
    ("errors_total", "counter", "{error}", ("error_type", "component"), ()),
    ("product_analysis_total", "counter", "{analysis}", ("category",), ()),
    ("reviews_processed_total", "counter", "{review}", ("category",), ()),
    ("factors_matched_total", "counter", "{match}", ("category",), ()),
    ("user_journey_stage_total", "counter", "{step}", ("stage", "action", "category"), ()),
    ("session_abandoned_total", "counter", "{session}", ("stage", "reason"), ()),
]

GOOD = Metric("good_total", "counter", "{thing}", "Good things", (Label("kind"),))
GOOD_HISTOGRAM = Metric("good_seconds", "histogram", "s", "Time of good things", (), (0.5, 1.0))


def test_the_promised_metrics_are_exact() -> None:
    """Names, kinds, units, labels in order and bounds of the 18 metrics."""
    assert len(PROMISED) == 18
    rows = [BY_NAME[name] for name, *_ in PROMISED]
    seen = [(m.name, m.kind, m.unit, m.label_names, m.buckets) for m in rows]
    assert seen == PROMISED


def test_bounds_are_floats() -> None:
    """An int bound would come out as le="1" where every other client writes le="1.0"."""
    assert {type(bound) for metric in CATALOG for bound in metric.buckets} == {float}


def test_label_values_are_those_of_the_contract() -> None:
    """Closed label values, as dashboards select them."""
    closed = {
        (metric.name, label.name): label.values
        for metric in CATALOG
        for label in metric.labels
        if label.values
    }
    methods = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY")
    stages = (
        "product_selection",
        "review_collection",
        "dialogue_start",
        "dialogue_active",
        "dialogue_complete",
    )
    providers = ("gemini", "openai", "claude", "template")
    assert (methods, stages, providers) == (METHODS, STAGES, PROVIDERS)
    assert closed == {
        ("http_requests_total", "method"): (*methods, "(other)"),
        ("http_request_duration_seconds", "method"): (*methods, "(other)"),
        ("llm_calls_total", "provider"): providers,
        ("llm_calls_total", "status"): ("success", "error", "fallback"),
        ("llm_duration_seconds", "provider"): providers[:-1],
        ("llm_tokens_total", "provider"): providers,
        ("llm_tokens_total", "type"): ("prompt", "completion"),
        ("http_first_byte_seconds", "method"): (*methods, "(other)"),
        ("http_streams_aborted_total", "method"): (*methods, "(other)"),
        ("llm_first_byte_seconds", "provider"): providers[:-1],
        ("llm_streams_aborted_total", "provider"): providers[:-1],
        ("llm_tokens_estimated_total", "provider"): providers[:-1],
        ("llm_tokens_estimated_total", "type"): ("prompt", "completion"),
        ("user_journey_stage_total", "stage"): stages,
        ("user_journey_stage_total", "action"): ("enter", "complete"),
        ("session_abandoned_total", "stage"): stages,
        ("session_abandoned_total", "reason"): ("timeout", "browser_close"),
        ("ingest_rows_total", "kind"): ("factors", "questions", "reviews"),
        ("ingest_rows_total", "result"): ("taken", "skipped", "duplicate"),
        ("telemetry_overflow_total", "metric"): tuple(metric.name for metric in CATALOG if metric.is_open),
    }


def test_error_pairs_are_those_of_the_contract() -> None:
    """(error_type, component), each at 0 from the start."""
    assert ERRORS == (
        ("unhandled", "api"),
        ("validation", "api"),
        ("not_found", "api"),
        ("conflict", "api"),
        ("unavailable", "api"),
        ("rate_limit", "api"),
        ("dialogue_error", "dialogue"),
        ("retrieval_error", "retrieval"),
        ("scoring_error", "scoring"),
        ("timeout", "llm"),
        ("rate_limit", "llm"),
        ("auth", "llm"),
        ("server", "llm"),
        ("invalid_response", "llm"),
        ("connection", "llm"),
        ("bad_file", "ingest"),
        ("bad_row", "ingest"),
        ("record", "telemetry"),
        ("export", "telemetry"),
        ("render", "telemetry"),
    )
    assert BY_NAME["errors_total"].preinitialised == ERRORS


def test_only_the_gauge_has_a_session_id() -> None:
    """Every other metric would keep a series per session for ever."""
    assert [m.name for m in CATALOG if "session_id" in m.label_names] == ["active_evidence_gauge"]


def test_the_cardinality_limit_of_a_metric_is_its_own() -> None:
    """Its combinations where every label is closed; else what the entry says, or 500 for each of them."""
    limits = {name: (row.cardinality_limit, row.room) for name, row in BY_NAME.items() if row.is_open}
    assert limits["http_requests_total"] == (4_000, 2_000)
    assert limits["http_request_duration_seconds"] == (1_000, 500)
    assert limits["active_evidence_gauge"] == (5_000, 5_000)
    assert limits["user_journey_stage_total"] == (5_000, 2_500)
    assert limits["dialogue_turns_total"] == limits["errors_total"] == (500, 250)
    assert BY_NAME["llm_calls_total"].cardinality_limit == 5 * 4
    assert BY_NAME["ingest_bytes_total"].cardinality_limit == 1


def test_each_metric_that_can_overflow_has_a_series_that_tells_so() -> None:
    """And no other has one."""
    (label,) = BY_NAME["telemetry_overflow_total"].labels
    assert list(label.values) == [metric.name for metric in CATALOG if metric.is_open]


def test_entries_are_frozen() -> None:
    """Nobody changes a bound at run time."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        CATALOG[0].name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("metric", "change", "says"),
    [
        (GOOD, {"name": "Good_total"}, "expected a name of lower-case letters, digits and underscores"),
        (GOOD, {"name": "good.things_total"}, "expected a name of lower-case letters"),
        (GOOD, {"name": "good"}, "a name ends in _total if and only if it is a counter; the kind is counter"),
        (GOOD, {"kind": "summary"}, "kind 'summary': expected one of counter, histogram, gauge"),
        (GOOD, {"kind": "gauge"}, "a name ends in _total if and only if it is a counter; the kind is gauge"),
        (GOOD, {"unit": "1"}, "unit '1': expected 's', 'By' or an annotation such as '{request}'"),
        (GOOD, {"unit": "token"}, "unit 'token': expected 's', 'By' or an annotation"),
        (GOOD, {"unit": ""}, "unit '': expected"),
        (GOOD, {"unit": "s"}, "unit 's' goes with a name that says _seconds"),
        (GOOD_HISTOGRAM, {"unit": "{thing}"}, "unit 's' goes with a name that says _seconds"),
        (GOOD, {"description": "  "}, "expected a description"),
        (GOOD, {"labels": (Label("a"), Label("a"))}, "labels ('a', 'a'): each may stand once"),
        (GOOD, {"labels": (Label("le"),)}, "label 'le': expected snake_case, and none of"),
        (GOOD, {"labels": (Label("job"),)}, "label 'job': expected snake_case"),
        (GOOD, {"labels": (Label("instance"),)}, "label 'instance': expected snake_case"),
        (GOOD, {"labels": (Label("quantile"),)}, "label 'quantile': expected snake_case"),
        (GOOD, {"labels": (Label("a__b"),)}, "label 'a__b': expected snake_case"),
        (GOOD, {"labels": (Label("status-code"),)}, "label 'status-code': expected snake_case"),
        (GOOD, {"labels": (Label("_kind"),)}, "label '_kind': expected snake_case"),
        (GOOD, {"preinitialised": (("a", "b"),)}, "preinitialised label sets must have 1 values each"),
        (
            GOOD,
            {"at_most": 3},
            "at_most 3: expected 4 or more, for preinitialised label sets and what is folded",
        ),
        (GOOD, {"preinitialised": (("a",),) * 300}, "at_most 500: expected 600 or more"),
        (GOOD, {"labels": (Label("kind", ("a", "b")),), "at_most": 9}, "at_most 9: every label has a list"),
        (GOOD, {"buckets": (1.0,)}, "a histogram has buckets, and nothing else has"),
        (GOOD_HISTOGRAM, {"buckets": ()}, "a histogram has buckets, and nothing else has"),
        (GOOD_HISTOGRAM, {"buckets": (1, 2)}, "buckets (1, 2): expected finite floats"),
        (GOOD_HISTOGRAM, {"buckets": (1.0, float("inf"))}, "buckets (1.0, inf): expected finite floats"),
        (GOOD_HISTOGRAM, {"buckets": (float("nan"),)}, "buckets (nan,): expected finite floats"),
        (GOOD_HISTOGRAM, {"buckets": (2.0, 1.0)}, "buckets (2.0, 1.0): expected rising bounds"),
        (GOOD_HISTOGRAM, {"buckets": (1.0, 1.0)}, "buckets (1.0, 1.0): expected rising bounds"),
    ],
)
def test_a_wrong_entry_is_refused_with_its_name_and_reason(
    metric: Metric, change: dict[str, Any], says: str
) -> None:
    """Each way to be wrong is one CatalogError."""
    with pytest.raises(CatalogError) as caught:
        dataclasses.replace(metric, **change)
    name = change.get("name", metric.name)
    assert str(caught.value).startswith(f"metric {name!r}: ")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("given", "instead", "says"),
    [
        ("0.01, 0.05, 0.1, 0.25, 0.5, 1.0", "0.01, 0.05, 0.1, 0.25, 0.5, 1", "expected finite floats"),
        (
            '"dialogue_turns_total"',
            '"dialogue_sessions_total"',
            "a metric name stands twice in the catalogue",
        ),
    ],
)
def test_a_wrong_entry_stops_the_process_at_import(
    tmp_path: Path, given: str, instead: str, says: str
) -> None:
    """A changed copy of the catalogue ends the process that imports it, with the reason as the last line."""
    source = Path(telemetry.catalog.__file__).read_text(encoding="utf-8")
    assert given in source
    (tmp_path / "wrong.py").write_text(source.replace(given, instead, 1), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-c", "import wrong"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1].startswith("telemetry.record.schema.CatalogError:")
    assert says in run.stderr


def test_preinitialised_label_sets_are_every_combination_of_what_is_known() -> None:
    """Run-time values fill the labels whose values are not in the catalogue."""
    metric = BY_NAME["llm_tokens_total"]
    assert list(metric.preinitialised_label_sets({})) == []
    assert list(metric.preinitialised_label_sets({"provider": ("gemini", "template")})) == [
        ("gemini", "prompt"),
        ("gemini", "completion"),
        ("template", "prompt"),
        ("template", "completion"),
    ]


def test_every_metric_has_a_handle_of_its_kind() -> None:
    """telemetry.metrics has one handle per entry, under its name."""
    from telemetry.metrics import HANDLES

    kinds = {name: type(handle).__name__.lower() for name, handle in HANDLES.items()}
    assert kinds == {metric.name: metric.kind for metric in CATALOG}
