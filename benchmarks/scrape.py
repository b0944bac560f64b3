"""What rendering /metrics costs, by the number of lines."""

from __future__ import annotations

import time
from collections.abc import Callable

from telemetry.metrics import http_request_duration_seconds
from telemetry.testing import recording

SERIES = {"about 1,100 lines": 100, "about 11,000 lines": 1_000}


def run(rounds: int) -> dict[str, list[float]]:
    """Milliseconds a scrape, by size, one figure a round."""
    figures: dict[str, list[float]] = {}
    for name, series in SERIES.items():
        with recording() as recorded:
            for number in range(series):
                http_request_duration_seconds.labels(method="GET", endpoint=f"/{number}").observe(0.2)
            recorded.text()
            figures[name] = [_scrape(recorded.text) for _ in range(rounds)]
    return figures


def _scrape(text: Callable[[], str]) -> float:
    start = time.perf_counter()
    text()
    return (time.perf_counter() - start) * 1e3
