"""Durations and sizes in Prometheus' words, checked before a Prometheus refuses them."""

from __future__ import annotations

import re
from collections.abc import Mapping

_DAY = 24 * 60 * 60 * 10**9
# Unit -> nanoseconds or bytes, in the order in which the units may follow each other.
KINDS: Mapping[str, Mapping[str, int]] = {
    "duration": {
        "y": 365 * _DAY,
        "w": 7 * _DAY,
        "d": _DAY,
        "h": _DAY // 24,
        "m": _DAY // 24 // 60,
        "s": 10**9,
        "ms": 10**6,
    },
    "size": {unit: 1024**power for power, unit in enumerate(("B", "KB", "MB", "GB", "TB", "PB", "EB"))},
}
_LIMIT = 2**63


def is_quantity(kind: str, text: str) -> bool:
    """Whether Prometheus takes this as a duration (`1d12h`) or a size (`512MB`), and it is more than none."""
    units = KINDS[kind]
    parts = re.findall(r"([0-9]+)([A-Za-z]+)", text)
    names = [unit for _, unit in parts]
    ordered = [unit for unit in units if unit in names]
    if "".join(map("".join, parts)) != text or names != ordered or (kind == "size" and len(parts) != 1):
        return False
    return 0 < sum(int(number) * units[unit] for number, unit in parts) < _LIMIT
