"""Metrics on a port of their own: an application that has them there, and what stands there."""

from __future__ import annotations

import subprocess
from pathlib import Path

import httpx

APP = "data.counted_app:app"
TESTS = Path(__file__).parents[1]


def environ(port: int, **more: str) -> dict[str, str]:
    """Metrics on a port of their own."""
    return {"PYTHONPATH": str(TESTS), "OTEL_EXPORTER_PROMETHEUS_PORT": str(port), **more}


def scraped(url: str) -> str:
    """A page, empty while nobody listens."""
    try:
        answered = httpx.get(url)
    except httpx.TransportError:
        return ""
    return answered.text if answered.status_code == 200 else ""


def listening(port: int) -> int:
    """The process that has a port; 0 while nobody has."""
    shown = subprocess.run(["ss", "-Hltnp", f"sport = :{port}"], capture_output=True, text=True, check=True)
    return int(shown.stdout.partition("pid=")[2].partition(",")[0] or 0)
