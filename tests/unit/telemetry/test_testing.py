"""telemetry.testing: what users test their own metrics with."""

from __future__ import annotations

import pytest

from telemetry.guard import guard
from telemetry.metrics import dialogue_turns_total, evidence_count
from telemetry.testing import Recorded, StepClock, recording


def test_a_step_clock_goes_on_at_each_reading() -> None:
    """Exact numbers without a sleep."""
    clock = StepClock(0.5, start=10.0)
    assert [clock(), clock(), clock.now] == [10.0, 10.5, 11.0]


def test_what_was_recorded_can_be_read_back(metrics: Recorded) -> None:
    """Value, count, sum, total and whole series; labels of any type."""
    dialogue_turns_total.labels(category="a").inc(2)
    dialogue_turns_total.labels(category="b").inc(3)
    evidence_count.labels(category="a").observe(4)
    assert metrics.value("dialogue_turns_total", category="a") == 2
    assert metrics.total("dialogue_turns_total") == 5
    assert (metrics.count("evidence_count", category="a"), metrics.sum("evidence_count", category="a")) == (
        1,
        4,
    )
    assert metrics.value("evidence_count_bucket", category="a", le=5.0) == 1
    assert metrics.series("dialogue_turns_total") == {
        frozenset({("category", "a")}): 2.0,
        frozenset({("category", "b")}): 3.0,
    }


def test_a_series_that_is_not_there_is_told_with_those_that_are(metrics: Recorded) -> None:
    """A typing error in a test is seen at once; of many series some are shown."""
    for number in range(50):
        dialogue_turns_total.labels(category=f"c{number}").inc()
    with pytest.raises(LookupError) as caught:
        metrics.value("dialogue_turns_total", category="chair")
    text = str(caught.value)
    assert text.startswith(
        "no dialogue_turns_total with {'category': 'chair'}; there are 50, the first of them ["
    )
    assert text.count("{'category': 'c") == 1 + 20


def test_pipelines_do_not_see_each_other() -> None:
    """Each test begins at nothing."""
    for _ in range(2):
        with recording() as recorded:
            dialogue_turns_total.labels(category="a").inc()
            assert recorded.total("dialogue_turns_total") == 1


@pytest.mark.parametrize("strict", [True, False])
def test_strictness_lasts_as_long_as_the_block(strict: bool) -> None:
    """And is given back as it was, though the block fails."""
    before = guard.strict
    with pytest.raises(ZeroDivisionError), recording(strict=strict):
        assert guard.strict is strict
        raise ZeroDivisionError
    assert guard.strict is before


def test_pushing_needs_an_exporter_of_the_tests_own() -> None:
    """A test does not push to whatever listens on the machine."""
    with (
        pytest.raises(LookupError, match="give recording\\(\\) an exporter"),
        recording({"OTEL_METRICS_EXPORTER": "otlp"}),
    ):
        pass
