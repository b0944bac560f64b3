"""How many series a metric may have: past the bound values become "(other)", and no label is ever added."""

from __future__ import annotations

import logging

import pytest

from telemetry.bounds import LABEL_SETS
from telemetry.catalog import ERRORS
from telemetry.metrics import (
    active_evidence_gauge,
    dialogue_turns_total,
    errors_total,
    evidence_count,
    http_requests_total,
    user_journey_stage_total,
)
from telemetry.testing import Recorded, recording


def values(metrics: Recorded, name: str) -> dict[tuple[str, ...], float]:
    """Series as label values in alphabetical order of the labels."""
    return {tuple(v for _, v in sorted(key)): value for key, value in metrics.series(name).items()}


def test_past_the_bound_new_values_are_folded(metrics: Recorded, caplog: pytest.LogCaptureFixture) -> None:
    """Series there are go on, no number is lost, no label is added, and one line says it."""
    for number in range(5_000):
        dialogue_turns_total.labels(category=f"c{number}").inc()
    dialogue_turns_total.labels(category="c0").inc()
    series = values(metrics, "dialogue_turns_total")
    assert len(series) == LABEL_SETS + 1
    assert series["c0",] == 2
    assert series["(other)",] == 5_000 - LABEL_SETS
    assert sum(series.values()) == 5_001
    assert "otel_metric_overflow" not in metrics.text()
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == ["dialogue_turns_total has 1900 label sets; new values become '(other)'"]


def test_the_label_that_overflowed_is_the_one_that_is_folded(metrics: Recorded) -> None:
    """A component with endless error types: components stay apart, types do not."""
    for number in range(2_500):
        errors_total.labels(error_type=f"t{number}", component="theirs").inc()
    errors_total.labels(error_type="new", component="another").inc()
    errors_total.labels(error_type="timeout", component="llm").inc()
    series = values(metrics, "errors_total")
    assert series["theirs", "(other)"] == 2_500 - (LABEL_SETS - len(ERRORS))
    assert series["another", "(other)"] == 1
    assert series["llm", "timeout"] == 1


def test_when_every_label_overflows_all_are_folded(metrics: Recorded) -> None:
    """The number of series has an end in any case."""
    for number in range(4_000):
        errors_total.labels(error_type=f"t{number}", component=f"c{number}").inc()
    series = values(metrics, "errors_total")
    assert len(series) < 2_000
    assert series["(other)", "(other)"] > 1_900
    assert sum(series.values()) == 4_000


def test_closed_labels_are_never_folded_by_the_bound(metrics: Recorded) -> None:
    """The stage of a journey stays right when categories are too many."""
    for number in range(2_500):
        user_journey_stage_total.labels(stage="dialogue_start", action="enter", category=f"c{number}").inc()
    http_requests_total.labels(method="GET", endpoint="/", status_code="200").inc()
    assert values(metrics, "user_journey_stage_total")["enter", "(other)", "dialogue_start"] == 600


def test_histograms_have_the_bound_too(metrics: Recorded) -> None:
    """Each of their series is many lines."""
    for number in range(2_100):
        evidence_count.labels(category=f"c{number}").observe(1)
    assert metrics.count("evidence_count", category="(other)") == 200


def test_the_live_gauge_has_no_bound_of_its_own(metrics: Recorded) -> None:
    """Its series end; 3,000 sessions at once are 3,000 series."""
    for number in range(3_000):
        active_evidence_gauge.labels(category="chair", session_id=f"s{number}").set(1)
    assert len(metrics.series("active_evidence_gauge")) == 3_000


def test_a_new_pipeline_begins_below_the_bound() -> None:
    """What the last one saw does not count."""
    for _ in range(2):
        with recording() as recorded:
            for number in range(1_000):
                dialogue_turns_total.labels(category=f"{id(recorded)} {number}").inc()
            assert len(recorded.series("dialogue_turns_total")) == 1_000
