"""How many series a metric may have: past the limit values become "(other)", and no label is ever added."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.otlp_sink import otlp_sink

from telemetry import known
from telemetry.asgi.preinitialise import routes
from telemetry.catalog import BY_NAME, CATALOG
from telemetry.metrics import (
    active_evidence_gauge,
    dialogue_turns_total,
    errors_total,
    evidence_count,
    llm_calls_total,
    user_journey_stage_total,
)
from telemetry.record.cardinality import CardinalityLimit
from telemetry.record.gauges import Some
from telemetry.record.schema import Label, Metric
from telemetry.testing import Recorded, recording

TURNS = BY_NAME["dialogue_turns_total"]
ROOM = TURNS.room - 1  # one is for "(other)"


def values(metrics: Recorded, name: str) -> dict[tuple[str, ...], float]:
    """Series as label values in alphabetical order of the labels."""
    return {tuple(v for _, v in sorted(key)): value for key, value in metrics.series(name).items()}


def overflow(metrics: Recorded) -> dict[str, float]:
    """How many recordings of each metric were over its limit; those with none left out."""
    return {name: value for (name,), value in values(metrics, "telemetry_overflow_total").items() if value}


def test_what_an_earlier_process_left_takes_no_strangers_place_once_it_is_announced() -> None:
    limit, half = CardinalityLimit(TURNS), range(TURNS.cardinality_limit - TURNS.room)
    for number in half:
        limit.inherit((f"announced {number}",))
    assert limit.fit(("stranger",)) == ("(other)",), "until then it does"
    limit = CardinalityLimit(TURNS)
    for number in half:
        limit.inherit((f"announced {number}",))
        limit.preinitialise((f"announced {number}",))
    for number in range(ROOM):
        assert limit.fit((f"stranger {number}",)) == (f"stranger {number}",)
    assert limit.fit(("one more",)) == ("(other)",)


def test_what_was_folded_before_a_restart_is_folded_again() -> None:
    """It is there: it takes no second place."""
    metric = BY_NAME["http_requests_total"]
    limit, folded = CardinalityLimit(metric), ("GET", "(other)", "200")
    limit.inherit(folded)
    for number in range(metric.room):
        limit.inherit(("GET", f"/{number}", "200"))
    assert limit.fit(("GET", "/new", "200")) == folded


def test_past_the_limit_new_values_are_folded(metrics: Recorded, caplog: pytest.LogCaptureFixture) -> None:
    """Series there are go on, no number is lost, no label is added, and one line says it."""
    for number in range(5_000):
        dialogue_turns_total.labels(category=f"c{number}").inc()
    dialogue_turns_total.labels(category="c0").inc()
    series = values(metrics, "dialogue_turns_total")
    assert len(series) == TURNS.room
    assert series["c0",] == 2
    assert series["(other)",] == 5_000 - ROOM
    assert sum(series.values()) == 5_001
    assert "otel_metric_overflow" not in metrics.text()
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == [
        "dialogue_turns_total has as many label sets as it may (500); new values of category become '(other)'"
    ]


def test_what_is_over_is_counted_once_per_recording(metrics: Recorded) -> None:
    """Also through a kept child; what is recorded under its own name is not."""
    assert set(values(metrics, "telemetry_overflow_total").values()) == {0.0}
    for number in range(TURNS.room):
        dialogue_turns_total.labels(category=f"c{number}").inc()
    assert overflow(metrics) == {"dialogue_turns_total": 1}
    over = dialogue_turns_total.labels(category="one too many")
    for _ in range(3):
        over.inc(7)
    dialogue_turns_total.labels(category="c0").inc()
    for number in range(BY_NAME["evidence_count"].room):
        evidence_count.labels(category=f"c{number}").observe(1)
    assert overflow(metrics) == {"dialogue_turns_total": 4, "evidence_count": 1}


def test_an_unknown_value_of_a_closed_label_is_no_overflow() -> None:
    """It is "(other)" too, and a fault inside telemetry: nothing became too many."""
    with recording(strict=False) as metrics:
        for number in range(1_000):
            llm_calls_total.labels(provider=f"p{number}", status="success").inc()
        assert values(metrics, "llm_calls_total") == {("(other)", "success"): 1_000}
        assert overflow(metrics) == {}


def test_the_label_that_overflowed_is_the_one_that_is_folded(metrics: Recorded) -> None:
    """A component with endless error types: components stay apart, types do not."""
    for number in range(2_500):
        errors_total.labels(error_type=f"t{number}", component="theirs").inc()
    errors_total.labels(error_type="new", component="another").inc()
    errors_total.labels(error_type="timeout", component="llm").inc()
    series = values(metrics, "errors_total")
    assert series["theirs", "(other)"] > 2_000
    assert series["another", "(other)"] == 1
    assert series["llm", "timeout"] == 1


def test_when_every_label_overflows_all_are_folded(metrics: Recorded) -> None:
    """The number of series has an end in any case."""
    for number in range(4_000):
        errors_total.labels(error_type=f"t{number}", component=f"c{number}").inc()
    series = values(metrics, "errors_total")
    assert len(series) < BY_NAME["errors_total"].cardinality_limit
    assert series["(other)", "(other)"] > 3_000
    assert sum(series.values()) == 4_000


def test_closed_labels_are_never_folded_by_the_limit(metrics: Recorded) -> None:
    """The stage of a journey stays right when categories are too many."""
    metric = BY_NAME["user_journey_stage_total"]
    many = 2 * metric.room
    for number in range(many):
        user_journey_stage_total.labels(stage="dialogue_start", action="enter", category=f"c{number}").inc()
    series = values(metrics, "user_journey_stage_total")
    assert series["enter", "(other)", "dialogue_start"] == many - (metric.room - metric.closed_sets)


@pytest.mark.slow
def test_more_known_label_sets_than_the_sdk_keeps_stay_apart(metrics: Recorded) -> None:
    """From its 2,000th on the SDK would fold them and add a label; an application of many routes has more."""
    routes(("GET", f"/r{number}/{{id}}", "200") for number in range(2_000))
    series = values(metrics, "http_requests_total")
    assert len(series) == 2_000
    assert "otel_metric_overflow" not in metrics.text()


def test_what_becomes_known_after_an_attack_stands_under_its_own_name(metrics: Recorded) -> None:
    """An import brings a category that strangers crowded out; its turns before stay where they are."""
    for number in range(1_000):
        dialogue_turns_total.labels(category=f"c{number}").inc()
        evidence_count.labels(category=f"c{number}").observe(1)
    before = overflow(metrics)
    known(category=["chair", "c999"])
    for category in ("chair", "c999"):
        dialogue_turns_total.labels(category=category).inc()
        evidence_count.labels(category=category).observe(2)
        assert metrics.value("dialogue_turns_total", category=category) == 1
        assert metrics.count("evidence_count", category=category) == 1
    assert overflow(metrics) == before
    assert metrics.total("dialogue_turns_total") == metrics.total("evidence_count_count") == 1_002


@pytest.mark.slow
def test_more_announced_than_the_limit_has_room_for_is_an_overflow(metrics: Recorded) -> None:
    """An import with a category per product: the limit holds, and what is recorded above it is told."""
    known(category=[f"c{number}" for number in range(5_000)])
    assert overflow(metrics) == {}
    for number in range(5_000):
        dialogue_turns_total.labels(category=f"c{number}").inc()
    assert len(metrics.series("dialogue_turns_total")) == TURNS.cardinality_limit
    assert metrics.total("dialogue_turns_total") == 5_000
    assert overflow(metrics) == {"dialogue_turns_total": 5_000 - (TURNS.cardinality_limit - 1)}
    assert len(metrics.series("evidence_count_count")) == BY_NAME["evidence_count"].cardinality_limit


def show(numbers: Iterable[int]) -> None:
    """Let the gauge follow these sessions."""
    live = [(("chair", f"s{number}"), float(number)) for number in numbers]
    active_evidence_gauge.follow(lambda: live)


def test_live_sessions_over_the_limit_are_added_up() -> None:
    """Who is shown stays while it lives, the sum is exact on both paths, who ends makes room."""
    limit = BY_NAME["active_evidence_gauge"].cardinality_limit
    with otlp_sink() as sink:
        environ = {
            "OTEL_METRICS_EXPORTER": "prometheus,otlp",
            "OTEL_METRIC_EXPORT_INTERVAL": "3600000",
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": sink.url + "/v1/metrics",
        }
        with recording(environ, exporter=None) as metrics:
            show(range(3_000))
            shown = metrics.series("active_evidence_gauge")
            assert len(shown) == 3_000
            show(reversed(range(9_000)))
            series = metrics.series("active_evidence_gauge")
            assert shown.items() <= series.items()
            assert len(series) <= limit
            assert sum(series.values()) == sum(range(9_000))
            folded = 9_000 - (len(series) - 1)
            assert overflow(metrics) == {"active_evidence_gauge": folded}
            metrics.pipeline.flush()
            assert sink.series("active_evidence_gauge") == series
            show(range(1_000))
            assert values(metrics, "active_evidence_gauge") == {
                ("chair", f"s{number}"): float(number) for number in range(1_000)
            }
            assert overflow(metrics) == {"active_evidence_gauge": folded}


@pytest.mark.slow
def test_every_limit_is_below_where_the_sdk_would_fold() -> None:
    """Filled to the limit with what is known and with strangers, on a path that has the SDK's own limit."""
    with recording(strict=False) as metrics:
        for metric in CATALOG:
            if metric.kind == "counter" and metric.is_open:
                _fill(metric)
        assert "otel_metric_overflow" not in metrics.text()
        for metric in CATALOG:
            assert len(metrics.series(metric.name)) <= metric.cardinality_limit, metric.name


