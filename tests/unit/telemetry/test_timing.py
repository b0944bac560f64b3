"""Timer, track_time, track_errors: on every kind of function and block."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from support.tracked import PAIR, BoomError, ObservedValues

from telemetry import Timer, track_errors, track_time
from telemetry.metrics import ingest_duration_seconds, retrieval_duration_seconds
from telemetry.testing import Recorded, StepClock

# One function of each kind. Each does two steps; with `fail` it raises BoomError after the first.


def plain(value: int, *, fail: bool = False) -> list[int]:
    if fail:
        raise BoomError
    return [value, value + 1]


async def coroutine(value: int, *, fail: bool = False) -> list[int]:
    await asyncio.sleep(0)
    return plain(value, fail=fail)


def generator(value: int, *, fail: bool = False) -> Iterator[int]:
    yield value
    if fail:
        raise BoomError
    yield value + 1


async def async_generator(value: int, *, fail: bool = False) -> AsyncIterator[int]:
    yield value
    await asyncio.sleep(0)
    if fail:
        raise BoomError
    yield value + 1


def run(function: Callable[..., Any], **kwargs: Any) -> list[int]:
    """Call a function of any kind to its end."""

    async def collect() -> list[int]:
        return [item async for item in function(5, **kwargs)]

    if inspect.isasyncgenfunction(function):
        return asyncio.run(collect())
    if inspect.iscoroutinefunction(function):
        result: list[int] = asyncio.run(function(5, **kwargs))
        return result
    return list(function(5, **kwargs))


KINDS = pytest.mark.parametrize("function", [plain, coroutine, generator, async_generator])


@KINDS
@pytest.mark.parametrize("tracker", [Timer, track_time])
def test_each_kind_of_function_is_timed_per_call(function: Callable[..., Any], tracker: Any) -> None:
    """One value per call, by the clock, and the result is the function's own."""
    observed = ObservedValues()
    timed = tracker(observed, clock=StepClock(0.25))(function)
    assert run(timed) == [5, 6]
    assert run(timed) == [5, 6]
    assert observed.values == [0.25, 0.25]


@KINDS
def test_a_call_that_fails_is_timed_and_its_exception_leaves_as_it_is(function: Callable[..., Any]) -> None:
    """Failed work took time as well."""
    observed = ObservedValues()
    with pytest.raises(BoomError):
        run(track_time(observed, clock=StepClock(0.5))(function), fail=True)
    assert observed.values == [0.5]


@KINDS
def test_each_kind_of_function_counts_its_error_once(function: Callable[..., Any], metrics: Recorded) -> None:
    """A call that ends well counts nothing."""
    watched = track_errors("retrieval_error", "retrieval")(function)
    assert run(watched) == [5, 6]
    assert metrics.value("errors_total", **PAIR) == 0
    with pytest.raises(BoomError):
        run(watched, fail=True)
    assert metrics.value("errors_total", **PAIR) == 1


@KINDS
@pytest.mark.parametrize("tracker", [track_time(ObservedValues()), track_errors("timeout", "llm")])
def test_the_wrapped_function_looks_like_the_original(function: Callable[..., Any], tracker: Any) -> None:
    """Frameworks ask for the signature and the kind; FastAPI makes its parameters of them."""
    wrapped = tracker(function)
    assert inspect.signature(wrapped) == inspect.signature(function)
    assert (wrapped.__name__, wrapped.__doc__, wrapped.__module__) == (
        function.__name__,
        function.__doc__,
        function.__module__,
    )
    assert wrapped.__wrapped__ is function
    for is_kind in (
        inspect.iscoroutinefunction,
        inspect.isgeneratorfunction,
        inspect.isasyncgenfunction,
    ):
        assert is_kind(wrapped) == is_kind(function)


@KINDS
def test_the_exception_that_leaves_is_the_one_that_came_in(
    function: Callable[..., Any], metrics: Recorded
) -> None:
    """The same object, with no other exception in front of or behind it."""
    raised = BoomError("mine")

    @functools.wraps(function)
    def source(*_: Any, **__: Any) -> Any:
        raise raised

    with (
        pytest.raises(BoomError) as caught,
        Timer(ObservedValues()),
        track_errors("retrieval_error", "retrieval"),
    ):
        track_time(ObservedValues())(track_errors("timeout", "llm")(source))(5)
    assert caught.value is raised
    assert raised.__cause__ is None
    assert raised.__context__ is None


def test_a_block_is_timed(metrics: Recorded) -> None:
    """The specification's example; the histogram's own labels."""
    with Timer(retrieval_duration_seconds, {"category": "robot_cleaner"}, clock=StepClock(0.3)) as timer:
        assert isinstance(timer, Timer)
        assert timer.start_time == 0.0
    assert metrics.count("retrieval_duration_seconds", category="robot_cleaner") == 1
    assert metrics.sum("retrieval_duration_seconds", category="robot_cleaner") == 0.3


