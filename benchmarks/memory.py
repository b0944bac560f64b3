"""Memory that a process has for itself, with telemetry and without."""

from __future__ import annotations

import gc
import re
from functools import partial
from pathlib import Path

from benchmarks.fresh import Once, fresh
from benchmarks.part import LeftOutError, Part

SERIES = 10_000
BARE = "FastAPI alone"
AT_REST = "telemetry.instrument, at rest"
FILLED = f"telemetry.instrument, {SERIES:,} series"
_MAP = Path("/proc/self/smaps_rollup")


def _own() -> float:
    """Megabytes that would be free again if this process ended."""
    if not _MAP.exists():
        raise LeftOutError(f"{_MAP} is not on this system")
    gc.collect()
    private = re.findall(r"^Private_(?:Clean|Dirty):\s+(\d+) kB$", _MAP.read_text(), re.MULTILINE)
    return sum(map(int, private)) / 1024


def bare() -> float:
    """An application that nobody observes."""
    from benchmarks.service import service

    app = service()
    return _own() if app else 0.0


def observed(series: int) -> float:
    """The same, observed, with so many series recorded and scraped once."""
    import telemetry
    from benchmarks.filling import LINES, fill, widen
    from benchmarks.service import service

    app = service()
    widen(series // LINES)
    telemetry.instrument(app)
    fill(series // LINES)
    exposition = telemetry.start().exposition
    assert exposition
    exposition.render()
    return _own()


ONCE: dict[str, Once] = {BARE: bare, AT_REST: partial(observed, 0), FILLED: partial(observed, SERIES)}
PART = Part(
    "memory",
    "Memory of a process",
    "MB",
    "A new process each time; what it has for itself alone (private pages of /proc/self/smaps_rollup). "
    "A histogram's label set is 11 series.",
    fresh(__name__, ONCE),
    base=BARE,
    added=True,
)
