"""Recording handles: the specification's call shape, label checks, and what stands behind them."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from telemetry.metrics import (
    active_evidence_gauge,
    dialogue_turns_total,
    errors_total,
    evidence_count,
    http_requests_total,
    ingest_bytes_total,
    ingest_duration_seconds,
    llm_calls_total,
    llm_tokens_total,
)
from telemetry.record.gauges import Gauge
from telemetry.record.handles import Counter, Histogram, LabelError
from telemetry.record.schema import Label, Metric
from telemetry.testing import Recorded, recording


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    """A pipeline as in production, with a guard that has no spell running."""
    from telemetry.guard import guard

    monkeypatch.setattr(guard, "_last", {})
    with recording(strict=False) as recorded:
        yield recorded


def test_labels_may_come_in_any_order(metrics: Recorded) -> None:
    """The same label set is the same series."""
    http_requests_total.labels(method="GET", endpoint="/a", status_code="200").inc()
    http_requests_total.labels(status_code="200", endpoint="/a", method="GET").inc(3)
    assert metrics.series("http_requests_total") == {
        frozenset({("method", "GET"), ("endpoint", "/a"), ("status_code", "200")}): 4.0
    }


@pytest.mark.parametrize(
    ("labels", "got"),
    [
        ({}, "[]"),
        ({"method": "GET", "endpoint": "/a"}, "['endpoint', 'method']"),
        ({"method": "GET", "endpoint": "/a", "status": "200"}, "['endpoint', 'method', 'status']"),
        (
            {"method": "GET", "endpoint": "/a", "status_code": "200", "job": "x"},
            "['endpoint', 'job', 'method', 'status_code']",
        ),
    ],
)
def test_wrong_label_names_raise_in_tests(labels: dict[str, str], got: str) -> None:
    """Missing, renamed and additional names: the error says what was given and what was expected."""
    with pytest.raises(LabelError) as caught:
        http_requests_total.labels(**labels)
    assert str(caught.value) == (
        f"http_requests_total: got labels {got}, expected ['endpoint', 'method', 'status_code']"
    )


def test_a_value_outside_a_closed_label_raises_in_tests() -> None:
    """The error lists the values there are."""
    with pytest.raises(LabelError) as caught:
        llm_calls_total.labels(provider="gemini", status="ok")
    assert (
        str(caught.value) == "llm_calls_total: status='ok', expected one of ['error', 'fallback', 'success']"
    )


def test_in_production_wrong_names_are_counted_and_logged_once(
    lenient: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller goes on, nothing is recorded, and three faults are one line."""
    for _ in range(3):
        dialogue_turns_total.labels(kategory="chair").inc()
    assert lenient.series("dialogue_turns_total") == {}
    assert lenient.value("errors_total", error_type="record", component="telemetry") == 3
    assert len([r for r in caplog.records if r.levelno >= logging.ERROR]) == 1


@pytest.mark.parametrize("handle", [dialogue_turns_total, evidence_count, active_evidence_gauge])
def test_in_production_a_call_with_wrong_labels_takes_every_call(
    lenient: Recorded, handle: Counter | Histogram | Gauge
) -> None:
    """What labels() returns then has the methods of every kind of handle, and forgets all."""
    bound = handle.labels(wrong="x")
    for call in ("inc", "observe", "set"):
        if hasattr(bound, call):
            getattr(bound, call)(1.0)
    assert lenient.value("errors_total", error_type="record", component="telemetry") == 1
    assert not lenient.series("dialogue_turns_total")
    assert not lenient.series("evidence_count_count")
    assert not lenient.series("active_evidence_gauge")


def test_in_production_an_unknown_value_is_recorded_as_other(lenient: Recorded) -> None:
    """The number is not lost, and no new series per value comes into being."""
    for status in ("ok", "okay"):
        llm_calls_total.labels(provider="gemini", status=status).inc()
    assert lenient.value("llm_calls_total", provider="gemini", status="(other)") == 2
    assert lenient.value("errors_total", error_type="record", component="telemetry") == 2


