"""A block of code or a function under watch: timed, its exceptions counted, or counted while it runs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from time import perf_counter
from types import TracebackType
from typing import Any, Protocol, cast

from telemetry.record.callables import End, Ending, F, watched
from telemetry.record.calls import guarded

Exceptions = type[BaseException] | tuple[type[BaseException], ...]


class Observer(Protocol):
    """What takes one value, such as a histogram under a label set."""

    def observe(self, amount: float) -> None: ...


class Labelled(Protocol):
    """What gives an observer for a label set: a histogram handle."""

    def labels(self, *values: object, **labels: object) -> Observer: ...


class Tracker(Ending):
    """Watches a block of code: `with`, `async with`, or a decorator that keeps the signature.

    An awaitable is watched to its end, a generator from its first step to its end. A decorator serves any
    number of simultaneous calls; as a context manager, one tracker belongs to one task at a time.
    """

    @abstractmethod
    def _begin(self) -> End:
        """Start to watch. The returned function is called at the end, with the exception that
        left, if any.
        """

    def __enter__(self) -> Tracker:
        self._blocks().append(self._begin())
        return self

    def _blocks(self) -> list[End]:
        """The blocks that are open, the innermost last."""
        return cast("list[End]", self.__dict__.setdefault("_open", []))

    def _left(self, error: BaseException | None) -> None:
        if blocks := self._blocks():
            blocks.pop()(error)
        else:
            self._refuse()

    @guarded()
    def _refuse(self) -> None:
        raise TypeError(f"{type(self).__name__}: a block was left that had not been entered")

    async def __aenter__(self) -> Tracker:
        return self.__enter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._left(error)

    def __call__(self, function: F) -> F:
        """The function, watched at each call."""
        return watched(function, self._begin)


class Idle(Tracker):
    """The instrument of a handle that is not wired, and what a wrong call gives: forgets all, and watches
    nothing."""

    _alone = None  # as of a child that is not connected

    def _forget(self, *_: object, **__: object) -> None:
        """Do nothing."""

    add = record = inc = dec = observe = set = set_to_current_time = set_function = remove = reset = _forget

    def labels(self, *_: object, **__: object) -> Idle:
        """Itself, as a block that watches nothing."""
        return self

    time = count_exceptions = track_inprogress = labels

    def _begin(self) -> End:
        return self._forget

    def __call__(self, function: F) -> F:
        """The function, as it is."""
        return function


IDLE = Idle()


class Timer(Tracker):
    """Record a block's duration in seconds on exit, whether it ends well or not.

    `Timer(retrieval_duration_seconds, {"category": "chair"})`; without labels, the histogram itself observes.
    """

    start_time: float | None = None
    _histogram: Any = IDLE
    _observer: Observer = IDLE
    _clock: Callable[[], float] = staticmethod(perf_counter)

    @guarded()
    def __init__(
        self,
        histogram: Labelled | Observer,
        labels: Mapping[str, object] | None = None,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        if not (callable(getattr(histogram, "observe", None)) and callable(clock)):
            raise TypeError(f"Timer: got {histogram!r} and {clock!r}, expected a histogram and a clock")
        self._histogram = histogram
        self._observer = histogram.labels(**labels) if labels else histogram  # type: ignore[union-attr,assignment]
        self._clock = clock

    @guarded()
    def labels(self, *values: object, **labels: object) -> None:
        """Choose the label set that the block's duration is recorded under, within the block."""
        self._observer = self._histogram.labels(*values, **labels)

    def _begin(self) -> End:
        start = self.start_time = self._clock()

        def end(_: BaseException | None) -> None:
            self._observer.observe(max(0.0, self._clock() - start))

        return end


class ExceptionCounter(Tracker):
    """Count an exception of some kinds that leaves the block, and let it leave."""

    _count: Callable[[], object] = IDLE.inc
    _kinds: Exceptions = ()

    def __init__(self, count: Callable[[], object], kinds: Exceptions) -> None:
        try:
            isinstance(None, kinds)
        except TypeError:
            raise TypeError(f"got {kinds!r}, expected a class of exceptions, or a tuple of them") from None
        self._count = count
        self._kinds = kinds

    def _begin(self) -> End:
        return self._end

    def _end(self, error: BaseException | None) -> None:
        if isinstance(error, self._kinds):
            self._count()


class InProgress(Tracker):
    """Call `begin` as a block begins, and `end` as it ends."""

    def __init__(self, begin: Callable[[], object], end: Callable[[], object]) -> None:
        self._at_begin = begin
        self._at_end = end

    def _begin(self) -> End:
        self._at_begin()
        return self._end

    def _end(self, _: BaseException | None) -> None:
        self._at_end()
