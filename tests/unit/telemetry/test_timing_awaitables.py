"""Timer and track_errors where the kind of a callable does not tell what a call gives."""

from __future__ import annotations

import asyncio
import functools
import inspect
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import Any

import pytest
from support.clocks import SetClock
from support.tracked import BoomError, ObservedValues

from telemetry import track_errors, track_time
from telemetry.testing import Recorded, StepClock

clock = SetClock()


async def work(fail: bool = False) -> str:
    """Takes 5 s after it was called."""
    await asyncio.sleep(0)
    clock.now += 5
    if fail:
        raise BoomError
    return "done"


def passed_through(function: Callable[..., Any]) -> Callable[..., Any]:
    """As a retry decorator: a plain function, which says that it is what it wraps."""

    @functools.wraps(function)
    def again(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return again


class AsyncCall:
    """An object with an async call."""

    async def __call__(self, fail: bool = False) -> str:
        return await work(fail)


class Own:
    """An awaitable of a class of its own, which may be entered instead."""

    other = "kept"

    def __init__(self, fail: bool = False) -> None:
        self._fail = fail

    def __await__(self) -> Generator[Any, Any, str]:
        return work(self._fail).__await__()

    async def __aenter__(self) -> str:
        return "entered"

    async def __aexit__(self, *left: object) -> None:
        await work(self._fail)


@types.coroutine
def by_types(fail: bool = False) -> Generator[Any, Any, str]:
    return (yield from work(fail).__await__())


def sometimes(fail: bool = False, at_once: bool = False) -> Any:
    return "at once" if at_once else work(fail)


AWAITED: dict[str, Callable[..., Any]] = {
    "async function": work,
    "passed through": passed_through(work),
    "partial of it": functools.partial(passed_through(work)),
    "object": AsyncCall(),
    "partial of an object": functools.partial(AsyncCall()),
    "bound method": AsyncCall().__call__,
    "task": lambda fail=False: asyncio.ensure_future(work(fail)),
    "own class": Own,
    "types.coroutine": by_types,
    "types.coroutine, passed through": passed_through(by_types),
    "sometimes": sometimes,
}


def watched(function: Callable[..., Any]) -> tuple[Callable[..., Any], ObservedValues]:
    observed = ObservedValues()
    return track_errors("boom", "x")(track_time(observed, clock=clock)(function)), observed


@pytest.mark.parametrize("kind", AWAITED)
def test_what_is_awaited_is_timed_to_its_end(kind: str) -> None:
    """5 s of work, not the moment of the call; the result is what it was."""
    function, observed = watched(AWAITED[kind])

    async def call() -> str:
        result: str = await function()
        await asyncio.sleep(0)  # a future tells when it is done in the next turn of the loop
        return result

    assert asyncio.run(call()) == "done"
    assert observed.values == [5.0]


@pytest.mark.parametrize("kind", AWAITED)
def test_an_exception_of_what_is_awaited_counts_once(kind: str, metrics: Recorded) -> None:
    """It leaves as it came, and the time counts as well."""
    function, observed = watched(AWAITED[kind])

    async def call() -> None:
        try:
            await function(fail=True)
        finally:
            await asyncio.sleep(0)

    with pytest.raises(BoomError):
        asyncio.run(call())
    assert observed.values == [5.0]
    assert metrics.value("errors_total", error_type="boom", component="x") == 1


def test_a_call_that_gives_no_awaitable_this_time_ends_at_once() -> None:
    """A cache in front of an async function."""
    function, observed = watched(sometimes)
    assert function(at_once=True) == "at once"
    assert observed.values == [0.0]


def test_kinds_that_tell_keep_their_kind() -> None:
    """FastAPI runs what is no coroutine function in a thread, and awaits nothing there."""
    for kind in ("async function", "object", "partial of an object", "bound method"):
        assert inspect.iscoroutinefunction(watched(AWAITED[kind])[0]), kind


def test_a_task_stays_the_task_that_it_was() -> None:
    """It can be cancelled and waited for; cancelling is no error."""

    async def call() -> None:
        tasks: list[asyncio.Task[str]] = []

        def start() -> asyncio.Task[str]:
            tasks.append(asyncio.ensure_future(work()))
            return tasks[0]

        function, observed = watched(start)
        assert function() is tasks[0]
        tasks[0].cancel()
        await asyncio.wait(tasks)
        assert tasks[0].cancelled()
        assert observed.values == [0.0]

    asyncio.run(call())


def test_what_may_be_entered_is_watched_to_where_it_is_left(metrics: Recorded) -> None:
    """A connection that is awaited by some and entered by others; whatever else it has is there."""
    function, observed = watched(Own)

    async def call() -> None:
        assert function().other == "kept"
        async with function() as entered:
            assert entered == "entered"
            assert observed.values == []
        assert await asyncio.create_task(function()) == "done"
        async with function(fail=True):
            pass

    with pytest.raises(BoomError):
        asyncio.run(call())
    assert observed.values == [5.0, 5.0, 5.0]
    assert metrics.value("errors_total", error_type="boom", component="x") == 1


async def steps(fail: bool = False) -> AsyncIterator[int]:
    yield 1
    await work(fail)
    yield 2


def plain_steps(fail: bool = False) -> Iterator[int]:
    yield 1
    clock.now += 5
    if fail:
        raise BoomError
    yield 2


class StepsCall:
    """Objects whose call gives a generator, and one that passes it on."""

    def __call__(self, fail: bool = False) -> Iterator[int]:
        yield from plain_steps(fail)


@pytest.mark.parametrize(
    "function",
    [passed_through(steps), functools.partial(steps), lambda fail=False: steps(fail),
     passed_through(plain_steps), StepsCall(), functools.partial(StepsCall())],
    ids=["async", "async, partial", "async, lambda", "plain", "object", "partial of an object"],
)  # fmt: skip
def test_generators_that_a_callable_gives_are_watched_to_their_end(
    function: Callable[..., Any], metrics: Recorded
) -> None:
    """From the first step."""
    tracked, observed = watched(function)

    async def collect(fail: bool) -> list[int]:
        given = tracked(fail)
        clock.now += 100
        return [one async for one in given] if hasattr(given, "__aiter__") else list(given)

    assert asyncio.run(collect(False)) == [1, 2]
    with pytest.raises(BoomError):
        asyncio.run(collect(True))
    assert observed.values == [5.0, 5.0]
    assert metrics.value("errors_total", error_type="boom", component="x") == 1


def test_the_clock_is_read_twice_for_each_call() -> None:
    """At the call, and at the end of the work."""
    observed, steps_of_one = ObservedValues(), StepClock()
    function = track_time(observed, clock=steps_of_one)(passed_through(work))

    async def call() -> None:
        pending: Awaitable[str] = function()
        await pending

    asyncio.run(call())
    assert (observed.values, steps_of_one.now) == ([1.0], 2.0)