def test_values_become_strings(metrics: Recorded) -> None:
    """A status code is often an int; the paths differ in how they write what is no string."""
    http_requests_total.labels(method="GET", endpoint="/a", status_code=200).inc()
    errors_total.labels(error_type=None, component=True).inc()
    assert metrics.value("http_requests_total", method="GET", endpoint="/a", status_code="200") == 1
    assert metrics.value("errors_total", error_type="None", component="True") == 1


@pytest.mark.parametrize("amount", [-1, -0.001, float("nan"), float("inf")])
def test_a_counter_takes_no_negative_and_no_endless_amount(amount: float) -> None:
    """The error names the metric and the amount."""
    with pytest.raises(
        ValueError, match=r"^llm_tokens_total: got .*, expected a finite number of 0 or more$"
    ):
        llm_tokens_total.labels(provider="gemini", type="prompt").inc(amount)


@pytest.mark.parametrize("amount", [-1, float("nan"), float("-inf")])
def test_a_histogram_takes_no_negative_and_no_endless_amount(amount: float) -> None:
    """One NaN would make the sum NaN for ever."""
    with pytest.raises(ValueError, match=r"^evidence_count: got .*, expected a finite number of 0 or more$"):
        evidence_count.labels(category="chair").observe(amount)


def test_in_production_wrong_amounts_are_counted_and_change_nothing(lenient: Recorded) -> None:
    """Whatever is passed, the caller goes on and the series stays as it was."""
    tokens = llm_tokens_total.labels(provider="gemini", type="prompt")
    tokens.inc(5)
    for wrong in (-1, float("nan"), "three", None):
        tokens.inc(wrong)  # type: ignore[arg-type]
    active_evidence_gauge.labels(category="chair", session_id="s").set("many")  # type: ignore[arg-type]
    assert lenient.value("llm_tokens_total", provider="gemini", type="prompt") == 5
    assert lenient.series("active_evidence_gauge") == {}
    assert lenient.value("errors_total", error_type="record", component="telemetry") == 5


def test_a_failing_instrument_changes_nothing_for_the_caller(lenient: Recorded) -> None:
    """The SDK's own fault is caught, and counted."""

    class Broken:
        def add(self, amount: float, attributes: object = None) -> None:
            raise RuntimeError("broken")

    before, dialogue_turns_total.instrument = dialogue_turns_total.instrument, Broken()
    dialogue_turns_total.labels(category="chair").inc()
    dialogue_turns_total.instrument = before
    assert lenient.value("errors_total", error_type="record", component="telemetry") == 1


def test_a_failing_error_counter_loses_no_fault(lenient: Recorded) -> None:
    """Faults that could not be counted are counted with the next that can."""

    class Broken:
        def add(self, amount: float, attributes: object = None) -> None:
            raise RuntimeError("broken")

    before, errors_total.instrument = errors_total.instrument, Broken()
    errors_total.labels(error_type="timeout", component="llm").inc()
    errors_total.labels(error_type="timeout", component="llm").inc()
    errors_total.instrument = before
    dialogue_turns_total.labels(wrong="x").inc()
    assert lenient.value("errors_total", error_type="record", component="telemetry") == 3


def test_a_bound_child_may_be_kept(metrics: Recorded) -> None:
    """Kept before and used often; another label set is untouched."""
    kept = dialogue_turns_total.labels(category="chair")
    dialogue_turns_total.labels(category="monitor").inc(2)
    for _ in range(5):
        kept.inc()
    assert metrics.value("dialogue_turns_total", category="chair") == 5
    assert metrics.value("dialogue_turns_total", category="monitor") == 2


def test_a_bound_child_outlives_a_pipeline() -> None:
    """A child kept at import records into the pipeline of the day, and into nothing where none runs."""
    kept = dialogue_turns_total.labels(category="chair")
    kept.inc()
    for _ in range(2):
        with recording() as recorded:
            kept.inc()
            assert recorded.value("dialogue_turns_total", category="chair") == 1
    kept.inc()


