"""Counters and histograms under one label set: where a value is recorded.

A child asks once where its instrument's views have it written, and writes there itself from then on: one
number, or two, under a lock. Where that cannot be told it calls the instrument each time.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from telemetry.aggregation import writer
from telemetry.catalog import Metric
from telemetry.exemplars import Offer
from telemetry.guard import guard
from telemetry.pages import Numbers

_INFINITY = math.inf
Attributes = Mapping[str, str]


class Recording(Protocol):
    """The handle that a child is of. `record` is its instrument's call; `is_direct`: that is of an SDK which
    tells where it writes."""

    metric: Metric
    is_direct: bool

    @property
    def record(self) -> Callable[[float, Attributes], None]: ...

    @property
    def overflow(self) -> Callable[[int], object]: ...


class Child:
    """A metric under one label set. `folded`: what comes here is over the bound, and counted as such."""

    __slots__ = ("__weakref__", "_after", "_attributes", "_folded", "_is_known", "_lock", "_numbers", "_of")

    def __init__(self, of: Recording, attributes: Attributes, folded: bool) -> None:
        self._of = of
        self._attributes = attributes
        self._folded = folded
        self._lock: Any = None
        self.disconnect()

    @property
    def is_folded(self) -> bool:
        """Whether it stands for label sets that the metric has no room for."""
        return self._folded

    def disconnect(self) -> None:
        """Ask anew at the next recording: the instrument is another, or this process was forked."""
        self._numbers: Numbers | None = None
        self._after: Offer | None = None
        self._is_known = False

    def connect(self) -> Numbers | None:
        """The numbers to write, which exist from now on; None where the instrument is to be called."""
        if not self._is_known:
            series = writer(self._of.record, self._attributes) if self._of.is_direct else None
            offer = series.offer if series else None
            self._after = self._counted(offer) if self._folded else offer
            if series:
                self._lock, self._numbers = series.cell.lock, series.cell.numbers
            self._is_known = True
        return self._numbers

    def _counted(self, offer: Offer | None) -> Offer:
        def count(amount: float, at: int) -> None:
            self._of.overflow(1)
            if offer is not None:
                offer(amount, at)

        return count

    def _refuse(self, amount: float) -> None:
        """NaN fails as well: added once, it would be the sum for ever."""
        raise ValueError(f"{self._of.metric.name}: got {amount!r}, expected a finite number of 0 or more")


class BoundCounter(Child):
    """A counter under one label set."""

    __slots__ = ()

    def inc(self, amount: float = 1) -> None:
        """Add `amount`, which must not be negative. 0 makes the series exist."""
        try:
            if not 0 <= amount < _INFINITY:
                self._refuse(amount)
            numbers = self._numbers
            if numbers is None:
                numbers = self.connect()
            if numbers is None:
                self._of.record(amount, self._attributes)
            else:
                with self._lock:
                    numbers[0] += amount
            if self._after is not None:
                self._after(amount, 0)
        except Exception:
            guard.fault("record")


class BoundHistogram(Child):
    """A histogram under one label set."""

    __slots__ = ("_bounds", "_sum")

    def __init__(self, of: Recording, attributes: Attributes, folded: bool) -> None:
        super().__init__(of, attributes, folded)
        self._bounds = of.metric.buckets
        self._sum = len(self._bounds) + 1

    def observe(self, amount: float) -> None:
        """Record one value of 0 or more, in the metric's unit."""
        try:
            if not 0 <= amount < _INFINITY:
                self._refuse(amount)
            numbers = self._numbers
            if numbers is None:
                numbers = self.connect()
            at = bisect_left(self._bounds, amount)
            if numbers is None:
                self._of.record(amount, self._attributes)
            else:
                with self._lock:
                    numbers[self._sum] += amount  # first: it may not be a number
                    numbers[at] += 1
            if self._after is not None:
                self._after(amount, at)
        except Exception:
            guard.fault("record")
