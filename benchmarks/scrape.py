"""What rendering /metrics costs, by the number of lines, and by the number of workers that it is of."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from telemetry.metrics import http_request_duration_seconds
from telemetry.pipeline import Pipeline
from telemetry.settings import load
from telemetry.testing import Recorded, recording
from telemetry.workers import Worker

SERIES = (100, 960)
WORKERS = 8


def run(rounds: int) -> dict[str, list[float]]:
    """Milliseconds a scrape, by size, one figure a round."""
    figures: dict[str, list[float]] = {}
    for series in SERIES:
        with recording() as recorded:
            _record(series)
            name = f"about {round(len(recorded.text().splitlines()), -2):,} lines"
            figures[name] = _scrapes(recorded.text, rounds)
        with tempfile.TemporaryDirectory() as folder:
            figures[f"{name}, {WORKERS} workers with as many each"] = _of_workers(
                Path(folder), series, rounds
            )
    return figures


def _of_workers(folder: Path, series: int, rounds: int) -> list[float]:
    """This process is one of the workers; the others have counted the same."""
    pipeline = Pipeline(load({}), {}, worker=Worker(folder))
    try:
        _record(series)
        for number in range(1, WORKERS):
            shutil.copy(folder / "0.cells", folder / f"{number}.cells")
        return _scrapes(Recorded(pipeline).text, rounds)
    finally:
        pipeline.shutdown()


def _record(series: int) -> None:
    """Half of them announced, as a metric has no more room for others."""
    for number in range(series):
        if number % 2:
            http_request_duration_seconds.expect(("GET", f"/{number}"))
        http_request_duration_seconds.labels(method="GET", endpoint=f"/{number}").observe(0.2)


def _scrapes(text: Callable[[], str], rounds: int) -> list[float]:
    text()
    return [_scrape(text) for _ in range(rounds)]


def _scrape(text: Callable[[], str]) -> float:
    start = time.perf_counter()
    text()
    return (time.perf_counter() - start) * 1e3
