"""Durations as Prometheus writes them: 15s, 1h30m, 250ms."""

from __future__ import annotations

import re
from collections.abc import Mapping

_DAY = 24 * 60 * 60 * 1000
# Unit -> milliseconds, in the order in which the units may follow each other.
_UNITS: Mapping[str, int] = {
    "y": 365 * _DAY,
    "w": 7 * _DAY,
    "d": _DAY,
    "h": 60 * 60 * 1000,
    "m": 60 * 1000,
    "s": 1000,
    "ms": 1,
}
_DURATION = re.compile("".join(rf"(?:([0-9]+){unit})?" for unit in _UNITS))


def seconds(text: str) -> float:
    """A duration in seconds. Raises ValueError for a text that Prometheus takes for none."""
    if text == "0":
        return 0.0
    found = _DURATION.fullmatch(text)
    if not text or not found:
        raise ValueError(f"{text!r}: expected a duration such as 15s or 1h30m")
    numbers = zip(found.groups(), _UNITS.values(), strict=True)
    return sum(int(number) * unit for number, unit in numbers if number) / 1000
