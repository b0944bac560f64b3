"""Timer and track_errors around generators, plain and async: every way to step, leave and close one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any

import pytest
from support.tracked import PAIR, BoomError, ObservedValues

from telemetry import track_errors, track_time
from telemetry.testing import Recorded, StepClock


def two() -> Iterator[int]:
    """Two steps."""
    yield 5
    yield 6


def echo() -> Generator[Any, Any, str]:
    """Yields what it is sent, and what is thrown into it."""
    got: Any = "first"
    while got != "end":
        try:
            got = yield got
        except BoomError as error:
            got = error
    return "returned"


def test_a_generator_is_timed_from_its_first_step_to_its_end() -> None:
    """Not from the call: a generator that nobody steps took no time."""
    observed = ObservedValues()
    clock = StepClock(1.0)
    steps = track_time(observed, clock=clock)(two)()
    assert clock.now == 0.0
    assert next(steps) == 5
    assert clock.now == 1.0
    assert list(steps) == [6]
    assert observed.values == [1.0]
    track_time(observed, clock=clock)(two)().close()  # type: ignore[attr-defined]
    assert observed.values == [1.0]


def test_send_throw_and_return_go_through_a_generator(metrics: Recorded) -> None:
    """An exception that the generator deals with is no error."""
    steps = track_errors("retrieval_error", "retrieval")(echo)()
    thrown = BoomError()
    assert next(steps) == "first"
    assert steps.send(2) == 2
    assert steps.throw(thrown) is thrown
    with pytest.raises(StopIteration) as end:
        steps.send("end")
    assert end.value.value == "returned"
    assert metrics.value("errors_total", **PAIR) == 0


def test_a_closed_generator_is_timed_and_is_no_error(metrics: Recorded) -> None:
    """And its own finally runs."""
    observed, closed = ObservedValues(), []

    @track_time(observed, clock=StepClock(1.0))
    @track_errors("retrieval_error", "retrieval")
    def steps() -> Iterator[int]:
        try:
            yield 1
        finally:
            closed.append(True)

    one = steps()
    next(one)
    one.close()  # type: ignore[attr-defined]
    assert (observed.values, closed) == ([1.0], [True])
    assert metrics.value("errors_total", **PAIR) == 0


async def async_echo() -> AsyncIterator[Any]:
    """As echo()."""
    got: Any = "first"
    while got != "end":
        try:
            got = yield got
        except BoomError as error:
            got = error


def test_asend_athrow_and_aclose_go_through_an_async_generator(metrics: Recorded) -> None:
    """An exception that the generator deals with is no error; nor is closing it."""

    async def drive() -> None:
        steps: Any = track_errors("retrieval_error", "retrieval")(async_echo)()
        thrown = BoomError()
        assert await steps.asend(None) == "first"
        assert await steps.asend(2) == 2
        assert await steps.athrow(thrown) is thrown
        with pytest.raises(StopAsyncIteration):
            await steps.asend("end")
        other: Any = track_errors("retrieval_error", "retrieval")(async_echo)()
        await other.asend(None)
        await other.aclose()

    asyncio.run(drive())
    assert metrics.value("errors_total", **PAIR) == 0


def test_an_exception_thrown_into_an_async_generator_comes_out_as_it_is(metrics: Recorded) -> None:
    """The same object; counted once; the inner finally has run by then."""
    closed = []

    @track_errors("retrieval_error", "retrieval")
    async def steps() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            closed.append(True)

    async def drive() -> None:
        one: Any = steps()
        await one.asend(None)
        thrown = BoomError()
        with pytest.raises(BoomError) as caught:
            await one.athrow(thrown)
        assert caught.value is thrown
        assert closed == [True]

    asyncio.run(drive())
    assert metrics.value("errors_total", **PAIR) == 1


def test_an_async_generator_left_early_closes_the_inner_one() -> None:
    """aclose() reaches it, and the time until then is one value."""
    observed, closed = ObservedValues(), []

    @track_time(observed, clock=StepClock(1.0))
    async def steps() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)

    async def drive() -> None:
        one: Any = steps()
        async for _ in one:
            break
        await one.aclose()

    asyncio.run(drive())
    assert (observed.values, closed) == ([1.0], [True])