def test_a_metric_without_labels_records_by_its_handle(metrics: Recorded) -> None:
    """Counter and histogram, with the handle or with labels()."""
    ingest_bytes_total.inc(10)
    ingest_bytes_total.labels().inc(5)
    ingest_duration_seconds.observe(0.2)
    assert metrics.value("ingest_bytes_total") == 15
    assert metrics.count("ingest_duration_seconds") == 1
    assert metrics.sum("ingest_duration_seconds") == 0.2


def test_a_labelled_metric_does_not_record_by_its_handle() -> None:
    """Forgetting the labels is an error, not a series without labels."""
    with pytest.raises(LabelError, match="got labels \\[\\], expected \\['category'\\]"):
        dialogue_turns_total.inc()


def test_zero_makes_the_series_exist(metrics: Recorded) -> None:
    """inc(0) is how a series is there before the first event."""
    dialogue_turns_total.labels(category="chair").inc(0)
    assert metrics.value("dialogue_turns_total", category="chair") == 0


def test_a_gauge_series_lives_until_it_is_removed(metrics: Recorded) -> None:
    """Set, set anew, removed; removing twice is harmless."""
    evidence = active_evidence_gauge.labels(category="chair", session_id="s1")
    evidence.set(3)
    evidence.set(5)
    active_evidence_gauge.labels(category="chair", session_id="s2").set(1)
    assert metrics.value("active_evidence_gauge", category="chair", session_id="s1") == 5
    evidence.remove()
    evidence.remove()
    assert metrics.series("active_evidence_gauge") == {
        frozenset({("category", "chair"), ("session_id", "s2")}): 1.0
    }


def test_a_gauge_may_follow_a_source(metrics: Recorded) -> None:
    """The source is read at each scrape; without it its series are gone."""
    live = {("chair", "s1"): 3, ("monitor", "s2"): 4}
    active_evidence_gauge.follow(live.items)
    assert metrics.total("active_evidence_gauge") == 7
    del live["chair", "s1"]
    assert metrics.total("active_evidence_gauge") == 4
    active_evidence_gauge.follow(None)
    assert metrics.series("active_evidence_gauge") == {}


def test_a_source_with_other_labels_is_an_error(metrics: Recorded) -> None:
    """On every path, before anything is written; what is no string becomes one."""
    active_evidence_gauge.follow(lambda: [(("chair", 7), 3)])  # type: ignore[list-item]
    assert metrics.value("active_evidence_gauge", category="chair", session_id="7") == 3
    active_evidence_gauge.follow(lambda: [(("s1",), 3)])
    with pytest.raises(LabelError) as caught:
        metrics.text()
    assert str(caught.value) == (
        "active_evidence_gauge: its source gave ('s1',), expected values for ('category', 'session_id')"
    )


def test_a_pipeline_begins_without_the_gauges_of_the_last() -> None:
    """What a test or an earlier start left behind is not live."""
    with recording():
        active_evidence_gauge.labels(category="chair", session_id="s1").set(3)
        active_evidence_gauge.follow(lambda: [(("chair", "s2"), 4)])
    with recording() as recorded:
        assert recorded.series("active_evidence_gauge") == {}


def test_handles_of_ones_own_need_no_pipeline() -> None:
    """A handle takes anything that adds: other stores stand behind the same call shape."""

    class Store:
        def __init__(self) -> None:
            self.added: list[tuple[float, dict[str, str]]] = []

        def add(self, amount: float, attributes: object = None) -> None:
            self.added.append((amount, dict(attributes or {})))  # type: ignore[call-overload]

    handle = Counter(Metric("own_total", "counter", "{thing}", "Things", (Label("kind"),)))
    handle.labels(kind="a").inc()
    handle.instrument = store = Store()
    handle.labels(kind="a").inc(2)
    assert store.added == [(2, {"kind": "a"})]
