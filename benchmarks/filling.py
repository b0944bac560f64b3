"""Label sets enough for a scrape of any size."""

from __future__ import annotations

from telemetry.metrics import http_request_duration_seconds
from telemetry.record.handles import Histogram

histogram = http_request_duration_seconds
LINES = histogram.metric.series_per_label_set
"""That one label set makes."""


def labels(number: int) -> dict[str, str]:
    """A label set as a service with so many routes has it."""
    return {"method": "GET", "endpoint": f"/items/{{item}}/parts/{number}"}


def widen(label_sets: int) -> None:
    """Give one histogram room for so many label sets that nobody announced. To be called before the pipeline
    starts."""
    # Strangers have nine tenths of half the limit; the entry is frozen for all but us.
    object.__setattr__(histogram.metric, "at_most", label_sets * 3)
    Histogram.__init__(histogram, histogram.metric)


def fill(label_sets: int) -> None:
    """Record in so many label sets of it."""
    for number in range(label_sets):
        histogram.labels(**labels(number)).observe(0.2)
