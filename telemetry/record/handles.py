"""Recording handles: what a caller writes. Start wires each to an instrument; until then it is idle."""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Any, Generic, Protocol, TypeVar, cast

from telemetry.guard import guard
from telemetry.posix import forkable_lock
from telemetry.record import calls
from telemetry.record.calls import complete, guarded
from telemetry.record.cardinality import CardinalityLimit
from telemetry.record.children import Attributes, Child, CounterChild, HistogramChild, Locate, Watcher
from telemetry.record.schema import OTHER, Metric, Values
from telemetry.record.trackers import IDLE, ExceptionCounter, Exceptions, Timer
from telemetry.words import printable, say_once


class LabelError(ValueError):
    """Label names or values that are not the metric's own."""


class Adder(Protocol):
    """What stands behind a counter: an OTel Counter, or anything that adds."""

    def add(self, amount: float, attributes: Attributes | None = None) -> None: ...


class Recorder(Protocol):
    """What stands behind a histogram: an OTel Histogram, or anything that records."""

    def record(self, amount: float, attributes: Attributes | None = None) -> None: ...


AnyChildT = TypeVar("AnyChildT")
ChildT = TypeVar("ChildT", bound=Child)
InstrumentT = TypeVar("InstrumentT")


class Handle(ABC, Generic[AnyChildT]):
    """One metric of the catalogue, as callers hold it."""

    def __init__(self, metric: Metric) -> None:
        self._names = metric.label_names
        self._name_set = frozenset(self._names)
        self._limit = CardinalityLimit(metric)
        self._children: dict[Any, AnyChildT] = {}
        self._many = len(self._names)
        # One call for the values of labels, in the catalogue's order: of a single label its value.
        self._pick: Callable[[Mapping[str, object]], Any] = (
            itemgetter(*self._names) if self._names else _nothing
        )
        self.overflow: Callable[[int], object] = IDLE.inc
        self.extend(metric)

    def extend(self, metric: Metric) -> None:
        """Take the metric's row with all that registries add to it; its cardinality limit stays."""
        self.metric = metric
        self._closed = {label.name: frozenset(label.values) for label in metric.labels if label.values}

    def labels(self, *values: object, **labels: object) -> AnyChildT:
        """The metric under one label set, given by name, or by place in the catalogue's order; may be kept
        and reused. Values become strings.

        A wrong name or value is a LabelError where strict; in production it is counted and logged, and
        an unknown value of a closed label is recorded as "(other)". So is a new value of any label
        once the metric has too many.
        """
        try:
            child = self._children[self._pick(labels)]
        except (KeyError, TypeError):  # a new one, or of no texts, or of other names
            return self._sought(labels, values)
        return child if len(labels) == self._many and not values else self._sought(labels, values)

    @guarded()
    def remove(self, *values: object) -> None:
        """Remove the series of these label values, given by place: of a gauge alone, as the next two. A
        counter's or a histogram's is a fault: what was counted stays."""
        values = self._values(self._by_place(values, {}))
        self._remove(lambda there: there == values)

    @guarded()
    def remove_by_labels(self, labels: Mapping[str, object]) -> None:
        """Remove every series that has these labels; none where there are no labels."""
        if unknown := labels.keys() - self._name_set:
            raise LabelError(f"{self.metric.name}: got {sorted(unknown)}, expected of {list(self._names)}")
        wanted = {self._names.index(name): str(value) for name, value in labels.items()}
        self._remove(lambda there: bool(wanted) and all(there[at] == v for at, v in wanted.items()))

    @guarded()
    def clear(self) -> None:
        """Remove every series."""
        self._remove(lambda _: True)

    @guarded(())
    def collect(self) -> Iterable[Any]:
        """Nothing, and a fault: /metrics shows the numbers, `telemetry.testing` reads them."""
        raise TypeError(f"{self.metric.name}: a handle is not collected, /metrics shows its series")

    describe = collect

    def _remove(self, which: Callable[[Values], bool]) -> None:
        raise TypeError(
            f"{self.metric.name}: a {self.metric.kind}'s series cannot be removed, totals never fall"
        )

    def _sought(self, labels: Mapping[str, object], by_place: tuple[object, ...] = ()) -> AnyChildT:
        try:
            values = self._values(self._by_place(by_place, labels) if by_place else labels)
            return self._children.get(self._key(values)) or self._child(values)
        except Exception:
            calls.fault()
            return cast(AnyChildT, IDLE)

    def _by_place(self, values: tuple[object, ...], labels: Mapping[str, object]) -> dict[str, object]:
        if labels or len(values) != self._many:
            raise LabelError(
                f"{self.metric.name}: got {len(values)} label values by place and {sorted(labels)} by name, "
                f"expected all of {list(self._names)} in one way"
            )
        return dict(zip(self._names, values, strict=True))

    def _values(self, labels: Mapping[str, object]) -> Values:
        if labels.keys() != self._name_set:
            raise LabelError(
                f"{self.metric.name}: got labels {sorted(labels)}, expected {sorted(self._names)}"
            )
        return tuple([text_of(labels[name], self.metric.name) for name in self._names])

    def _child(self, values: Values) -> AnyChildT:
        """A label set that is new: checked, fitted into the metric's limit, and kept, for there are few."""
        allowed = self._checked(values)
        fitted = self._limit.fit(allowed)
        child = self._new_child(fitted, fitted != allowed)
        if fitted == values:
            self._children[self._key(values)] = child
        return child

    def _key(self, values: Values) -> Any:
        """What a child is kept under: what _pick() gives for its labels, where they are texts."""
        return values[0] if len(values) == 1 else values

    def _checked(self, values: Values) -> Values:
        return tuple([self._allowed(*pair) for pair in zip(self._names, values, strict=True)])

    def _allowed(self, name: str, value: str) -> str:
        closed = self._closed.get(name)
        if closed is None or value in closed:
            return value
        try:
            raise LabelError(f"{self.metric.name}: {name}={value!r}, expected one of {sorted(closed)}")
        except LabelError:
            calls.fault()
        return OTHER

    @abstractmethod
    def _new_child(self, values: Values, folded: bool = False) -> AnyChildT:
        """The metric under label values in the catalogue's order. `folded`: recordings there are over the
        limit, and counted as such.
        """

    def forget(self) -> None:
        """Forget all recordings: the next pipeline starts empty."""
        self._limit.clear()
        self._children.clear()

    def look_by(self, look: Callable[[], None]) -> None:
        """Call `look` before a stranger is taken in: it brings the label sets of other processes, by
        inherit()."""
        self._limit.look = look

    def inherit(self, attributes: Attributes) -> None:
        """Count a label set that an earlier process has left as one of the metric's."""
        if attributes.keys() == self._name_set:
            self._limit.inherit(tuple([attributes[name] for name in self._names]))

    def attributes(self, values: Values) -> Attributes:
        """Label values in the catalogue's order, by name."""
        return dict(zip(self._names, values, strict=True))

    def preinitialise(self, values: Values) -> None:
        """Show the series of these label values at 0 until it has a value; a gauge has none before that."""


