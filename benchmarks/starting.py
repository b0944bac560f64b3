"""How long a start takes."""

from __future__ import annotations

import asyncio
import os
import sys
import time

from benchmarks.fresh import fresh
from benchmarks.part import Part

APP = "import and start of the service"
OWN = "telemetry's own part"
FRAMEWORK = "import of FastAPI"


def app() -> float:
    """From the first import to the end of the start-up, over the store that an earlier turn has left."""
    os.environ["REVIEWLENS_LOG_LEVEL"] = "ERROR"
    start = time.perf_counter()
    from app.main import app as service

    async def started() -> float:
        async with service.router.lifespan_context(service):
            return (time.perf_counter() - start) * 1e3

    return asyncio.run(started())


def own() -> float:
    """Import and start of telemetry, where FastAPI is imported already."""
    import fastapi

    assert fastapi.__name__ in sys.modules
    start = time.perf_counter()
    import telemetry

    telemetry.start()
    return (time.perf_counter() - start) * 1e3


def framework() -> float:
    """What every service of this kind imports."""
    start = time.perf_counter()
    import fastapi

    assert fastapi.__name__ in sys.modules
    return (time.perf_counter() - start) * 1e3


ONCE = {APP: app, OWN: own, FRAMEWORK: framework}
PART = Part(
    "start",
    "A start",
    "ms",
    "A new process each time. The service: from its first import to the end of its start-up, with the "
    "samples in its store already. Telemetry's own part: `import telemetry` and `telemetry.start()`, where "
    "FastAPI is imported already. A machine's speed is that of importing FastAPI.",
    fresh(__name__, ONCE),
)
