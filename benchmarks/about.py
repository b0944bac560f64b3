"""What a run was of: versions and machine."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from importlib.util import find_spec

from benchmarks import peers

PACKAGES = (
    "opentelemetry-sdk",
    "opentelemetry-instrumentation-fastapi",
    "opentelemetry-exporter-prometheus",
    "prometheus-client",
    "fastapi",
    "starlette",
    "uvicorn",
)


def head(rounds: int) -> list[str]:
    """What was run, and on what."""
    versions = {**{name: version(name) for name in PACKAGES}, **peers.versions()}
    load = f"load {os.getloadavg()[0]:.1f} at the start"
    loop = "uvloop" if find_spec("uvloop") else "asyncio"
    parser = "httptools" if find_spec("httptools") else "h11"
    return [
        "# Benchmarks",
        "",
        f"Measured by `make bench`, {rounds} rounds, contenders taking turns.",
        "Ratios carry to other machines; figures do not. Ratios and differences are medians over rounds,",
        "each of which is compared with itself.",
        "",
        f"{platform.system()} on {platform.machine()}, {os.cpu_count()} cores, {load}. "
        f"Python {platform.python_version()}, {loop} and {parser} under uvicorn, "
        + ", ".join(map(" ".join, versions.items()))
        + ".",
        "",
    ]
