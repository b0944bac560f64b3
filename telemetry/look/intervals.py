"""Durations and time ranges as Grafana's dashboards write them."""

from __future__ import annotations

import re

_PART = re.compile(r"(\d+)(ms|[smhdwMy])")
_UNITS = {
    "ms": 0.001,
    "s": 1,
    "m": 60,
    "h": 3_600,
    "d": 86_400,
    "w": 604_800,
    "M": 2_592_000,
    "y": 31_536_000,
}
MINIMUM_SECONDS = 15
"""Between two scrapes, as far as nobody says otherwise."""
POINTS = 400
"""Of a line, where nobody chooses the width of a graph."""


def seconds(text: object) -> float | None:
    """Of a duration such as 1h30m; None for any other text."""
    if not isinstance(text, str) or not (parts := _PART.findall(text)):
        return None
    if "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(int(number) * _UNITS[unit] for number, unit in parts)


def since(text: object) -> float | None:
    """Seconds before now of `now-6h`; None for any other moment."""
    return seconds(text[4:]) if isinstance(text, str) and text.startswith("now-") else None


def step(length: float, *minimums: float | None) -> int:
    """Seconds between two points of a graph of this length, a multiple of the scrape interval."""
    wanted = max(length / POINTS, MINIMUM_SECONDS, *(one or 0 for one in minimums))
    return -int(-wanted // MINIMUM_SECONDS) * MINIMUM_SECONDS


def rate_interval(step_seconds: int) -> int:
    """$__rate_interval: as Grafana defines it, at least four scrapes, and one more than a step."""
    return max(step_seconds + MINIMUM_SECONDS, 4 * MINIMUM_SECONDS)


def written(length: float) -> str:
    """A duration as PromQL has it."""
    return f"{length:.0f}s"
