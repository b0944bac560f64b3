"""Durations and sizes in Prometheus' words, checked before a Prometheus refuses them."""

from __future__ import annotations

import re

from telemetry.doctor.durations import seconds

SIZES = {unit: 1024**power for power, unit in enumerate(("B", "KB", "MB", "GB", "TB", "PB", "EB"))}
# Prometheus counts nanoseconds and bytes in 64 bits.
_LIMIT = 2**63
_SIZE = re.compile(rf"([0-9]+)({'|'.join(SIZES)})")


def is_duration(text: str) -> bool:
    """Whether Prometheus takes this as a duration (`1d12h`), and it is more than none."""
    try:
        return 0 < seconds(text) < _LIMIT / 10**9
    except ValueError:
        return False


def is_size(text: str) -> bool:
    """Whether Prometheus takes this as a size (`512MB`), and it is more than none."""
    found = _SIZE.fullmatch(text)
    return found is not None and 0 < int(found[1]) * SIZES[found[2]] < _LIMIT
