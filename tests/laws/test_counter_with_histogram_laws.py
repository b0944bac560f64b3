"""A counter and a histogram recorded together are what their own two calls make them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from support.laws import examples

from telemetry import pipeline as root
from telemetry.guard import guard
from telemetry.metrics import http_request_duration_seconds, http_requests_total
from telemetry.record import children
from telemetry.record.children import CounterChild, CounterWithHistogram, HistogramChild
from telemetry.record.trackers import IDLE
from telemetry.testing import Recorded, recording

METRICS = ("http_requests_total", "http_request_duration_seconds", "errors_total", "telemetry_overflow_total")
NAMED = re.compile(rf"^(?:# \w+ )?(?:{'|'.join(METRICS)})(?:_bucket|_count|_sum)?[ {{]")
AMOUNTS = st.one_of(
    st.integers(0, 100).map(lambda number: number / 8),
    st.sampled_from([-1.0, math.nan, math.inf, 0, 0.01, 2.5, 1e16]),
)
EVENTS = st.lists(
    st.one_of(st.tuples(st.sampled_from(["/a", "/b"]), AMOUNTS), st.just("reconnect")), max_size=12
)
SETTINGS = {
    "as it is": {},
    "with exemplars": {"OTEL_TRACES_EXPORTER": "console"},
    "of unknown shape": {},
}
Pair = tuple[CounterChild, HistogramChild]
Record = Callable[[float], None]
Way = Callable[[Pair], Record]


def apart(pair: Pair) -> Record:
    def record(amount: float) -> None:
        pair[0].inc()
        pair[1].observe(amount)

    return record


def together(pair: Pair) -> Record:
    return CounterWithHistogram(*pair).record


def children_of(endpoint: str) -> Pair:
    of = {"method": "GET", "endpoint": endpoint}
    return http_requests_total.labels(**of, status_code="200"), http_request_duration_seconds.labels(**of)


def told(events: list[Any], environ: dict[str, str], way: Way) -> list[str]:
    """The lines of /metrics after the events, each in a sampled span. Of an exemplar the trace and the time
    are taken off: they differ."""
    tracer = TracerProvider(sampler=ALWAYS_ON).get_tracer("test")
    with patch.object(guard, "_last", {}), recording(environ, strict=False) as recorded:
        ways = {endpoint: way(children_of(endpoint)) for endpoint in ("/a", "/b")}
        for event in events:
            if event == "reconnect":
                http_requests_total.reconnect()
                http_request_duration_seconds.reconnect()
                continue
            with tracer.start_as_current_span("span"):
                ways[event[0]](event[1])
        lines = recorded.text("application/openmetrics-text").splitlines()
    return [re.sub(r" # \{.*\} (\S+) \S+$", r" # \1", line) for line in lines if NAMED.match(line)]


@pytest.mark.parametrize("how", SETTINGS)
@examples(40)
@given(events=EVENTS)
def test_together_is_what_the_two_calls_make(how: str, events: list[Any]) -> None:
    """Every line of the two and of what counts faults, also with amounts that are none, and when the children
    are asked to find their places anew."""
    works = (lambda: "another shape") if how == "of unknown shape" else root.unsupported
    with patch.object(root, "unsupported", works):
        assert told(events, SETTINGS[how], together) == told(events, SETTINGS[how], apart)


def test_a_child_whose_labels_were_wrong_takes_nothing_from_the_other(metrics: Recorded) -> None:
    """What stands in its place forgets; the other is recorded."""
    counter, histogram = children_of("/a")
    CounterWithHistogram(IDLE, histogram).record(0.5)  # type: ignore[arg-type]
    CounterWithHistogram(counter, IDLE).record(0.5)  # type: ignore[arg-type]
    of = {"method": "GET", "endpoint": "/a"}
    assert metrics.value("http_requests_total", **of, status_code="200") == 1
    assert metrics.count("http_request_duration_seconds", **of) == 1


def test_one_lock_is_taken_once_for_both(metrics: Recorded) -> None:
    """And released, also where a bucket cannot be told; the fault is counted once, for both."""
    pair = children_of("/a")
    apart(pair)(0.5)
    taken: list[str] = []
    lock = pair[0]._alone
    pair[1]._take = lambda: (taken.append("taken"), lock.acquire())
    pair[1]._release = lambda: (taken.append("released"), lock.release())
    record = together(pair)
    record(0.5)  # apart: it is this that finds where the two write
    taken.clear()
    record(0.5)
    assert taken == ["taken", "released"]
    with (
        patch.object(children, "bisect_left", side_effect=RuntimeError("broken")),
        pytest.raises(RuntimeError),
    ):
        record(0.5)
    assert metrics.value("http_requests_total", method="GET", endpoint="/a", status_code="200") == 3
    assert metrics.count("http_request_duration_seconds", method="GET", endpoint="/a") == 3


def test_what_is_recorded_after_a_new_start_is_in_its_numbers() -> None:
    """Whoever records holds its place through the end of a pipeline and the start of the next."""
    of = {"method": "GET", "endpoint": "/a"}
    with recording():
        record = together(children_of("/a"))
        record(0.5)
        record(0.5)
    record(0.5)  # to nobody
    with recording() as again:
        record(0.5)
        record(0.5)
        assert again.value("http_requests_total", **of, status_code="200") == 2
        assert again.count("http_request_duration_seconds", **of) == 2


@pytest.mark.parametrize("handle", [http_requests_total, http_request_duration_seconds])
def test_an_instrument_that_takes_the_place_of_one_gets_its_values(metrics: Recorded, handle: Any) -> None:
    """And the other goes on where it was."""
    record = together(children_of("/a"))
    record(0.5)
    record(0.5)
    got: list[float] = []

    class Instrument:
        def add(self, amount: float, attributes: Any = None) -> None:
            got.append(amount)

        record = add

    before, handle.instrument = handle.instrument, Instrument()
    record(0.25)
    handle.instrument = before
    of = {"method": "GET", "endpoint": "/a"}
    counted = metrics.value("http_requests_total", **of, status_code="200")
    observed = metrics.count("http_request_duration_seconds", **of)
    assert (got, counted, observed) == (([1], 2, 3) if handle is http_requests_total else ([0.25], 3, 2))


@pytest.mark.parametrize("which", [0, 1])
def test_one_that_finds_its_place_while_its_children_let_go_of_it_asks_again(
    metrics: Recorded, which: int
) -> None:
    """As when another thread starts a pipeline meanwhile: no value goes where nobody reads any more."""
    pair = children_of("/a")
    both = CounterWithHistogram(*pair)
    lock = pair[which].__class__._alone

    class LetsGo(pair[which].__class__):  # type: ignore[misc, name-defined]
        """Let go once its lock was asked for."""

        __slots__ = ()
        asked = 0

        @property
        def _alone(self) -> Any:
            self.__class__.asked += 1
            return lock.__get__(self) if self.asked == 1 else None

        @_alone.setter
        def _alone(self, value: Any) -> None:
            lock.__set__(self, value)

    pair[which].__class__ = LetsGo
    both.record(0.5)
    assert LetsGo.asked > 1
    assert both._places is None


def test_watchers_are_told_after_all_children_have_let_go(metrics: Recorded) -> None:
    """So one that was told, or has looked again, holds no place that its children have left."""
    children = [child for endpoint in ("/a", "/b", "/c") for child in children_of(endpoint)]
    for child in children:
        child.connect()

    class Watcher:
        seen: Any = None

        def disconnect(self) -> None:
            self.seen = [child._alone for child in children if isinstance(child, CounterChild)]

    watcher = Watcher()
    for child in children:
        child.watch(watcher)
    http_requests_total.reconnect()
    assert watcher.seen == [None, None, None]


def test_threads_lose_nothing(metrics: Recorded) -> None:
    """Four record together, four by the two calls."""
    pair = children_of("/a")

    def work(way: Way) -> None:
        record = way(pair)
        for _ in range(1_000):
            record(0.5)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, (together, apart) * 4))
    of = {"method": "GET", "endpoint": "/a"}
    assert metrics.value("http_requests_total", **of, status_code="200") == 8_000
    assert metrics.count("http_request_duration_seconds", **of) == 8_000
    assert metrics.sum("http_request_duration_seconds", **of) == 4_000
