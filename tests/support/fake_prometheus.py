"""A Prometheus without a server: a function answers its queries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from telemetry.doctor.prometheus import Prometheus, Sample


@dataclass(frozen=True)
class FakePrometheus(Prometheus):
    """The client; `answer` has a query and gives its series."""

    url: str = "http://prometheus"
    answer: Callable[[str], list[Sample]] = lambda _: []

    def query(self, expr: str, at: float | None = None) -> list[Sample]:
        return self.answer(expr)


def vector(*rows: tuple[dict[str, str], float]) -> list[Sample]:
    """The series of an instant vector."""
    return [Sample(*row) for row in rows]