def _nothing(_: object) -> Values:
    return ()


def text_of(value: object, name: str) -> str:
    """A text is itself, even if it prints otherwise, as members of an Enum do; written out if no scraper
    would take it. `name`: the metric whose label value it is.
    """
    text = str.__str__(value) if isinstance(value, str) else str(value)
    clean = printable(text)
    if clean != text:
        say_once("%s has text that no scraper takes in a label: it is written out", name)
    return clean


class Instrumented(Handle[ChildT], Generic[ChildT, InstrumentT]):
    """A metric with an instrument behind it."""

    _kind: type[ChildT]

    def __init__(self, metric: Metric) -> None:
        super().__init__(metric)
        self._lock = forkable_lock(self)
        self._all: weakref.WeakSet[ChildT] = weakref.WeakSet()
        self._watchers: weakref.WeakSet[Watcher] = weakref.WeakSet()
        self.wire(cast(InstrumentT, IDLE))

    @property
    def instrument(self) -> InstrumentT:
        """What stands behind it: anything with the instrument's one call."""
        return self._instrument

    @instrument.setter
    def instrument(self, instrument: InstrumentT) -> None:
        self.wire(instrument)

    def wire(self, instrument: InstrumentT, locate: Locate | None = None) -> None:
        """Record into an instrument from now on; with `locate`, straight into the cells that it finds."""
        self._instrument, self.locate = instrument, locate
        self.reconnect()

    def reconnect(self) -> None:
        """Let every child in use look its numbers up again, then disconnect the watchers."""
        with self._lock:
            for child in self._all:
                child.disconnect()
            for watcher in self._watchers:
                watcher.disconnect()

    def forked(self) -> None:
        """In a process just forked: reconnect."""
        self.reconnect()

    def watch(self, watcher: Watcher) -> None:
        """Tell `watcher`, for as long as anyone holds it, when children have been disconnected."""
        with self._lock:
            self._watchers.add(watcher)

    def _new_child(self, values: Values, folded: bool = False) -> ChildT:
        child = self._kind(cast(Any, self), self.attributes(values), folded)
        with self._lock:
            self._all.add(child)
        return child

    def _preinitialised(self, values: Values) -> tuple[Values, ChildT]:
        """The child of a preinitialised label set, and its values within the metric's limit."""
        allowed = self._checked(values)
        fitted = self._limit.preinitialise(allowed)
        child = self._children.get(self._key(fitted)) or self._new_child(fitted)
        if fitted == allowed:
            self._children[self._key(fitted)] = child
        return fitted, child


