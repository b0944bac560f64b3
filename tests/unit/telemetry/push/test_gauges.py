"""The session gauge on each path: absent at once on a scrape, 0 for two pushes, then absent."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.metrics.export import MetricExportResult, NumberDataPoint
from support.exporters import KeepingExporter

from telemetry.metrics import active_evidence_gauge, dialogue_turns_total
from telemetry.testing import Recorded, recording

BOTH = {"OTEL_METRICS_EXPORTER": "prometheus,otlp", "OTEL_METRIC_EXPORT_INTERVAL": "3600000"}


class GaugeExporter(KeepingExporter):
    """With the gauge of live sessions."""

    def gauge(self) -> dict[str, float]:
        """Session id -> value in the last delivery."""
        return {
            str(point.attributes["session_id"]): point.value for point in self.points("active_evidence_gauge")
        }


@pytest.fixture
def sink() -> GaugeExporter:
    return GaugeExporter()


@pytest.fixture
def both(sink: GaugeExporter, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    """A pipeline that is scraped and pushes when it is flushed."""
    from telemetry.guard import guard

    monkeypatch.setattr(guard, "_last", {})
    with recording(BOTH, lambda: sink, strict=False) as recorded:
        yield recorded


def scraped(recorded: Recorded) -> dict[str, float]:
    """Session id -> value on a scrape."""
    return {dict(key)["session_id"]: v for key, v in recorded.series("active_evidence_gauge").items()}


def evidence(session_id: str, category: str = "chair"):  # type: ignore[no-untyped-def]
    return active_evidence_gauge.labels(category=category, session_id=session_id)


def test_an_ended_session_is_absent_on_the_next_scrape(both: Recorded) -> None:
    """No zero, no last value."""
    evidence("s1").set(3)
    evidence("s2").set(1)
    assert scraped(both) == {"s1": 3, "s2": 1}
    evidence("s1").remove()
    assert scraped(both) == {"s2": 1}


def test_an_ended_session_is_pushed_as_0_twice_and_then_not_at_all(
    both: Recorded, sink: GaugeExporter
) -> None:
    """A backend would go on to show its last value for minutes."""
    evidence("s1").set(3)
    evidence("s2").set(1)
    pushes = []
    for number in range(5):
        if number == 1:
            evidence("s1").remove()
        both.pipeline.flush()
        pushes.append(sink.gauge())
    assert pushes == [{"s1": 3, "s2": 1}, {"s1": 0, "s2": 1}, {"s1": 0, "s2": 1}, {"s2": 1}, {"s2": 1}]


@pytest.mark.parametrize("broken", [MetricExportResult.FAILURE, ConnectionError("no collector")])
def test_a_failed_export_uses_no_zero_up(
    both: Recorded, sink: GaugeExporter, broken: MetricExportResult | Exception
) -> None:
    """Only what was delivered counts."""
    evidence("s1").set(3)
    both.pipeline.flush()
    evidence("s1").remove()
    sink.broken = broken
    both.pipeline.flush()
    both.pipeline.flush()
    sink.broken = None
    pushes = []
    for _ in range(3):
        both.pipeline.flush()
        pushes.append(sink.gauge())
    assert pushes == [{"s1": 0}, {"s1": 0}, {}]
    assert both.value("errors_total", error_type="export", component="telemetry") == 2


def test_a_failing_export_is_logged_once(
    both: Recorded, sink: GaugeExporter, caplog: pytest.LogCaptureFixture
) -> None:
    """A collector that is away for an hour is one line, and one more when it is back."""
    for broken in (ConnectionError("no collector"), MetricExportResult.FAILURE, None, None):
        sink.broken = broken
        both.pipeline.flush()
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        "pushing metrics to http://localhost:4318/v1/metrics fails: ConnectionError: no collector; "
        "requests are untouched, and totals follow with the next push that arrives",
        "pushing metrics to http://localhost:4318/v1/metrics works again, after 2 that failed",
    ]


def test_a_session_that_comes_back_is_live_again(both: Recorded, sink: GaugeExporter) -> None:
    """And owes two zeros anew when it ends again."""
    pushes = []
    for value in (3, None, 4, None, None, None):
        if value is None:
            evidence("s1").remove()
        else:
            evidence("s1").set(value)
        both.pipeline.flush()
        pushes.append(sink.gauge())
    assert pushes == [{"s1": 3}, {"s1": 0}, {"s1": 4}, {"s1": 0}, {"s1": 0}, {}]


def test_a_session_that_was_never_pushed_is_never_pushed_as_0(both: Recorded, sink: GaugeExporter) -> None:
    """One that began and ended between two exports leaves no series."""
    evidence("s1").set(3)
    evidence("s1").remove()
    both.pipeline.flush()
    assert sink.gauge() == {}


def test_scrapes_use_no_zero_up(both: Recorded, sink: GaugeExporter) -> None:
    """The two paths do not know of each other."""
    evidence("s1").set(3)
    both.pipeline.flush()
    evidence("s1").remove()
    for _ in range(5):
        assert scraped(both) == {}
    both.pipeline.flush()
    assert sink.gauge() == {"s1": 0}


def test_the_pushed_gauge_has_name_unit_description_and_string_labels(
    both: Recorded, sink: GaugeExporter
) -> None:
    """As the catalogue says; beside the SDK's own metrics, in the same resource."""
    evidence("s1").set(3)
    dialogue_turns_total.labels(category="chair").inc()
    both.pipeline.flush()
    assert len(sink.delivered[-1].resource_metrics) == 1
    by_name = {metric.name: metric for metric in sink.metrics()}
    gauge = by_name["active_evidence_gauge"]
    assert (gauge.unit, gauge.description) == ("{evidence}", "Pieces of evidence held by a live session")
    (point,), (turns, *_) = gauge.data.data_points, by_name["dialogue_turns_total"].data.data_points
    assert isinstance(point, NumberDataPoint)
    assert isinstance(turns, NumberDataPoint)
    assert (point.attributes, point.value) == ({"category": "chair", "session_id": "s1"}, 3.0)
    assert turns.value == 1


def test_a_source_that_fails_takes_nothing_else_down(
    both: Recorded, sink: GaugeExporter, caplog: pytest.LogCaptureFixture
) -> None:
    """A locked session store: every other metric is scraped and pushed, and no session is taken for ended."""
    active_evidence_gauge.follow(lambda: [(("chair", "s1"), 3)])
    both.pipeline.flush()

    def locked() -> list[tuple[tuple[str, ...], float]]:
        raise OSError("database is locked")

    active_evidence_gauge.follow(locked)
    dialogue_turns_total.labels(category="chair").inc()
    assert both.value("dialogue_turns_total", category="chair") == 1
    both.pipeline.flush()
    assert {metric.name for metric in sink.metrics()} >= {"dialogue_turns_total", "errors_total"}
    assert sink.gauge() == {}
    active_evidence_gauge.follow(lambda: [(("chair", "s1"), 5)])
    both.pipeline.flush()
    assert sink.gauge() == {"s1": 5}
    assert both.value("errors_total", error_type="export", component="telemetry") == 1
    assert both.value("errors_total", error_type="render", component="telemetry") == 1
