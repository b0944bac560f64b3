"""Callables of every kind, watched from the call to the end of the work, awaitables and generators too."""

from __future__ import annotations

import asyncio
import functools
import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import AsyncGeneratorType, GeneratorType, TracebackType
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])
End = Callable[["BaseException | None"], None]
Begin = Callable[[], End]


def watched(function: F, begin: Begin) -> F:
    """The function under watch, of the same kind and with the same signature. Where its kind does not say
    what a call gives, as of a wrapper around an async function, each call's result does."""
    kinds: tuple[tuple[Callable[[Any], bool], Callable[[Any, Begin], Any]], ...] = (
        (inspect.isasyncgenfunction, _async_generator),
        (_is_generator_function, _generator),
        (inspect.iscoroutinefunction, _coroutine),
    )
    called = _called(function)
    wrap = next((wrap for is_kind, wrap in kinds if is_kind(called)), _plain)
    return cast(F, functools.wraps(function)(wrap(function, begin)))


def _called(function: Any) -> Any:
    """The function that runs at a call: of an object, its class's `__call__`."""
    while isinstance(function, functools.partial):
        function = function.func
    is_object = not inspect.isroutine(function) and not inspect.isclass(function)
    return type(function).__call__ if is_object else function


def _is_generator_function(function: Any) -> bool:
    """Whether it gives a generator, other than one made awaitable by types.coroutine()."""
    code = getattr(function, "__code__", None)
    is_awaited = code is not None and code.co_flags & inspect.CO_ITERABLE_COROUTINE
    return inspect.isgeneratorfunction(function) and not is_awaited


def _plain(function: Callable[..., Any], begin: Begin) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        end = begin()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            end(error)
            raise
        if isinstance(result, AsyncGeneratorType):
            return _async_generator(lambda: result, begin)()
        if inspect.isawaitable(result):
            return _awaited(result, end)
        if isinstance(result, GeneratorType):
            return _generator(lambda: result, begin)()
        end(None)
        return result

    return call


def _awaited(result: Awaitable[Any], end: End) -> Awaitable[Any]:
    if asyncio.isfuture(result):
        _end_with(result, end)
        return result
    if inspect.iscoroutine(result) or isinstance(result, GeneratorType):
        return cast("Coroutine[Any, Any, Any]", _coroutine(lambda: result, lambda: end)())
    return _Awaitable(result, end)


def _end_with(future: asyncio.Future[Any], end: End) -> None:
    def done(_: object = None) -> None:
        # exception() would mark it as retrieved, and asyncio would no longer report an unseen one.
        end(asyncio.CancelledError() if future.cancelled() else getattr(future, "_exception", None))

    if future.done():
        done()
    else:
        future.add_done_callback(done)


class _Awaitable(Coroutine[Any, Any, Any]):
    """An awaitable of its own class, which may do more: some are entered or iterated instead.

    It is watched once, where it is awaited or entered.
    """

    def __init__(self, inner: Any, end: End) -> None:
        self._inner = inner
        self._end: End | None = end

    @functools.cached_property
    def _coroutine(self) -> Coroutine[Any, Any, Any]:
        return cast("Coroutine[Any, Any, Any]", _coroutine(lambda: self._inner, lambda: self._once)())

    def _once(self, error: BaseException | None) -> None:
        end, self._end = self._end, None
        if end:
            end(error)

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._coroutine.__await__()

    def send(self, value: Any) -> Any:
        return self._coroutine.send(value)

    def throw(self, *error: Any) -> Any:
        return self._coroutine.throw(*error)

    def close(self) -> None:
        self._coroutine.close()

    async def __aenter__(self) -> Any:
        with _Block(lambda error: self._once(error) if error else None):
            return await self._inner.__aenter__()

    async def __aexit__(self, kind: Any, error: BaseException | None, traceback: Any) -> Any:
        with _Block(lambda raised: self._once(raised or error)):
            return await self._inner.__aexit__(kind, error, traceback)

    def __aiter__(self) -> Any:
        return self._inner.__aiter__()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def _coroutine(function: Callable[..., Any], begin: Begin) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Any:
        with _Block(begin()):
            return await function(*args, **kwargs)

    return call


def _generator(function: Callable[..., Any], begin: Begin) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        with _Block(begin()):
            return (yield from function(*args, **kwargs))

    return call


def _async_generator(function: Callable[..., Any], begin: Begin) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Any:
        with _Block(begin()):
            inner = function(*args, **kwargs)
            try:
                step = inner.asend(None)
                while True:
                    try:
                        item = await step
                    except StopAsyncIteration:
                        return
                    try:
                        step = inner.asend((yield item))
                    except GeneratorExit:
                        raise
                    except BaseException as error:
                        step = inner.athrow(error)
            finally:
                await inner.aclose()

    return call


class Ending(ABC):
    """A block of code that is left: with an exception, or without."""

    @abstractmethod
    def _left(self, error: BaseException | None) -> None:
        """The block has ended."""

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._left(error)


class _Block(Ending):
    """One watched block."""

    def __init__(self, end: End) -> None:
        self._end = end

    def __enter__(self) -> None:
        """The watch has begun."""

    def _left(self, error: BaseException | None) -> None:
        self._end(error)
