"""Recording handles: what a caller writes. Start wires each to an instrument; until then it is idle."""

from __future__ import annotations

import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, Protocol, TypeVar, cast

from telemetry.bounds import Bound
from telemetry.catalog import OTHER, Metric
from telemetry.guard import guard

Values = tuple[str, ...]
Attributes = Mapping[str, str]


class LabelError(ValueError):
    """Label names or values that are not the metric's own."""


class Adder(Protocol):
    """What stands behind a counter: an OTel Counter, or anything that adds."""

    def add(self, amount: float, attributes: Attributes | None = None) -> None: ...


class Recorder(Protocol):
    """What stands behind a histogram: an OTel Histogram, or anything that records."""

    def record(self, amount: float, attributes: Attributes | None = None) -> None: ...


class Idle:
    """The instrument of a handle that is not wired, and what a call with wrong labels gets: forgets all."""

    def _forget(self, *_: object, **__: object) -> None:
        """Do nothing."""

    add = record = inc = observe = set = remove = _forget


IDLE = Idle()
BoundT = TypeVar("BoundT")


class Handle(ABC, Generic[BoundT]):
    """One metric of the catalogue, as callers hold it."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self._names = metric.label_names
        self._name_set = frozenset(self._names)
        self._closed = {label.name: frozenset(label.values) for label in metric.labels if label.values}
        self._bound = Bound(metric)
        self._children: dict[Values, BoundT] = {}
        self.overflow: Callable[[int], object] = IDLE.inc

    def labels(self, **labels: object) -> BoundT:
        """The metric under one label set; may be kept and reused. Values become strings.

        A wrong name or value is a LabelError in tests; in production it is counted and logged, and
        an unknown value of a closed label is recorded as "(other)". So is a new value of any label
        once the metric has too many.
        """
        try:
            values = self._values(labels)
            return self._children.get(values) or self._child(values)
        except Exception:
            guard.fault("record")
            return cast(BoundT, IDLE)

    def _values(self, labels: Mapping[str, object]) -> Values:
        if labels.keys() != self._name_set:
            raise LabelError(
                f"{self.metric.name}: got labels {sorted(labels)}, expected {sorted(self._names)}"
            )
        return tuple([str(labels[name]) for name in self._names])

    def _child(self, values: Values) -> BoundT:
        """A label set that is new: checked, fitted into the metric's bound, and kept, for there are few."""
        allowed = self._checked(values)
        fitted = self._bound.fit(allowed)
        child = self._bind(fitted, fitted != allowed)
        if fitted == values:
            self._children[values] = child
        return child

    def _checked(self, values: Values) -> Values:
        return tuple([self._allowed(*pair) for pair in zip(self._names, values, strict=True)])

    def _allowed(self, name: str, value: str) -> str:
        closed = self._closed.get(name)
        if closed is None or value in closed:
            return value
        try:
            raise LabelError(f"{self.metric.name}: {name}={value!r}, expected one of {sorted(closed)}")
        except LabelError:
            guard.fault("record")
        return OTHER

    @abstractmethod
    def _bind(self, values: Values, folded: bool = False) -> BoundT:
        """The metric under label values in the catalogue's order. `folded`: what is recorded there is over
        the bound, and counted as such."""

    def clear(self) -> None:
        """Forget what was recorded: the next pipeline begins anew."""
        self._bound.clear()
        self._children.clear()

    def inherit(self, attributes: Attributes) -> None:
        """Count a label set that an earlier process has left as one of the metric's."""
        if attributes.keys() == self._name_set:
            self._bound.inherit(tuple([attributes[name] for name in self._names]))

    def attributes(self, values: Values) -> Attributes:
        """Label values in the catalogue's order, by name."""
        return dict(zip(self._names, values, strict=True))

    def expect(self, values: Values) -> None:
        """Show the series of these label values at 0 until it has a value; a gauge has none before that."""


def _not_negative(metric: Metric, amount: float) -> float:
    if not 0 <= amount < math.inf:  # NaN fails as well: added once, it would be the sum for ever
        raise ValueError(f"{metric.name}: got {amount!r}, expected a finite number of 0 or more")
    return amount


class BoundCounter:
    """A counter under one label set."""

    __slots__ = ("_attributes", "_folded", "_handle")

    def __init__(self, handle: Counter, attributes: Attributes, folded: bool) -> None:
        self._handle = handle
        self._attributes = attributes
        self._folded = folded

    def inc(self, amount: float = 1) -> None:
        """Add `amount`, which must not be negative. 0 makes the series exist."""
        try:
            self._handle.instrument.add(_not_negative(self._handle.metric, amount), self._attributes)
            if self._folded:
                self._handle.overflow(1)
        except Exception:
            guard.fault("record")


