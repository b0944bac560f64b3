"""Handles take prometheus_client's calls: each row is called on both, and both hold the same afterwards."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import prometheus_client as client
import pytest

from telemetry.metrics import active_evidence_gauge, evidence_count, ingest_bytes_total, llm_calls_total
from telemetry.testing import Recorded, recording

Call = Callable[[Any], object]


def fails(error: BaseException) -> Any:
    """A function that raises."""

    def fail() -> None:
        raise error

    return fail


def within(block: Any, body: Callable[[Any], object]) -> None:
    """Run a body in a block; what it raises is swallowed outside."""
    with suppress(Exception), block as entered:
        body(entered)


COUNTER: dict[str, Call] = {
    "by name": lambda c: c.labels(provider="gemini", status="success").inc(),
    "by place": lambda c: c.labels("gemini", "success").inc(2),
    "kept": lambda c: [child.inc() for child in [c.labels("gemini", "error")] * 3],
    "an exemplar": lambda c: c.labels("gemini", "success").inc(1, exemplar={"trace_id": "a"}),
    "too few": lambda c: c.labels("gemini").inc(),
    "too many": lambda c: c.labels("gemini", "success", "more").inc(),
    "both ways": lambda c: c.labels("gemini", status="success").inc(),
    "all of both ways": lambda c: c.labels("x", provider="gemini", status="success").inc(),
    "another name": lambda c: c.labels(provider="gemini", state="success").inc(),
    "negative": lambda c: c.labels("gemini", "success").inc(-1),
    "none": lambda c: c.labels("gemini", "success").inc(0),
    "exceptions in a block": lambda c: within(
        c.labels("gemini", "error").count_exceptions(), lambda _: fails(ValueError())()
    ),
    "exceptions of a function": lambda c: _raised(
        c.labels("gemini", "error").count_exceptions(ValueError)(fails(ValueError()))
    ),
    "exceptions of another kind": lambda c: _raised(
        c.labels("gemini", "error").count_exceptions((KeyError, OSError))(fails(ValueError()))
    ),
    "no exception": lambda c: within(c.labels("gemini", "error").count_exceptions(), id),
}
HISTOGRAM: dict[str, Call] = {
    "by place": lambda h: h.labels("chair").observe(3),
    "an exemplar": lambda h: h.labels("chair").observe(3, {"trace_id": "a"}),
    "a block": lambda h: within(h.labels("chair").time(), id),
    "a block that fails": lambda h: within(h.labels("chair").time(), lambda _: fails(ValueError())()),
    "a function": lambda h: [h.labels("chair").time()(lambda: None)() for _ in range(3)],
    "labels in the block": lambda h: within(h.time(), lambda timer: timer.labels("chair")),
    "labels by name in the block": lambda h: within(h.time(), lambda timer: timer.labels(category="chair")),
}
GAUGE: dict[str, Call] = {
    "up": lambda g: g.labels("chair", "a").inc(),
    "up and down": lambda g: (g.labels("chair", "a").inc(5), g.labels("chair", "a").dec(2)),
    "down": lambda g: g.labels("chair", "a").dec(),
    "set, then up": lambda g: (g.labels("chair", "a").set(7), g.labels("chair", "a").inc()),
    "in progress": lambda g: within(g.labels("chair", "a").track_inprogress(), id),
    "amid it": lambda g: g.labels("chair", "a").track_inprogress().__enter__(),
    "in progress in a function": lambda g: g.labels("chair", "a").track_inprogress()(lambda: None)(),
    "a function": lambda g: g.labels("chair", "a").set_function(lambda: 42),
    "removed": lambda g: (
        g.labels("chair", "a").set(1),
        g.labels("chair", "b").set(2),
        g.remove("chair", "a"),
    ),
    "removed, not there": lambda g: g.remove("chair", "nobody"),
    "removed, too few": lambda g: g.remove("chair"),
    "removed by labels": lambda g: (
        [g.labels(*values).set(1) for values in (("chair", "a"), ("chair", "b"), ("bed", "a"))],
        g.remove_by_labels({"category": "chair"}),
    ),
    "removed by no labels": lambda g: (g.labels("chair", "a").set(1), g.remove_by_labels({})),
    "removed by another label": lambda g: g.remove_by_labels({"colour": "red"}),
    "cleared": lambda g: (g.labels("chair", "a").set(1), g.clear()),
    "a text": lambda g: g.labels("chair", "a").set("3.5"),
}


def _raised(function: Callable[[], object]) -> None:
    with suppress(ValueError):
        function()


def _done(call: Call, metric: Any) -> str:
    """What it ends with: the kind of error that both must raise, where strict."""
    try:
        call(metric)
    except ValueError:
        return "ValueError"
    return "well"


def _theirs(kind: Any, metric: Any) -> Any:
    more = {"buckets": metric.metric.buckets} if kind is client.Histogram else {}
    return kind(
        metric.metric.name, "help", metric.metric.label_names, registry=client.CollectorRegistry(), **more
    )


def _samples(metric: Any, name: str) -> dict[frozenset[tuple[str, str]], float]:
    found = (sample for family in metric.collect() for sample in family.samples)
    return {frozenset(s.labels.items()): s.value for s in found if s.name == name}


@pytest.mark.parametrize("name", COUNTER)
def test_a_counter_takes_its_calls(name: str, metrics: Recorded) -> None:
    """Value by value, and errors of the same kind."""
    theirs = _theirs(client.Counter, llm_calls_total)
    assert _done(COUNTER[name], llm_calls_total) == _done(COUNTER[name], theirs)
    ours = {key: value for key, value in metrics.series("llm_calls_total").items() if value}
    assert ours == {key: value for key, value in _samples(theirs, "llm_calls_total").items() if value}


@pytest.mark.parametrize("name", HISTOGRAM)
def test_a_histogram_takes_its_calls(name: str, metrics: Recorded) -> None:
    """As many values, in the same buckets."""
    theirs = _theirs(client.Histogram, evidence_count)
    assert _done(HISTOGRAM[name], evidence_count) == _done(HISTOGRAM[name], theirs)
    for part in ("bucket", "count"):
        assert metrics.series(f"evidence_count_{part}") == _samples(theirs, f"evidence_count_{part}")


@pytest.mark.parametrize("name", GAUGE)
def test_a_gauge_takes_its_calls(name: str, metrics: Recorded) -> None:
    """Value by value."""
    theirs = _theirs(client.Gauge, active_evidence_gauge)
    assert _done(GAUGE[name], active_evidence_gauge) == _done(GAUGE[name], theirs)
    assert metrics.series("active_evidence_gauge") == _samples(theirs, "active_evidence_gauge")


def test_seconds_in_a_gauge(metrics: Recorded) -> None:
    """time() holds the last duration, set_to_current_time() the time of day."""
    with active_evidence_gauge.labels("chair", "a").time():
        pass
    active_evidence_gauge.labels("chair", "b").set_to_current_time()
    assert 0 <= metrics.value("active_evidence_gauge", category="chair", session_id="a") < 1
    assert metrics.value("active_evidence_gauge", category="chair", session_id="b") > 1.7e9


def test_a_counter_without_labels(metrics: Recorded) -> None:
    """Takes the calls itself."""
    ingest_bytes_total.inc(3, exemplar=None)
    within(ingest_bytes_total.count_exceptions(), lambda _: fails(ValueError())())
    assert metrics.value("ingest_bytes_total") == 4


def test_asynchronous_functions_are_watched_to_their_end(metrics: Recorded) -> None:
    """prometheus_client's decorators end when the coroutine is made; these end when it does."""

    @llm_calls_total.labels("gemini", "error").count_exceptions()
    async def call() -> None:
        await asyncio.sleep(0)
        raise ValueError

    assert inspect.iscoroutinefunction(call)
    with pytest.raises(ValueError):
        asyncio.run(call())
    assert metrics.value("llm_calls_total", provider="gemini", status="error") == 1