def _fill(metric: Metric) -> None:
    from telemetry.metrics import HANDLES

    def of(kind: str, number: int) -> tuple[str, ...]:
        return tuple(label.values[0] if label.values else f"{kind}{number}" for label in metric.labels)

    handle = HANDLES[metric.name]
    for number in range(metric.cardinality_limit + 1):
        handle.preinitialise(of("known", number))
        handle.labels(**handle.attributes(of("stranger", number))).inc()


class Slow(set[tuple[str, ...]]):
    """Somebody else comes in between its length and what is done with it."""

    def __len__(self) -> int:
        length = super().__len__()
        time.sleep(0.0001)
        return length


def test_threads_do_not_bring_it_over_its_limit() -> None:
    """New label sets of many threads at once."""
    metric = Metric("good_total", "counter", "{thing}", "Good things", (Label("a"), Label("b")), at_most=100)
    limit = CardinalityLimit(metric)
    limit._strangers = Slow()
    with ThreadPoolExecutor(8) as threads:
        made = threads.map(lambda number: limit.fit((f"a{number}", f"b{number}")), range(500))
        assert len(set(made)) <= metric.room


def test_a_new_pipeline_begins_below_the_limit() -> None:
    """What the last one saw does not count, and what it showed is not expected."""
    for _ in range(2):
        with recording() as recorded:
            known(category=[f"{id(recorded)} {number}" for number in range(100)])
            for number in range(ROOM):
                dialogue_turns_total.labels(category=f"stranger {id(recorded)} {number}").inc()
            assert len(recorded.series("dialogue_turns_total")) == 100 + ROOM
            assert overflow(recorded) == {}


@pytest.mark.slow
def test_a_source_that_adds_up_itself_is_asked_for_no_more_than_can_be_shown(metrics: Recorded) -> None:
    """Its sum is exact, no series takes another's name, and the ones that are added up are counted."""
    asked: list[int] = []
    live = 0

    def source(most: int) -> Some:
        asked.append(most)
        shown = min(live, most)
        others = [(("chair", "(other)"), 2.0 * (live - shown))] if live > shown else []
        return Some([(("chair", f"s{number}"), 2.0) for number in range(shown)], others, live - shown)

    active_evidence_gauge.follow_some(source)
    limit = BY_NAME["active_evidence_gauge"].cardinality_limit
    counted = 0
    for live in (3, 300_000, 200_000, 200_001, 3):
        series = values(metrics, "active_evidence_gauge")
        assert sum(series.values()) == 2 * live
        assert len(series) == min(live, asked[-1] + 1) <= limit
        counted += {300_000: 300_000 - asked[-1], 200_001: 1}.get(live, 0)
        assert overflow(metrics).get("active_evidence_gauge", 0) == counted
    assert set(asked) == {asked[0]}
    assert asked[0] > limit // 2
