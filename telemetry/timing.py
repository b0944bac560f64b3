"""Timer, track_time and track_errors: as a decorator or a context manager, for every kind of function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter

from telemetry.builtin import errors_total
from telemetry.record.calls import guarded
from telemetry.record.trackers import IDLE, ExceptionCounter, Labelled, Observer, Timer, Tracker

__all__ = ["Labelled", "Observer", "Timer", "Tracker", "track_errors", "track_time"]


@guarded(IDLE)
def track_time(
    histogram: Labelled | Observer,
    labels: Mapping[str, object] | None = None,
    clock: Callable[[], float] = perf_counter,
) -> Timer:
    """Record each call's duration in seconds: `@track_time(scoring_duration_seconds, {"category": "x"})`."""
    return Timer(histogram, labels, clock)


class track_errors(ExceptionCounter):  # noqa: N801 - the specification's name, called like a function
    """Count an exception that leaves the block, and let it leave: `@track_errors("timeout", "llm")`.

    Exceptions only: a cancelled task, a closed generator and an exit are no errors.
    """

    @guarded()
    def __init__(self, error_type: str, component: str) -> None:
        super().__init__(errors_total.labels(error_type=error_type, component=component).inc, Exception)
