"""Counters and histograms under one label set: here a value is recorded.

A child looks up its numbers once, as its instrument's views have them, and from then on writes them itself:
one number, or two, under a lock. Without such numbers it calls the instrument each time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from telemetry.guard import guard
from telemetry.record import calls
from telemetry.record.calls import complete, guarded
from telemetry.record.schema import Metric
from telemetry.record.trackers import IDLE, ExceptionCounter, Exceptions, Timer
from telemetry.store.cells import Cell
from telemetry.store.exemplars import Offer
from telemetry.store.page import Numbers

Attributes = Mapping[str, str]


class LocatedSeries(Protocol):
    """Where the values of one series are kept. `offer` takes exemplars of them, if any are kept."""

    @property
    def cell(self) -> Cell: ...

    @property
    def offer(self) -> Offer | None: ...


Locate = Callable[[Callable[[float, Attributes], None], Attributes], LocatedSeries | None]
"""Finds the series that an instrument's call writes under these attributes; None where none is found."""


class Recording(Protocol):
    """The handle of a child. `record` calls its instrument; `locate` finds the cell that the call writes."""

    metric: Metric
    locate: Locate | None

    @property
    def record(self) -> Callable[[float, Attributes], None]: ...

    @property
    def overflow(self) -> Callable[[int], object]: ...

    def watch(self, watcher: Watcher) -> None: ...


class Watcher(Protocol):
    """Learns when a child must look its numbers up again."""

    def disconnect(self) -> None: ...


# Each nanosecond counts below. `with` takes twice as long as taking and releasing a lock. A call through an
# attribute, other than a method's, is slower than through a local name. A float compares with a float in half
# the time of an int. 1e999 is infinity. A recording reads its child's state in one line without a call,
# before anything else: another thread connects or disconnects the child before that line or after it.


class UnconnectedError(Exception):
    """A child has no numbers: it has not looked them up yet, or its instrument records by itself."""


def _raise_unconnected() -> None:
    raise UnconnectedError


def _nothing() -> None:
    """Nothing was taken."""


class Child:
    """A metric under one label set. `folded`: its recordings are over the metric's limit, and counted so."""

    __slots__ = (
        "__weakref__",
        "_after",
        "_alone",
        "_attributes",
        "_folded",
        "_is_located",
        "_numbers",
        "_of",
        "_release",
        "_take",
    )

    def __init__(self, of: Recording, attributes: Attributes, folded: bool) -> None:
        self._of = of
        self._attributes = attributes
        self._folded = folded
        self.disconnect()

    @property
    def metric(self) -> Metric:
        """The metric that it is a child of."""
        return self._of.metric

    @property
    def is_folded(self) -> bool:
        """Whether it stands for label sets that the metric has no room for."""
        return self._folded

    def watch(self, watcher: Watcher) -> None:
        """Tell `watcher` when this child's numbers become invalid, after the child has let go
        of them itself.
        """
        self._of.watch(watcher)

    def disconnect(self) -> None:
        """Look the numbers up again at the next recording: another instrument, or a forked process."""
        self._alone: Any = None  # first here, and last where it is set: who sees it sees the rest
        self._take: Any = _raise_unconnected
        self._release: Any = _nothing
        self._numbers: Numbers | None = None
        self._after: Offer | None = None
        self._is_located = False

    def connect(self) -> bool:
        """Whether there are numbers to write, which exist from now on; else the instrument is called."""
        if not self._is_located:
            record = self._of.record
            series = self._of.locate(record, self._attributes) if self._of.locate else None
            offer = series.offer if series else None
            self._after = self._counted(offer) if self._folded else offer
            if series:
                lock, self._numbers = series.cell.lock, series.cell.numbers
                self._take, self._release = lock.acquire, lock.release
                self._alone = None if self._after else lock
            self._is_located = True
            # Another thread may have wired it meanwhile, and have disconnected this one too early.
            if self._of.record != record:
                self.disconnect()
        return self._numbers is not None

    def _counted(self, offer: Offer | None) -> Offer:
        def count(amount: float, at: int) -> None:
            self._of.overflow(1)
            if offer is not None:
                offer(amount, at)

        return count

    def _unconnected(self, amount: float, record: Callable[[float], None]) -> None:
        """Connect and `record` again; else let the instrument record."""
        try:
            if self.connect():
                record(amount)
                return
            self._of.record(amount, self._attributes)
            if self._after is not None:
                self._after(amount, 0)
        except Exception:
            calls.fault()

    def _refuse(self, amount: float) -> None:
        """NaN fails as well: added once, it would be the sum for ever."""
        raise ValueError(f"{self._of.metric.name}: got {amount!r}, expected a finite number of 0 or more")


