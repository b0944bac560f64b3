"""The SDK's sums and histograms, kept in cells instead of in the objects of one process.

Chosen like any aggregation: by a view, or by what a reader prefers for a kind of instrument. The first
reader's aggregation of a series writes it, those of other readers only read.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.metrics.export import AggregationTemporality, HistogramDataPoint, NumberDataPoint
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, SumAggregation

from telemetry.cells import Cells, Claim
from telemetry.serieskey import What, key_of, scope_of

LIMIT = 2_000
"""Label sets that an instrument may have, as in the SDK; there it is each process that may have so many."""
_OVERFLOW = {"otel.metric.overflow": True}


def _what(instrument: Any, bounds: Sequence[float] | None = None) -> What:
    scope = scope_of(instrument.instrumentation_scope)
    kept = None if bounds is None else tuple(bounds)
    return What(scope, instrument.name, instrument.unit or "", instrument.description or "", kept)


def _claimed(cells: Cells, what: What, attributes: Any, limit: int) -> Claim:
    return cells.claim(key_of(what, attributes), what.length, limit, key_of(what, _OVERFLOW))


class CellSums(SumAggregation):
    """Sums in cells, for counters."""

    def __init__(self, cells: Cells, limit: int = LIMIT) -> None:
        self._cells = cells
        self._limit = limit

    def _create_aggregation(self, instrument: Any, attributes: Any, *rest: Any) -> Any:
        made = super()._create_aggregation(instrument, attributes, *rest)
        if attributes is None:  # it shows the SDK what kind it is, and counts nothing
            return made
        claim = _claimed(self._cells, _what(instrument), attributes, self._limit)
        return _CellSum(made, self._cells.began, claim)


class CellHistograms(ExplicitBucketHistogramAggregation):
    """Histograms in cells: a count for each bucket, and the sum."""

    def __init__(self, cells: Cells, boundaries: Sequence[float] | None = None, limit: int = LIMIT) -> None:
        super().__init__(boundaries)
        self._cells = cells
        self._limit = limit

    def _create_aggregation(self, instrument: Any, attributes: Any, *rest: Any) -> Any:
        made = super()._create_aggregation(instrument, attributes, *rest)
        if attributes is None:
            return made
        bounds: Sequence[float] = made._boundaries  # type: ignore[attr-defined]
        claim = _claimed(self._cells, _what(instrument, bounds), attributes, self._limit)
        return _CellHistogram(made, self._cells.began, claim)


class _InCell(ABC):
    """What the SDK made for one series, which still keeps the exemplars, and the cell with the numbers."""

    def __init__(self, made: Any, began: int, claim: Claim) -> None:
        self._made = made
        self._began = began
        self._cell, self._writes, self._tells = claim

    def aggregate(self, measurement: Any, should_sample_exemplar: bool = True) -> None:
        """Take one value, as the SDK's own aggregations do."""
        if self._writes:
            self._record(measurement.value)
        self._made._sample_exemplar(measurement, should_sample_exemplar)

    @abstractmethod
    def _record(self, amount: float) -> None: ...

    def collect(self, temporality: AggregationTemporality, now: int) -> Any:
        """The total since the group began; cumulative, whatever is asked for."""
        return self._point(now) if self._tells else None

    @abstractmethod
    def _point(self, now: int) -> Any: ...


class _CellSum(_InCell):
    def _record(self, amount: float) -> None:
        self._cell.add(0, amount)

    def _point(self, now: int) -> NumberDataPoint:
        (value,) = self._cell.read()
        return sum_point(self._made._attributes, self._began, now, value, self._made._collect_exemplars())


class _CellHistogram(_InCell):
    def _record(self, amount: float) -> None:
        bounds = self._made._boundaries
        self._cell.add_two(bisect_left(bounds, amount), 1, len(bounds) + 1, amount)

    def _point(self, now: int) -> HistogramDataPoint:
        made = self._made
        return histogram_point(
            made._attributes, self._began, now, self._cell.read(), made._boundaries, made._collect_exemplars()
        )


def sum_point(attributes: Any, began: int, now: int, value: float, exemplars: Any = ()) -> NumberDataPoint:
    """A counter's point."""
    return NumberDataPoint(attributes, began, now, value, exemplars)


def histogram_point(
    attributes: Any, began: int, now: int, numbers: Sequence[float], bounds: Any, exemplars: Any = ()
) -> HistogramDataPoint:
    """A histogram's point from a cell's numbers: a count for each bucket, and the sum."""
    counts = [int(number) for number in numbers[:-1]]
    return HistogramDataPoint(
        attributes=attributes,
        start_time_unix_nano=began,
        time_unix_nano=now,
        count=sum(counts),
        sum=numbers[-1],
        bucket_counts=counts,
        explicit_bounds=bounds,
        min=None,  # type: ignore[arg-type] # not kept: Prometheus has no place for them
        max=None,  # type: ignore[arg-type]
        exemplars=exemplars,
    )
