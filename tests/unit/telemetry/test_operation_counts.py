"""What recording takes in operations of the interpreter: no clock, the same on any machine and under any load.

A ceiling is for a slip that would cost every caller. What is saved for good lowers its row in CEILINGS.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, NamedTuple

import pytest

import telemetry
from benchmarks.recording import handles, handles_bound
from benchmarks.service import ask, service
from telemetry.testing import recording

TIMES = 50
WARM = 20


class Operations(NamedTuple):
    """Calls of functions in Python, and instructions in them."""

    calls: float
    instructions: float

    def above(self, other: Operations) -> Operations:
        """What is left when the other's are taken away."""
        return Operations(self.calls - other.calls, self.instructions - other.instructions)


CEILINGS = {
    "pair, labels each time": Operations(1, 1),
    "pair, labels bound once": Operations(1, 1),
    "request": Operations(1, 1),
}


def count(work: Callable[[], object]) -> Operations:
    """The operations of one call of `work`, in this thread. What resumes a coroutine is a call as well."""
    calls = instructions = 0

    def seen(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal calls, instructions
        if event == "call":
            calls += 1
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        elif event == "opcode":
            instructions += 1
        return seen

    before = sys.gettrace()
    sys.settrace(seen)
    try:
        work()
    finally:
        sys.settrace(before)
    return Operations(calls, instructions)


def each(work: Callable[[int], object]) -> Operations:
    """The operations of one of many: what was done once, at the first, is no part of it."""
    work(WARM)
    once, many = count(lambda: work(1)), count(lambda: work(1 + TIMES))
    return Operations(*(rest / TIMES for rest in many.above(once)))


def pairs(pair: Callable[[], None]) -> Operations:
    """One counter with three labels and one histogram with two."""

    def work(number: int) -> None:
        for _ in range(number):
            pair()

    return each(work)


def requests(app: Any) -> Operations:
    """One request through an application."""
    return each(lambda number: asyncio.run(ask(app, number)))


def observed() -> Operations:
    """What telemetry.instrument adds to a request."""
    bare = requests(service())
    with recording() as recorded:
        app = service()
        telemetry.instrument(app, recorded.pipeline)
        return requests(app).above(bare)


def pair_each_time() -> Operations:
    """Labels given each time."""
    with recording():
        return pairs(handles())


def pair_bound() -> Operations:
    """Labels given once."""
    with recording():
        return pairs(handles_bound())


COUNTED = {
    "pair, labels each time": pair_each_time,
    "pair, labels bound once": pair_bound,
    "request": observed,
}

if __name__ == "__main__":
    for k, v in COUNTED.items():
        print(k, v(), v())