@complete(IDLE)
class CounterChild(Child):
    """A counter under one label set."""

    __slots__ = ()

    def inc(self, amount: float = 1.0, exemplar: Mapping[str, str] | None = None) -> None:
        """Add `amount`, which must not be negative. 0 makes the series exist.

        `exemplar` has no effect: a value's exemplar is its current span.
        """
        take, release, numbers = self._take, self._release, self._numbers
        try:
            if not 0.0 <= amount < 1e999:
                self._refuse(amount)
            try:
                take()
                numbers[0] += amount  # type: ignore[index] # there where the lock is
            finally:
                release()
            if self._after is not None:
                self._after(amount, 0)
        except UnconnectedError:
            self._unconnected(amount, self.inc)
        except Exception:
            calls.fault()

    @guarded()
    def reset(self) -> None:
        """Change nothing, and be a fault: totals never fall."""
        raise TypeError(f"{self._of.metric.name}: a counter cannot be reset, totals never fall")

    @guarded(IDLE)
    def count_exceptions(self, exception: Exceptions = Exception) -> ExceptionCounter:
        """Count what leaves a block or a function: `with`, or a decorator, of any kind of function."""
        return ExceptionCounter(self.inc, exception)


@complete(IDLE)
class HistogramChild(Child):
    """A histogram under one label set."""

    __slots__ = ("_bounds", "_sum")

    def __init__(self, of: Recording, attributes: Attributes, folded: bool) -> None:
        super().__init__(of, attributes, folded)
        self._bounds = of.metric.buckets
        self._sum = len(self._bounds) + 1

    def observe(self, amount: float = cast(float, None), exemplar: Mapping[str, str] | None = None) -> None:
        """Record one value of 0 or more, in the metric's unit. `exemplar`: see CounterChild."""
        take, release, numbers = self._take, self._release, self._numbers
        try:
            if not 0.0 <= amount < 1e999:
                self._refuse(amount)
            at = bisect_left(self._bounds, amount)
            try:
                take()
                numbers[self._sum] += amount  # type: ignore[index] # first: it may not be a number
                numbers[at] += 1.0  # type: ignore[index]
            finally:
                release()
            if self._after is not None:
                self._after(amount, at)
        except UnconnectedError:
            self._unconnected(amount, self.observe)
        except Exception:
            calls.fault()

    @guarded(IDLE)
    def time(self) -> Timer:
        """Record the seconds of a block or a function: `with`, or a decorator, of any kind of function."""
        return Timer(self)


class CounterWithHistogram:
    """A counter and a histogram of one event: adds 1 and records the value, under one lock if
    both share it.
    """

    __slots__ = ("__weakref__", "_counter", "_histogram", "_places")

    def __init__(self, counter: CounterChild, histogram: HistogramChild) -> None:
        self._counter = counter
        self._histogram = histogram
        self.disconnect()

    def disconnect(self) -> None:
        """Look the numbers of both up again."""
        self._places: tuple[Any, ...] | None = None

    def record(self, amount: float) -> None:
        """As the counter's inc() and the histogram's observe(amount)."""
        places = self._places
        if places is None or not 0.0 <= amount < 1e999:
            self._apart(amount)
            return
        take, release, counts, numbers, bounds, last = places
        try:
            at = bisect_left(bounds, amount)
            try:
                take()
                counts[0] += 1.0
                numbers[last] += amount
                numbers[at] += 1.0
            finally:
                release()
        except Exception:
            guard.fault("record")

    def _apart(self, amount: float) -> None:
        """Record by two calls, which connect both; later values take one."""
        counter, histogram = self._counter, self._histogram
        counter.inc()
        histogram.observe(amount)
        lock = histogram._alone
        if lock is None or lock is not counter._alone:
            return
        counter.watch(self)
        histogram.watch(self)
        places = histogram._take, histogram._release, counter._numbers, histogram._numbers
        # They may have let go meanwhile. Whoever makes them do so from now on disconnects this one, too.
        if histogram._alone is lock and counter._alone is lock:
            self._places = *places, histogram._bounds, histogram._sum
