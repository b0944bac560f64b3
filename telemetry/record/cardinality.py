"""The number of label sets of one metric. Past its limit new label values become "(other)".

Half of the limit is for preinitialised label sets: the metrics' own, routes, the values of known(). The other
half is for strangers, so no number of strangers takes a preinitialised set's place.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Container

from telemetry.posix import forkable_lock
from telemetry.record.schema import OTHER, Metric, Values

_log = logging.getLogger("telemetry")


class CardinalityLimit:
    """The label sets of one metric. Labels with a closed list of values never overflow.

    `look` is called before a stranger is taken in: other workers may have new ones, which inherit() adds.
    """

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._open = [place for place, label in enumerate(metric.labels) if not label.values]
        self._lock = forkable_lock(self)
        self._preinitialised: set[Values] = set()
        self._strangers: set[Values] = set()
        self._folded: set[Values] = set()
        self._widest: int | None = None
        self.look: Callable[[], None] = _nowhere
        # The last ones to come have every open label folded: so many fit in any case.
        self._for_folded = metric.room - metric.closed_sets
        self._for_strangers = self._for_folded * 9 // 10 if len(self._open) > 1 else self._for_folded

    @property
    def named(self) -> int:
        """How many label sets that are not preinitialised stand under their own names."""
        return self._for_strangers

    def fit(self, values: Values) -> Values:
        """The values, or, past the limit, with "(other)" in the label with the most values."""
        if not self._open or values in self._preinitialised or values in self._strangers:
            return values
        if len(self._strangers) < self._for_strangers:
            self.look()
        with self._lock:
            return self._stranger(values)

    def preinitialise(self, values: Values) -> Values:
        """Keep a label set under its own name from now on.

        Past their half, preinitialised sets count as strangers; then the metric's limit in the catalogue is
        too low.
        """
        with self._lock:
            if not self._open or values in self._preinitialised:
                return values
            if len(self._preinitialised) >= self._metric.cardinality_limit - self._metric.room:
                return self._stranger(values)
            self._preinitialised.add(values)
            self._strangers.discard(values)
            return values

    def inherit(self, values: Values) -> None:
        """Take in an earlier process's label set: it counts as a stranger until it is preinitialised."""
        with self._lock:
            if self._open and values not in self._preinitialised:
                self._strangers.add(values)

    def keep(self, live: Container[Values]) -> None:
        """Forget the strangers that are not live: the series of a gauge end."""
        with self._lock:
            self._strangers = {values for values in self._strangers if values in live}
            self._folded.clear()

    def clear(self) -> None:
        """Start empty."""
        with self._lock:
            for label_sets in (self._preinitialised, self._strangers, self._folded):
                label_sets.clear()
            self._widest = None
            self.look = _nowhere

    def _stranger(self, values: Values) -> Values:
        if values in self._strangers:
            return values
        if len(self._strangers) < self._for_strangers:
            self._strangers.add(values)
            return values
        return self._fold(values)

    def _fold(self, values: Values) -> Values:
        one = _with_other(values, [self._overflowing()])
        if one in self._folded or one in self._strangers:
            return one
        if len(self._strangers) + len(self._folded) < self._for_folded:
            self._folded.add(one)
            return one
        return _with_other(values, self._open)

    def _overflowing(self) -> int:
        """The place of the label that strangers brought the most values of."""
        if self._widest is None:
            self._widest = max(self._open, key=lambda place: len({seen[place] for seen in self._strangers}))
            label = self._metric.label_names[self._widest]
            _log.warning(
                "%s has as many label sets as it may (%d); new values of %s become %r",
                self._metric.name,
                self._metric.cardinality_limit,
                label,
                OTHER,
            )
        return self._widest


def _nowhere() -> None:
    """The default: no other worker exists."""


def _with_other(values: Values, places: list[int]) -> Values:
    return tuple(OTHER if place in places else value for place, value in enumerate(values))
