"""Clocks of tests. One that goes on by itself is `telemetry.testing.StepClock`."""

from __future__ import annotations


class SetClock:
    """Stands still until a test sets `now`, in seconds."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
