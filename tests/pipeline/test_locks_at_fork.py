"""A process forked while a thread of its parent holds a lock goes on: no lock of telemetry's stays held."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.servers import ROOT

SCRIPT = ROOT / "tests" / "data" / "locks_at_fork.py"
KNOWN = {"CardinalityLimit._lock", "Cells._lock", "Exposition._lock", "Gauge._lock", "Guard._lock"}


def test_no_lock_that_the_parent_holds_stops_its_child(tmp_path: Path) -> None:
    """Neither recording, nor a fault, nor a scrape, whichever lock it is."""
    environ = {"PYTHONPATH": str(ROOT), "OTEL_METRICS_EXPORTER": "prometheus", "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, SCRIPT], env=environ, capture_output=True, text=True, check=False, timeout=120
    )
    found, hung = done.stdout.splitlines()
    assert set(found.split()) >= KNOWN, done.stderr
    assert hung.split() == [], done.stderr
