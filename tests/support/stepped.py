"""The service on a clock that gives every run the same durations, and one request that records everything.

Its own modules read `perf_counter`; in a request, each reading is 1/32 s after the last. Requests one after
the other then give the same numbers in every process, whatever else goes on in it.
"""

from __future__ import annotations

import itertools
import time
import timeit  # noqa: F401  # before the clock is changed: instrumentations of spans time with it
from contextvars import ContextVar

REAL = time.perf_counter
READINGS: ContextVar[itertools.count[float] | None] = ContextVar("READINGS")


def clock() -> float:
    """The time of this request, or thread."""
    if (readings := READINGS.get(None)) is None:
        READINGS.set(readings := itertools.count(0.0, 1 / 32))
    return next(readings)


time.perf_counter = clock
try:
    from app.main import app
    from telemetry.metrics import HANDLES
    from telemetry.record.handles import Counter, Histogram
finally:
    time.perf_counter = REAL
READINGS.set(None)  # else every request, and each scrape amid one, would go on with the readings of the start

# What a path may spoil: quotes, a backslash, a line's end, blanks, other scripts, length, a look of numbers.
ODD = ('say "no"', "a\\b", "two\nlines", " blanks ", "소음이 커요 🙂", "x" * 300, "1.0", "true")
AMOUNTS = (0.0, 0.01, 0.3, 1.0, 1.5, 7.0, 50.0, 1e6)


@app.post("/everything")
def everything() -> None:
    """Record into every metric, on the bounds of buckets and between, under ordinary and odd label values."""
    for handle in HANDLES.values():
        for value, amount in zip(ODD, AMOUNTS, strict=True):
            labels = dict.fromkeys(handle.metric.label_names, value)
            if isinstance(handle, Counter):
                handle.labels(**labels).inc(amount)
            elif isinstance(handle, Histogram):
                handle.labels(**labels).observe(amount)


@app.post("/last")
def last() -> None:
    """Nothing: who sees this request counted has seen all that came before."""
