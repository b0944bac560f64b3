"""A counter and a histogram recorded together are what their own two calls make them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from telemetry import children
from telemetry import pipeline as root
from telemetry.children import BoundCounter, BoundHistogram, Together
from telemetry.guard import guard
from telemetry.handles import IDLE
from telemetry.metrics import http_request_duration_seconds, http_requests_total
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
Pair = tuple[BoundCounter, BoundHistogram]
Way = Callable[[Pair, float], None]


def apart(pair: Pair, amount: float) -> None:
    pair[0].inc()
    pair[1].observe(amount)


def together(pair: Pair, amount: float) -> None:
    Together(*pair).record(amount)


def children_of(endpoint: str) -> Pair:
    of = {"method": "GET", "endpoint": endpoint}
    return http_requests_total.labels(**of, status_code="200"), http_request_duration_seconds.labels(**of)


def told(events: list[Any], environ: dict[str, str], way: Way) -> list[str]:
    """The lines of /metrics after the events, each in a sampled span. Of an exemplar the trace and the time
    are taken off: they differ."""
    tracer = TracerProvider(sampler=ALWAYS_ON).get_tracer("test")
    with patch.object(guard, "_last", {}), recording(environ, strict=False) as recorded:
        pairs = {endpoint: children_of(endpoint) for endpoint in ("/a", "/b")}
        for event in events:
            if event == "reconnect":
                http_requests_total.reconnect()
                http_request_duration_seconds.reconnect()
                continue
            with tracer.start_as_current_span("span"):
                way(pairs[event[0]], event[1])
        lines = recorded.text("application/openmetrics-text").splitlines()
    return [re.sub(r" # \{.*\} (\S+) \S+$", r" # \1", line) for line in lines if NAMED.match(line)]


@pytest.mark.parametrize("how", SETTINGS)
@settings(max_examples=40, deadline=None)
@given(events=EVENTS)
def test_together_is_what_the_two_calls_make(how: str, events: list[Any]) -> None:
    """Every line of the two and of what counts faults, also with amounts that are none, and when the children
    are asked to find their places anew."""
    works = (lambda: False) if how == "of unknown shape" else root.works
    with patch.object(root, "works", works):
        assert told(events, SETTINGS[how], together) == told(events, SETTINGS[how], apart)


def test_a_child_whose_labels_were_wrong_takes_nothing_from_the_other(metrics: Recorded) -> None:
    """What stands in its place forgets; the other is recorded."""
    counter, histogram = children_of("/a")
    Together(IDLE, histogram).record(0.5)  # type: ignore[arg-type]
    Together(counter, IDLE).record(0.5)  # type: ignore[arg-type]
    of = {"method": "GET", "endpoint": "/a"}
    assert metrics.value("http_requests_total", **of, status_code="200") == 1
    assert metrics.count("http_request_duration_seconds", **of) == 1


def test_one_lock_is_taken_once_for_both(metrics: Recorded) -> None:
    """And released, also where a bucket cannot be told; the fault is counted once, for both."""
    pair = children_of("/a")
    apart(pair, 0.5)
    taken: list[str] = []
    lock = pair[0]._alone
    pair[1]._take = lambda: (taken.append("taken"), lock.acquire())
    pair[1]._release = lambda: (taken.append("released"), lock.release())
    together(pair, 0.5)
    assert taken == ["taken", "released"]
    with (
        patch.object(children, "bisect_left", side_effect=RuntimeError("broken")),
        pytest.raises(RuntimeError),
    ):
        together(pair, 0.5)
    assert metrics.value("http_requests_total", method="GET", endpoint="/a", status_code="200") == 2
    assert metrics.count("http_request_duration_seconds", method="GET", endpoint="/a") == 2


def test_threads_lose_nothing(metrics: Recorded) -> None:
    """Four record together, four by the two calls."""
    pair = children_of("/a")

    def work(way: Way) -> None:
        for _ in range(1_000):
            way(pair, 0.5)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, (together, apart) * 4))
    of = {"method": "GET", "endpoint": "/a"}
    assert metrics.value("http_requests_total", **of, status_code="200") == 8_000
    assert metrics.count("http_request_duration_seconds", **of) == 8_000
    assert metrics.sum("http_request_duration_seconds", **of) == 4_000
