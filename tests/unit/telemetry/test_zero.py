"""What is there at 0 from the first scrape."""

from __future__ import annotations

from typing import Annotated

import pytest
from fastapi import APIRouter, Cookie, Depends, FastAPI
from fastapi.responses import RedirectResponse

from telemetry import known
from telemetry.adopt import _answers
from telemetry.asgi.preinitialise import routes
from telemetry.asgi.routes import Endpoints
from telemetry.catalog import BY_NAME, ERRORS, STAGES
from telemetry.metrics import dialogue_turns_total, evidence_count
from telemetry.record.handles import LabelError
from telemetry.testing import Recorded


def label_sets(metrics: Recorded, name: str) -> dict[tuple[str, ...], float]:
    """Series of one name as label values in alphabetical order of the labels."""
    return {tuple(v for _, v in sorted(key)): value for key, value in metrics.series(name).items()}


def test_from_the_start_what_the_catalogue_knows_is_at_zero(metrics: Recorded) -> None:
    """Error pairs, abandoned stages, import results, metrics without labels; nothing else."""
    duration = len(BY_NAME["ingest_duration_seconds"].buckets) + len(("+Inf", "sum", "count"))
    text = metrics.text()
    assert label_sets(metrics, "errors_total") == {(component, kind): 0.0 for kind, component in ERRORS}
    assert label_sets(metrics, "session_abandoned_total") == {
        (reason, stage): 0.0 for stage in STAGES for reason in ("timeout", "browser_close")
    }
    assert len(metrics.series("ingest_rows_total")) == 9
    assert metrics.series("ingest_bytes_total") == {frozenset(): 0.0}
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    overflows = len(metrics.series("telemetry_overflow_total"))
    assert overflows == len(BY_NAME["telemetry_overflow_total"].labels[0].values)
    assert len(samples) == len(ERRORS) + 10 + 9 + 1 + duration + overflows
    assert all(line.endswith(" 0.0") for line in samples)


def test_providers_only_when_told(metrics: Recorded) -> None:
    """A configured provider is there with each status and type; the others stay absent."""
    assert metrics.series("llm_calls_total") == {}
    known(provider=["gemini", "template"])
    assert label_sets(metrics, "llm_calls_total") == {
        (provider, status): 0.0
        for provider in ("gemini", "template")
        for status in ("success", "error", "fallback")
    }
    assert label_sets(metrics, "llm_tokens_total") == {
        (provider, kind): 0.0 for provider in ("gemini", "template") for kind in ("prompt", "completion")
    }


def test_categories_only_when_told(metrics: Recorded) -> None:
    """Every counter by category, and the journey's stages and actions for it."""
    known(category=("chair",))
    for name in (
        "dialogue_sessions_total",
        "dialogue_turns_total",
        "dialogue_completions_total",
        "product_analysis_total",
        "reviews_processed_total",
        "factors_matched_total",
    ):
        assert label_sets(metrics, name) == {("chair",): 0.0}, name
    assert label_sets(metrics, "user_journey_stage_total") == {
        (action, "chair", stage): 0.0 for stage in STAGES for action in ("enter", "complete")
    }


def test_a_histogram_is_at_zero_until_its_first_value(metrics: Recorded) -> None:
    """Every bucket, sum and count; then the value itself, and no second series beside it."""
    known(category=["chair", "monitor"], provider=["gemini", "template"])
    counts = {
        (name, key): value
        for name in ("retrieval_duration_seconds", "scoring_duration_seconds", "evidence_count")
        for key, value in label_sets(metrics, f"{name}_count").items()
    }
    assert len(counts) == 6
    assert set(counts.values()) == {0.0}
    assert label_sets(metrics, "llm_duration_seconds_count") == {("gemini",): 0.0}
    evidence_count.labels(category="chair").observe(4)
    text = metrics.text()
    assert text.count('evidence_count_count{category="chair"}') == 1
    assert label_sets(metrics, "evidence_count_count") == {("chair",): 1.0, ("monitor",): 0.0}
    assert len(metrics.series("evidence_count_bucket")) == 2 * 9


def test_telling_again_changes_no_count(metrics: Recorded) -> None:
    """An import may tell the same categories and new ones, at any time."""
    known(category=["chair"])
    dialogue_turns_total.labels(category="chair").inc(3)
    known(category=["chair", "monitor"])
    assert label_sets(metrics, "dialogue_turns_total") == {("chair",): 3.0, ("monitor",): 0.0}


def test_a_label_that_no_metric_has_is_an_error(metrics: Recorded) -> None:
    """A typing error would leave the series away without a word."""
    with pytest.raises(LabelError, match=r"^known\(\): no metric has a label categories; there are \["):
        known(categories=["chair"])


def test_nothing_told_puts_nothing(metrics: Recorded) -> None:
    """An empty catalogue of reviews has no category, and makes no series."""
    known(category=())
    assert metrics.series("dialogue_turns_total") == {}


def test_routes_are_at_zero(metrics: Recorded) -> None:
    """Each (method, template, code) that is told."""
    routes([("GET", "/a/{id}", "200"), ("GET", "/a/{id}", "500")])
    assert label_sets(metrics, "http_requests_total") == {
        ("/a/{id}", "GET", "200"): 0.0,
        ("/a/{id}", "GET", "500"): 0.0,
    }


def who(user: Annotated[str, Cookie()]) -> str:
    return user


def nested(user: Annotated[str, Depends(who)]) -> str:
    return user


def test_an_application_has_the_codes_of_its_openapi_and_500() -> None:
    """Declared responses, 422 where an input may be wrong, also in a dependency, and 500."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    inner = APIRouter(prefix="/inner", responses={409: {}})

    @app.get("/plain")
    def plain() -> None: ...

    @app.post("/made", status_code=201, responses={404: {}, "4XX": {}})
    def made(body: dict[str, str]) -> None: ...

    @app.get("/moved", response_class=RedirectResponse)
    def moved() -> str:
        return "/plain"

    @inner.get("/guarded", dependencies=[Depends(nested)])
    @inner.delete("/gone/{id}", status_code=204)
    def gone() -> None: ...

    app.include_router(inner, prefix="/v1")
    declared = {
        (method.upper(), path, code)
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
        for code in operation["responses"]
        if code.isdigit()
    }
    wanted = declared | {(method, path, "500") for method, path, _ in declared}
    # FastAPI leaves 422 out of the schema where 4XX is declared; the code itself is answered all the same.
    assert set(_answers(Endpoints(app.router).templates)) == wanted | {("POST", "/made", "422")}
    assert {("GET", "/v1/inner/guarded", "422"), ("GET", "/moved", "307")} <= wanted
