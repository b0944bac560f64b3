"""What the tests of Timer and track_errors share."""

from __future__ import annotations

PAIR = {"error_type": "retrieval_error", "component": "retrieval"}


class ObservedValues:
    """Everything that a timer needs: one method."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def observe(self, amount: float) -> None:
        self.values.append(amount)


class BoomError(Exception):
    """What a function under test raises."""