@complete(IDLE)
class Counter(Instrumented[CounterChild, Adder]):
    """A metric that only rises."""

    _kind = CounterChild

    @property
    def record(self) -> Callable[[float, Attributes], None]:
        """The instrument's call."""
        return self._instrument.add

    def preinitialise(self, values: Values) -> None:
        """Show the series of these label values at 0 until it has a value."""
        self._preinitialised(values)[1].inc(0)

    @guarded()
    def inc(self, amount: float = 1.0, exemplar: Mapping[str, str] | None = None) -> None:
        """Add to a counter without labels."""
        self.labels().inc(amount, exemplar)

    @guarded(IDLE)
    def count_exceptions(self, exception: Exceptions = Exception) -> ExceptionCounter:
        """Count, in a counter without labels, what leaves a block or a function."""
        return self.labels().count_exceptions(exception)


@complete(IDLE)
class Histogram(Instrumented[HistogramChild, Recorder]):
    """A metric that keeps a distribution over the catalogue's buckets."""

    _kind = HistogramChild

    def __init__(self, metric: Metric) -> None:
        super().__init__(metric)
        self.preinitialised: frozenset[Values] = frozenset()

    @property
    def record(self) -> Callable[[float, Attributes], None]:
        """The instrument's call."""
        return self._instrument.record

    def preinitialise(self, values: Values) -> None:
        """Show the series of these label values at 0 until it has a value.

        Series without cells stay in `preinitialised`: an instrument cannot create them.
        """
        try:
            fitted, child = self._preinitialised(values)
            if not child.connect():
                self.preinitialised |= {fitted}
        except Exception:
            guard.fault("record")

    def forget(self) -> None:
        """Forget all recordings and preinitialised series."""
        super().forget()
        self.preinitialised = frozenset()

    @guarded()
    def observe(self, amount: float, exemplar: Mapping[str, str] | None = None) -> None:
        """Record into a histogram without labels."""
        self.labels().observe(amount, exemplar)

    @guarded(IDLE)
    def time(self) -> Timer:
        """Record the seconds of a block or a function; Timer.labels() chooses the label set within it."""
        return Timer(self)
