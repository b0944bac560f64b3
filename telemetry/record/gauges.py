"""Gauges whose series come and go, kept or read from a source, never in an SDK instrument."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from telemetry.guard import Step, guard
from telemetry.posix import forkable_lock
from telemetry.record.calls import complete, guarded
from telemetry.record.handles import Handle, LabelError, text_of
from telemetry.record.schema import Metric, Values
from telemetry.record.trackers import IDLE, InProgress, Timer
from telemetry.workers.held import Group, HeldValues


@complete(IDLE)
class GaugeChild:
    """A gauge under one label set."""

    __slots__ = ("_handle", "_values")

    def __init__(self, handle: Gauge, values: Values) -> None:
        self._handle = handle
        self._values = values

    @property
    def metric(self) -> Metric:
        """The metric that it is a child of."""
        return self._handle.metric

    @guarded()
    def set(self, amount: float) -> None:
        """Hold `amount` until it is set anew or removed."""
        self._handle.hold(self._values, amount)

    @guarded()
    def inc(self, amount: float = 1.0) -> None:
        """Add `amount` to the held value, from 0."""
        self._handle.change(self._values, amount)

    @guarded()
    def dec(self, amount: float = 1.0) -> None:
        """Take `amount` from the held value."""
        self.inc(-amount)

    @guarded()
    def set_to_current_time(self) -> None:
        """Hold the seconds since 1970."""
        self.set(time.time())

    @guarded()
    def set_function(self, function: Callable[[], float]) -> None:
        """Ask `function` for the value at each collection, in place of the held value."""
        if not callable(function):
            raise TypeError(f"got {function!r}, expected a function that gives a number")
        self._handle.ask(self._values, function)

    @guarded(IDLE)
    def track_inprogress(self) -> InProgress:
        """Hold 1 more while a block or a function runs."""
        return InProgress(self.inc, self.dec)

    @guarded(IDLE)
    def time(self) -> Timer:
        """Hold the seconds of the last block or function."""
        return Timer(_Setting(self.set))

    @guarded()
    def remove(self) -> None:
        """End the series: the next scrape does not have it."""
        self._handle.drop(self._values)


class _Setting(NamedTuple):
    """A gauge, for a timer."""

    observe: Callable[[float], None]


LiveSeries = Iterable[tuple[Values, float]]


class Some(NamedTuple):
    """Some of the live series of a source. `folded`: the rest, added up under "(other)"."""

    series: LiveSeries
    folded: LiveSeries = ()
    folded_count: int = 0


@complete(IDLE)
class Gauge(Handle[GaugeChild]):
    """A metric whose series come and go.

    Its values are read at each scrape or export, and never kept in an SDK instrument, which would remember
    every label set for ever and fold new ones into one series after 2,000. A value set by any worker holds
    for its group.
    """

    def __init__(self, metric: Metric) -> None:
        super().__init__(metric)
        self._lock = forkable_lock(self)
        self._held = HeldValues(metric.name)
        self._asked: dict[Values, Callable[[], float]] = {}
        self._over: frozenset[Values] = frozenset()
        self._folded_count = 0
        self._source: Callable[[int], Some] | None = None

    def _new_child(self, values: Values, folded: bool = False) -> GaugeChild:
        return GaugeChild(self, values)

    def _child(self, values: Values) -> GaugeChild:
        """Its series come and go: none is kept, and the limit holds only for simultaneous ones."""
        return self._new_child(values)

    def hold(self, values: Values, amount: float) -> None:
        """Set the series of these label values."""
        self._held.set(values, float(amount))

    def change(self, values: Values, amount: float) -> None:
        """Add to the series of these label values."""
        self._held.add(values, float(amount))

    def ask(self, values: Values, function: Callable[[], float]) -> None:
        """Read the series of these label values from `function`, at each collection of this process."""
        with self._lock:
            self._asked[values] = function

    def drop(self, values: Values) -> None:
        """Forget the series of these label values."""
        self._held.drop(values)
        with self._lock:
            self._asked.pop(values, None)

    def _remove(self, which: Callable[[Values], bool]) -> None:
        with self._lock:
            there = [values for values in (*self._held.all(), *self._asked) if which(values)]
        for values in there:
            self.drop(values)

    def share(self, group: Group) -> None:
        """Keep set values for the group, once this process is one of several workers."""
        self._held.share(group)

    def forked(self) -> None:
        """In a process just forked: let go of the parent's file."""
        self._held.forked()

    def follow(self, source: Callable[[], LiveSeries] | None) -> None:
        """Read the live series from `source` at each collection: label values in catalogue order, value."""
        self._source = source and (lambda _: Some(source()))

    def follow_some(self, source: Callable[[int], Some] | None) -> None:
        """As follow(), for a source with very many series: it returns at most so many and sums the rest
        itself, which bounds a collection's cost.
        """
        self._source = source

    def forget(self) -> None:
        """End every series of this process, and leave the source and the group."""
        super().forget()
        self._held.forget()
        with self._lock:
            self._asked.clear()
            self._over, self._folded_count = frozenset(), 0
        self._source = None

    def live(self) -> dict[Values, float]:
        """Every live series now; those over the cardinality limit are added up under "(other)"."""
        live = self._held.all()
        with self._lock:
            asked = dict(self._asked)
        live.update(self._answered(asked))
        some = self._source(self._limit.named) if self._source is not None else Some(())
        for rows in (some.series, some.folded):
            live.update((self._sourced(values), float(amount)) for values, amount in rows)
        return self._limited(live, some.folded_count)

    def live_unless_fault(self, step: Step) -> dict[Values, float] | None:
        """As live(); None when the series cannot be read, so that none is taken for ended."""
        try:
            return self.live()
        except Exception:
            guard.fault(step)
            return None

    @staticmethod
    def _answered(asked: Mapping[Values, Callable[[], float]]) -> Iterator[tuple[Values, float]]:
        """The functions' values; a failing function leaves its own series out."""
        for values, function in asked.items():
            try:
                yield values, float(function())
            except Exception:
                guard.fault("render")

    def _limited(self, live: Mapping[Values, float], folded_count: int) -> dict[Values, float]:
        """The live series within the limit: a shown series stays while it lives, every other counts once.

        The source's sum hides its series: their number counts by its rise.
        """
        sums: dict[Values, float] = {}
        over: set[Values] = set()
        with self._lock:
            self._limit.keep(live)
            for values, amount in live.items():
                fitted = self._limit.fit(values)
                sums[fitted] = sums.get(fitted, 0.0) + amount
                if fitted != values:
                    over.add(values)
            new = len(over - self._over) + max(0, folded_count - self._folded_count)
            self._over, self._folded_count = frozenset(over), folded_count
        if new:
            self.overflow(new)
        return sums

    def _sourced(self, values: Iterable[object]) -> Values:
        texts = tuple([text_of(value, self.metric.name) for value in values])
        if len(texts) != len(self._names):
            raise LabelError(
                f"{self.metric.name}: its source gave {texts}, expected values for {self._names}"
            )
        return texts