CANNOT: dict[str, Call] = {
    "a counter's series is removed": lambda _: llm_calls_total.remove("gemini", "success"),
    "a histogram's series is removed": lambda _: evidence_count.remove("chair"),
    "series are removed by labels": lambda _: llm_calls_total.remove_by_labels({"provider": "gemini"}),
    "a counter is cleared": lambda _: llm_calls_total.clear(),
    "a counter is reset": lambda _: llm_calls_total.labels("gemini", "success").reset(),
    "a handle is collected": lambda _: list(llm_calls_total.collect()),
    "a handle is described": lambda _: list(evidence_count.describe()),
}


@pytest.mark.parametrize("name", CANNOT)
def test_what_cannot_be_given_is_a_fault(name: str) -> None:
    """Named where strict, counted otherwise: what was counted stays."""
    with recording(), pytest.raises(TypeError, match=r"totals never fall|not collected"):
        CANNOT[name](None)
    with recording(strict=False) as metrics:
        llm_calls_total.labels("gemini", "success").inc()
        CANNOT[name](None)
        assert metrics.value("errors_total", error_type="record", component="telemetry") == 1
        assert metrics.value("llm_calls_total", provider="gemini", status="success") == 1


@pytest.mark.parametrize(
    "call",
    [
        lambda: llm_calls_total.labels("gemini").inc(),
        lambda: llm_calls_total.labels("gemini").count_exceptions()(id)(1),
        lambda: evidence_count.labels().time()(id)(1),
        lambda: active_evidence_gauge.labels("chair").track_inprogress()(id)(1),
        lambda: active_evidence_gauge.labels("chair").set_function(lambda: 1),
        lambda: active_evidence_gauge.labels("chair").dec(),
        lambda: active_evidence_gauge.labels("chair", "a").set("no number"),  # type: ignore[arg-type]
        lambda: active_evidence_gauge.labels("chair", "a").inc("no number"),  # type: ignore[arg-type]
        lambda: active_evidence_gauge.remove("chair"),
    ],
)
def test_a_wrong_call_changes_no_response(call: Callable[[], object]) -> None:
    """In production each is one counted fault, and the code around it runs."""
    with recording(strict=False) as metrics:
        call()
        assert metrics.value("errors_total", error_type="record", component="telemetry") == 1


def test_clearing_leaves_the_source_and_the_bounds(metrics: Recorded) -> None:
    """It ends what is held; what a source tells goes on."""
    active_evidence_gauge.follow(lambda: [(("chair", "live"), 3)])
    active_evidence_gauge.labels("chair", "a").set(1)
    active_evidence_gauge.clear()
    assert list(metrics.series("active_evidence_gauge").values()) == [3]


def test_a_gauge_whose_function_fails_is_left_out() -> None:
    """The others are shown, and the fault is counted."""
    with recording(strict=False) as metrics:
        active_evidence_gauge.labels("chair", "a").set_function(lambda: 1 / 0)
        active_evidence_gauge.labels("chair", "b").set(2)
        assert list(metrics.series("active_evidence_gauge").values()) == [2]
        assert metrics.value("errors_total", error_type="render", component="telemetry") >= 1
