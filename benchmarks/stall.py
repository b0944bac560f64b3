"""How long the event loop waits at most while a large scrape is rendered."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Any

import telemetry
from benchmarks.filling import LINES, fill, widen
from benchmarks.part import Part, Turn
from benchmarks.service import ask, service
from benchmarks.standing import standing

SCRAPED_LINES = 110_000
SCRAPES = 2
TICK = 0.001


async def _longest(app: Any, scrapes: int) -> float:
    """Seconds that a task which sleeps for a tick has overslept, at most, while the app is scraped."""
    longest, over = 0.0, asyncio.Event()

    async def tick() -> None:
        nonlocal longest
        while not over.is_set():
            slept = time.perf_counter()
            await asyncio.sleep(TICK)
            longest = max(longest, time.perf_counter() - slept - TICK)

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(TICK)
    if scrapes:
        await ask(app, scrapes, "/metrics")
    else:
        await asyncio.sleep(0.5)
    over.set()
    await ticking
    return longest


def stalled(scrapes: int) -> Turn:
    """Milliseconds of the longest wait."""
    widen(SCRAPED_LINES // LINES)
    app = service()
    telemetry.instrument(app)
    fill(SCRAPED_LINES // LINES)
    return lambda: asyncio.run(_longest(app, scrapes)) * 1e3


SCRAPED = f"{SCRAPED_LINES:,} lines are scraped"
FACTORIES = {"nobody scrapes": partial(stalled, 0), SCRAPED: partial(stalled, SCRAPES)}
PART = Part(
    "stall",
    "The event loop during a scrape",
    "ms",
    f"How late a task that wakes every {TICK * 1e3:.0f} ms was at most, over {SCRAPES} scrapes a round.",
    standing(__name__, FACTORIES),
)
