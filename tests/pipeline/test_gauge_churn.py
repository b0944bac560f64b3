"""100,000 sessions one after another: the gauge keeps the live ones and nothing else, on every path.

In an SDK instrument the 2,001st session of a process would be the last that anyone sees.
"""

from __future__ import annotations

import tracemalloc
from collections import deque
from collections.abc import Iterator

from fastapi import FastAPI
from support.live import serving
from support.metrics_page import page, samples
from support.otlp_sink import Sink, otlp_sink

from telemetry import instrument
from telemetry.metrics import active_evidence_gauge, dialogue_turns_total
from telemetry.testing import Recorded, recording

SESSIONS = 100_000
LIVE = 10
EVERY = 2_500
CATEGORIES = ("chair", "monitor", "mattress")
PUSHED = {"OTEL_METRICS_EXPORTER": "prometheus,otlp", "OTEL_METRIC_EXPORT_INTERVAL": "3600000"}


def category(number: int) -> str:
    return CATEGORIES[number % len(CATEGORIES)]


def sessions() -> Iterator[tuple[int, list[int]]]:
    """Every EVERY-th session's number, with the numbers that live then; each is set once and removed."""
    live: deque[int] = deque()
    for number in range(SESSIONS):
        child = active_evidence_gauge.labels(category=category(number), session_id=f"s{number}")
        child.set(number % 50)
        dialogue_turns_total.labels(category=category(number)).inc()
        live.append(number)
        if len(live) > LIVE:
            ended = live.popleft()
            active_evidence_gauge.labels(category=category(ended), session_id=f"s{ended}").remove()
        if (number + 1) % EVERY == 0:
            yield number + 1, list(live)


def expected(live: list[int]) -> dict[frozenset[tuple[str, str]], float]:
    """The exact series of the live sessions."""
    return {
        frozenset({("category", category(number)), ("session_id", f"s{number}")}): float(number % 50)
        for number in live
    }


def scraped(url: str) -> dict[frozenset[tuple[str, str]], float]:
    """The gauge on /metrics, by HTTP."""
    found = samples(page(url), "active_evidence_gauge")
    return {frozenset(sample.labels.items()): sample.value for sample in found}


def pushed(sink: Sink, recorded: Recorded) -> dict[frozenset[tuple[str, str]], float]:
    """The gauge in an OTLP export; only the last request is kept."""
    del sink.requests[:]
    recorded.pipeline.flush()
    return sink.series("active_evidence_gauge")


def test_a_hundred_thousand_sessions_leave_the_live_ones_and_no_trace() -> None:
    """Exact series by HTTP scrape and by OTLP/HTTP at every 2,500th session; memory stays flat."""
    with otlp_sink() as sink:
        environ = {**PUSHED, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": sink.url + "/v1/metrics"}
        with recording(environ, exporter=None) as recorded:
            app = FastAPI()
            instrument(app, recorded.pipeline)
            with serving(app) as url:
                sizes, ended = [], deque[set[frozenset[tuple[str, str]]]](maxlen=2)
                tracemalloc.start()
                try:
                    for number, live in sessions():
                        now = expected(live)
                        assert scraped(url) == now
                        # Those of the last two exports have ended since, and are 0 in this one.
                        zeros = dict.fromkeys(set().union(*ended), 0.0)
                        assert pushed(sink, recorded) == {**zeros, **now}
                        ended.append(set(now))
                        if number >= SESSIONS * 0.3:
                            sizes.append(tracemalloc.get_traced_memory()[0])
                finally:
                    tracemalloc.stop()
                assert recorded.total("dialogue_turns_total") == SESSIONS
    assert number == SESSIONS
    assert max(sizes) - sizes[0] < 300_000, sizes  # 70,000 sessions in the SDK would be 80 MB
