"""How long the event loop waits at most while a large scrape is rendered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

import telemetry
from benchmarks.filling import LINES, fill, widen
from benchmarks.part import Part, Turn
from benchmarks.service import ask, service
from benchmarks.standing import standing

SCRAPED_LINES = 110_000
SCRAPES = 2
SECONDS = 0.5
TICK = 0.001


async def _longest(work: Callable[[], Awaitable[object]]) -> float:
    """Seconds that a task which sleeps for a tick has overslept, at most, during some work."""
    longest, over = 0.0, asyncio.Event()

    async def tick() -> None:
        nonlocal longest
        while not over.is_set():
            slept = time.perf_counter()
            await asyncio.sleep(TICK)
            longest = max(longest, time.perf_counter() - slept - TICK)

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(TICK)
    await work()
    over.set()
    await ticking
    return longest


def _compute() -> int:
    """Python and nothing else, for as long as a scrape takes."""
    number, ends = 0, time.perf_counter() + SECONDS
    while time.perf_counter() < ends:
        number += 1
    return number


def scraped() -> Turn:
    """Milliseconds of the longest wait while a large page is asked for."""
    widen(SCRAPED_LINES // LINES)
    app = service()
    telemetry.instrument(app)
    fill(SCRAPED_LINES // LINES)
    return _turn(partial(ask, app, SCRAPES, "/metrics"))


def _turn(work: Callable[[], Awaitable[object]]) -> Turn:
    return lambda: asyncio.run(_longest(work)) * 1e3


SCRAPED = f"{SCRAPED_LINES:,} lines are scraped"
COMPUTES = "a thread computes"
FACTORIES: dict[str, Callable[[], Turn]] = {
    "nobody scrapes": partial(_turn, partial(asyncio.sleep, SECONDS)),
    COMPUTES: partial(_turn, partial(asyncio.to_thread, _compute)),
    SCRAPED: scraped,
}
PART = Part(
    "stall",
    "The event loop during a scrape",
    "ms",
    f"How late a task that wakes every {TICK * 1e3:.0f} ms was at most, over {SCRAPES} scrapes a round; "
    f"beside it, over {SECONDS:g} s in which a thread runs a loop of Python, as a thread of any library may.",
    standing(__name__, FACTORIES),
    base=COMPUTES,
)