class Counter(Handle[BoundCounter]):
    """A metric that only rises."""

    instrument: Adder = IDLE

    def _bind(self, values: Values, folded: bool = False) -> BoundCounter:
        return BoundCounter(self, self.attributes(values), folded)

    def expect(self, values: Values) -> None:
        """Show the series of these label values at 0 until it has a value."""
        self._bind(self._bound.know(self._checked(values))).inc(0)

    def inc(self, amount: float = 1) -> None:
        """Add to a counter without labels."""
        self.labels().inc(amount)


class BoundHistogram:
    """A histogram under one label set."""

    __slots__ = ("_attributes", "_folded", "_handle")

    def __init__(self, handle: Histogram, attributes: Attributes, folded: bool) -> None:
        self._handle = handle
        self._attributes = attributes
        self._folded = folded

    def observe(self, amount: float) -> None:
        """Record one value of 0 or more, in the metric's unit."""
        try:
            self._handle.instrument.record(_not_negative(self._handle.metric, amount), self._attributes)
            if self._folded:
                self._handle.overflow(1)
        except Exception:
            guard.fault("record")


class Histogram(Handle[BoundHistogram]):
    """A metric that keeps a distribution over the catalogue's buckets."""

    instrument: Recorder = IDLE

    def __init__(self, metric: Metric) -> None:
        super().__init__(metric)
        self.expected: frozenset[Values] = frozenset()

    def _bind(self, values: Values, folded: bool = False) -> BoundHistogram:
        return BoundHistogram(self, self.attributes(values), folded)

    def expect(self, values: Values) -> None:
        """Show the series of these label values at 0 until it has a value."""
        self.expected |= {self._bound.know(values)}

    def clear(self) -> None:
        """Forget what was recorded, and what is expected."""
        super().clear()
        self.expected = frozenset()

    def observe(self, amount: float) -> None:
        """Record into a histogram without labels."""
        self.labels().observe(amount)


class BoundGauge:
    """A gauge under one label set."""

    __slots__ = ("_handle", "_values")

    def __init__(self, handle: Gauge, values: Values) -> None:
        self._handle = handle
        self._values = values

    def set(self, amount: float) -> None:
        """Hold `amount` until it is set anew or removed."""
        try:
            self._handle.hold(self._values, amount)
        except Exception:
            guard.fault("record")

    def remove(self) -> None:
        """End the series: the next scrape does not have it."""
        self._handle.drop(self._values)


Source = Callable[[], Iterable[tuple[Values, float]]]


class Gauge(Handle[BoundGauge]):
    """A metric whose series come and go.

    Its values are kept here and read at each scrape or export, never in an SDK instrument, which would
    remember every label set for ever and fold new ones into one series after 2,000.
    """

    def __init__(self, metric: Metric) -> None:
        super().__init__(metric)
        self._lock = threading.Lock()
        self._held: dict[Values, float] = {}
        self._over: frozenset[Values] = frozenset()
        self._source: Source | None = None

    def _bind(self, values: Values, folded: bool = False) -> BoundGauge:
        return BoundGauge(self, values)

    def _child(self, values: Values) -> BoundGauge:
        """Its series come and go: none is kept, and only those that live at once are bounded."""
        return self._bind(values)

    def hold(self, values: Values, amount: float) -> None:
        """Set the series of these label values."""
        with self._lock:
            self._held[values] = float(amount)

    def drop(self, values: Values) -> None:
        """Forget the series of these label values."""
        with self._lock:
            self._held.pop(values, None)

    def follow(self, source: Source | None) -> None:
        """Read the live series from `source` at each collection: label values in catalogue order, value."""
        self._source = source

    def clear(self) -> None:
        """End every series, and leave the source."""
        super().clear()
        with self._lock:
            self._held.clear()
            self._over = frozenset()
        self._source = None

    def live(self) -> dict[Values, float]:
        """Every live series now; those over the bound are added up under "(other)"."""
        with self._lock:
            live = dict(self._held)
        if self._source is not None:
            live.update((self._sourced(values), float(amount)) for values, amount in self._source())
        return self._bounded(live)

    def _bounded(self, live: Mapping[Values, float]) -> dict[Values, float]:
        """The live series within the bound: who is shown stays while it lives, and each other counts once."""
        sums: dict[Values, float] = {}
        over: set[Values] = set()
        with self._lock:
            self._bound.keep(live)
            for values, amount in live.items():
                fitted = self._bound.fit(values)
                sums[fitted] = sums.get(fitted, 0.0) + amount
                if fitted != values:
                    over.add(values)
            new, self._over = over - self._over, frozenset(over)
        if new:
            self.overflow(len(new))
        return sums

    def _sourced(self, values: Iterable[object]) -> Values:
        texts = tuple([str(value) for value in values])
        if len(texts) != len(self._names):
            raise LabelError(
                f"{self.metric.name}: its source gave {texts}, expected values for {self._names}"
            )
        return texts