def test_a_block_that_fails_is_timed_and_counted(metrics: Recorded) -> None:
    """Timer and track_errors around the same block."""
    with (
        pytest.raises(BoomError),
        Timer(retrieval_duration_seconds, {"category": "chair"}, clock=StepClock(0.1)),
        track_errors("retrieval_error", "retrieval"),
    ):
        raise BoomError
    assert metrics.count("retrieval_duration_seconds", category="chair") == 1
    assert metrics.value("errors_total", **PAIR) == 1


def test_a_timer_without_labels_observes_by_the_handle(metrics: Recorded) -> None:
    """None and {} are the same."""
    neither: tuple[dict[str, str] | None, ...] = (None, {})
    for labels in neither:
        with Timer(ingest_duration_seconds, labels, clock=StepClock(2.0)):
            pass
    assert metrics.count("ingest_duration_seconds") == 2
    assert metrics.sum("ingest_duration_seconds") == 4.0


def test_a_timer_takes_a_bound_histogram(metrics: Recorded) -> None:
    """Anything with observe()."""
    bound = retrieval_duration_seconds.labels(category="chair")
    with Timer(bound, clock=StepClock(0.5)):
        pass
    assert metrics.sum("retrieval_duration_seconds", category="chair") == 0.5


def test_an_async_block_is_timed_and_counted(metrics: Recorded) -> None:
    """`async with` is the same as `with`."""
    observed = ObservedValues()

    async def block() -> None:
        async with Timer(observed, clock=StepClock(0.5)), track_errors("retrieval_error", "retrieval"):
            await asyncio.sleep(0)
            raise BoomError

    with pytest.raises(BoomError):
        asyncio.run(block())
    assert observed.values == [0.5]
    assert metrics.value("errors_total", **PAIR) == 1


def test_a_timer_may_be_entered_again_and_within_itself() -> None:
    """Each block is one value; the inner one ends first."""
    observed = ObservedValues()
    timer = Timer(observed, clock=StepClock(1.0))
    with timer, timer:
        pass
    with timer:
        pass
    assert observed.values == [1.0, 3.0, 1.0]


def test_calls_at_the_same_time_do_not_mix() -> None:
    """A decorated coroutine that runs twice at once has two durations of its own."""
    observed, now = ObservedValues(), [0.0]

    @track_time(observed, clock=lambda: now[0])
    async def work(go: asyncio.Event) -> None:
        await go.wait()

    async def both() -> None:
        first, second = asyncio.Event(), asyncio.Event()
        one = asyncio.create_task(work(first))
        await asyncio.sleep(0)
        now[0] = 1.0
        two = asyncio.create_task(work(second))
        await asyncio.sleep(0)
        now[0] = 3.0
        first.set()
        await one
        now[0] = 7.0
        second.set()
        await two

    asyncio.run(both())
    assert observed.values == [3.0, 6.0]


def test_a_clock_that_goes_back_gives_zero() -> None:
    """A negative duration would be refused, and the call would be missing."""
    observed = ObservedValues()
    with Timer(observed, clock=StepClock(-5.0)):
        pass
    assert observed.values == [0.0]


def test_a_recursive_function_is_timed_per_call() -> None:
    """The inner calls end first."""
    observed = ObservedValues()

    @track_time(observed, clock=StepClock(1.0))
    def down(number: int) -> int:
        return 0 if number == 0 else down(number - 1)

    assert down(2) == 0
    assert observed.values == [1.0, 3.0, 5.0]


def test_methods_keep_their_self() -> None:
    """Plain and async methods of a class."""
    observed = ObservedValues()

    class Shop:
        name = "shop"

        @track_time(observed, clock=StepClock(1.0))
        def plain(self) -> str:
            return self.name

        @track_errors("timeout", "llm")
        async def later(self) -> str:
            return self.name

    assert Shop().plain() == "shop"
    assert asyncio.run(Shop().later()) == "shop"
    assert observed.values == [1.0]


@pytest.mark.parametrize("gone", [asyncio.CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit])
def test_leaving_is_no_error(gone: type[BaseException], metrics: Recorded) -> None:
    """A cancelled task, a closed generator, an exit: timed, not counted, and not swallowed."""
    observed = ObservedValues()
    with (
        pytest.raises(gone),
        Timer(observed, clock=StepClock(1.0)),
        track_errors("retrieval_error", "retrieval"),
    ):
        raise gone
    assert observed.values == [1.0]
    assert metrics.value("errors_total", **PAIR) == 0


def test_a_cancelled_coroutine_is_no_error(metrics: Recorded) -> None:
    """A real task, cancelled while it waits."""

    @track_errors("retrieval_error", "retrieval")
    async def wait() -> None:
        await asyncio.Event().wait()

    async def cancel() -> None:
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert metrics.value("errors_total", **PAIR) == 0
