"""What recording takes, in operations of the interpreter: no clock, so the same on any machine.

A ceiling stands against a slip that every caller would pay for. What is saved for good lowers its row.
Python 3.12 needs a call or two less than those before it, and instructions differ by a tenth: a row holds for
all of them. Half a call is for what the collector of garbage may run in between.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, NamedTuple

import pytest
from starlette.routing import Router

import telemetry
from benchmarks.recording import handles, handles_bound
from benchmarks.service import ask, service
from telemetry.asgi.middleware import MetricsMiddleware
from telemetry.testing import recording

TIMES = 50
WARM = 20


class Operations(NamedTuple):
    """Calls of functions in Python (a coroutine that goes on is one more), and instructions in them."""

    calls: float
    instructions: float

    def above(self, other: Operations) -> Operations:
        """What is left when the other's are taken away."""
        return Operations(self.calls - other.calls, self.instructions - other.instructions)


def count(work: Callable[[], object]) -> Operations:
    """The operations of this thread until `work` returns."""
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
    """The operations of one of many: what is done at the first alone is no part of it."""
    work(WARM)
    one, many = count(lambda: work(1)), count(lambda: work(1 + TIMES))
    return Operations(*(rest / TIMES for rest in many.above(one)))


def pairs(make: Callable[[], Callable[[], None]]) -> Operations:
    """One counter with three labels and one histogram with two."""
    with recording():
        pair = make()

        def work(number: int) -> None:
            for _ in range(number):
                pair()

        return each(work)


def requests(app: Any) -> Operations:
    """One request through an application."""
    return each(lambda number: asyncio.run(ask(app, number)))


def added_to_a_request() -> Operations:
    """By telemetry.instrument."""
    with recording() as recorded:
        app = service()
        telemetry.instrument(app, recorded.pipeline)
        return requests(app).above(requests(service()))


def amid_an_answer() -> Operations:
    """By telemetry.instrument, between what a server sends at once, which wakes the client, and the rest."""
    counted: list[Operations] = []

    async def app(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        sent: list[Any] = []
        counted.append(count(lambda: sent.append(send({"type": "http.response.body", "body": b"7"}))))
        await sent[0]

    with recording():
        asyncio.run(ask(MetricsMiddleware(app, Router()), WARM))
    return counted[-1]


CEILINGS: dict[str, tuple[Callable[[], Operations], Operations]] = {
    "pair, labels each time": (lambda: pairs(handles), Operations(5.5, 200)),
    "pair, labels bound once": (lambda: pairs(handles_bound), Operations(3.5, 135)),
    "added to a request": (added_to_a_request, Operations(4.5, 290)),
    "added amid an answer": (amid_an_answer, Operations(4.5, 178)),
}


@pytest.mark.parametrize("name", CEILINGS)
def test_recording_takes_no_more_operations_than_it_may(name: str) -> None:
    """One call more is seen, and so is a loop."""
    counted, ceiling = CEILINGS[name]
    seen = counted()
    assert seen.calls <= ceiling.calls
    assert seen.instructions <= ceiling.instructions


def test_an_operation_more_is_seen() -> None:
    """A call in a call, and what the inner one does."""

    def inner() -> int:
        return 1

    def outer() -> int:
        return inner() + inner()

    count(inner)  # Python 3.13 tells no instructions of the first call that is ever traced
    one, both = count(inner), count(outer)
    assert (one.calls, both.calls) == (1, 3)
    assert both.instructions > one.instructions > 0
