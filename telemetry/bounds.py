"""How many series one metric may have. Past its bound new label values become "(other)"."""

from __future__ import annotations

import logging

from telemetry.catalog import OTHER, Metric

# From its 2,000th label set on the SDK folds new ones into one series and adds a label to the whole metric.
LABEL_SETS = 1_900
_RESERVE = 50

_log = logging.getLogger("telemetry")

Values = tuple[str, ...]


class Bound:
    """The label sets that one metric has. Labels with a closed list of values never overflow."""

    def __init__(self, metric: Metric) -> None:
        self._name = metric.name
        self._open = [place for place, label in enumerate(metric.labels) if not label.values]
        self._seen: set[Values] = set()
        self._widest: int | None = None

    def fit(self, values: Values) -> Values:
        """The values, or, where they are one set too many, with "(other)" in the label that has the most."""
        if values in self._seen:
            return values
        if len(self._seen) < LABEL_SETS or not self._open:
            self._seen.add(values)
            return values
        return self._folded(values)

    def clear(self) -> None:
        """Begin anew."""
        self._seen.clear()
        self._widest = None

    def _folded(self, values: Values) -> Values:
        if self._widest is None:
            _log.warning("%s has %d label sets; new values become %r", self._name, LABEL_SETS, OTHER)
            self._widest = max(self._open, key=lambda place: len({seen[place] for seen in self._seen}))
        one = _with_other(values, [self._widest])
        if one in self._seen or len(self._seen) < LABEL_SETS + _RESERVE:
            self._seen.add(one)
            return one
        return _with_other(values, self._open)


def _with_other(values: Values, places: list[int]) -> Values:
    return tuple(OTHER if place in places else value for place, value in enumerate(values))
