"""The SDK's sums and histograms, kept in cells instead of in the objects of one process.

Chosen like any aggregation: by a view, or by what a reader prefers for a kind of instrument. The first
reader's aggregation of a series writes it, those of other readers only read.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from opentelemetry.sdk.metrics import Exemplar as SdkExemplar
from opentelemetry.sdk.metrics.export import AggregationTemporality, HistogramDataPoint, NumberDataPoint
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, SumAggregation

from telemetry.scrape.sums_with_sdk import histogram_point, sum_point
from telemetry.store.cells import Cells, Claim
from telemetry.store.exemplars import Exemplar, Exemplars, Offer
from telemetry.store.key import InstrumentKey, key_of, scope_of

LIMIT = 2_000
"""Label sets that an instrument may have, as in the SDK; there it is each process that may have so many."""
EXPORTS_OF_EXEMPLAR = 2
"""Pushes that export one exemplar."""
_OVERFLOW = {"otel.metric.overflow": True}


class CellStorage(NamedTuple):
    """Where series are kept, and how many an instrument may have. `ours`: they are the catalogue's, which
    scrape/text.py renders and handles write; `exemplars` are kept of those."""

    cells: Cells
    limit: int = LIMIT
    ours: bool = False
    exemplars: Exemplars | None = None

    def claimed(self, what: InstrumentKey, attributes: Any) -> Claim:
        """The cell of a series."""
        over = key_of(what, _OVERFLOW)
        return self.cells.claim(key_of(what, attributes), what.length, self.limit, over)


def what_of(instrument: Any, bounds: Sequence[float] | None = None) -> InstrumentKey:
    """An instrument of the SDK."""
    scope = scope_of(instrument.instrumentation_scope)
    kept = None if bounds is None else tuple(bounds)
    return InstrumentKey(scope, instrument.name, instrument.unit or "", instrument.description or "", kept)


class CellSums(SumAggregation):
    """Sums in cells, for counters."""

    def __init__(self, storage: CellStorage) -> None:
        self._storage = storage

    def _create_aggregation(self, instrument: Any, attributes: Any, *rest: Any) -> Any:
        made = super()._create_aggregation(instrument, attributes, *rest)
        if attributes is None:  # it shows the SDK what kind it is, and counts nothing
            return made
        return _CellSum(self._storage, what_of(instrument), attributes, made)


class CellHistograms(ExplicitBucketHistogramAggregation):
    """Histograms in cells: a count for each bucket, and the sum."""

    def __init__(self, storage: CellStorage, boundaries: Sequence[float] | None = None) -> None:
        super().__init__(boundaries)
        self._storage = storage

    def _create_aggregation(self, instrument: Any, attributes: Any, *rest: Any) -> Any:
        made = super()._create_aggregation(instrument, attributes, *rest)
        if attributes is None:
            return made
        bounds: Sequence[float] = made._boundaries  # type: ignore[attr-defined]
        return _CellHistogram(self._storage, what_of(instrument, bounds), attributes, made)


class InCell(ABC):
    """What the SDK asks of an aggregation of one series, with the numbers in a cell."""

    def __init__(self, storage: CellStorage, what: InstrumentKey, attributes: Any, made: Any) -> None:
        self.cell, self.writes, self._exports = storage.claimed(what, attributes)
        self._began = storage.cells.began
        self._attributes = attributes
        self._bounds, self.places = what.bounds or (), what.places
        self._ours = storage.ours
        self._exemplars: _OwnExemplars | _MadeExemplars = (
            _OwnExemplars(storage.exemplars, self) if storage.ours else _MadeExemplars(made)
        )

    @property
    def offer(self) -> Offer | None:
        """What takes exemplars of this series, if they are kept."""
        return self._exemplars.offer

    def aggregate(self, measurement: Any, should_sample_exemplar: bool = True) -> None:
        """Take one value, as the SDK's own aggregations do; of a question, answer it and record nothing."""
        value = measurement.value
        if isinstance(value, _Question):
            value.answers.append(self)
            return
        if self.writes:
            self._record(value)
        self._exemplars.sample(measurement, should_sample_exemplar)

    @abstractmethod
    def _record(self, amount: float) -> None: ...

    @abstractmethod
    def place(self, amount: float) -> int:
        """The bucket that a value is in."""

    def collect(self, temporality: AggregationTemporality, now: int) -> Any:
        """The total since the group began; cumulative, whatever is asked for."""
        if not self._exports or (self._ours and getattr(_scraping, "on", False)):
            return None
        return self._point(now)

    @abstractmethod
    def _point(self, now: int) -> Any: ...


class _CellSum(InCell):
    def _record(self, amount: float) -> None:
        self.cell.add(0, amount)

    def place(self, amount: float) -> int:
        return 0

    def _point(self, now: int) -> NumberDataPoint:
        (value,) = self.cell.read()
        return sum_point(self._attributes, self._began, now, value, self._exemplars.collect())


class _CellHistogram(InCell):
    def _record(self, amount: float) -> None:
        self.cell.add_two(self.place(amount), 1, len(self._bounds) + 1, amount)

    def place(self, amount: float) -> int:
        return bisect_left(self._bounds, amount)

    def _point(self, now: int) -> HistogramDataPoint:
        return histogram_point(
            self._attributes, self._began, now, self.cell.read(), self._bounds, self._exemplars.collect()
        )


class _MadeExemplars:
    """Those of other people's series: in the SDK's own reservoir, for this process's pushes."""

    offer: Offer | None = None

    def __init__(self, made: Any) -> None:
        self.sample: Callable[[Any, bool], None] = made._sample_exemplar
        self.collect: Callable[[], Sequence[SdkExemplar]] = made._collect_exemplars


class _OwnExemplars:
    """Those of ours: every reader exports each twice. The SDK exports each once: lost where that push is,
    and where the next push reaches a collector before anyone has scraped it."""

    def __init__(self, exemplars: Exemplars | None, series: InCell) -> None:
        self._exemplars, self._series = exemplars, series
        self.offer = exemplars.of(series.cell.key, series.places) if exemplars else None
        self._exported: list[tuple[Exemplar | None, int]] = [(None, 0)] * series.places if exemplars else []

    def sample(self, measurement: Any, should_sample: bool) -> None:
        """Take a value that came through the instrument."""
        if self.offer and should_sample and self._series.writes:
            self.offer(measurement.value, self._series.place(measurement.value))

    def collect(self) -> Sequence[SdkExemplar]:
        """What has come since the last time but one."""
        if not self._exemplars:
            return ()
        kept = self._exemplars.read(self._series.cell.key, self._series.places)
        self._exported = [
            (one, times + 1 if one == before else 1)
            for one, (before, times) in zip(kept, self._exported, strict=True)
        ]
        due = [one for one, times in self._exported if one and times <= EXPORTS_OF_EXEMPLAR]
        return [SdkExemplar({}, e.value, int(e.seconds * 1e9), e.span_id, e.trace_id) for e in due]


_scraping = threading.local()


class _Question(float):
    """An amount of 0 that asks who would write it: each aggregation of ours that it reaches."""

    def __init__(self) -> None:
        self.answers: list[InCell] = []


def writer(record: Callable[[float, Any], None], attributes: Any) -> InCell | None:
    """The aggregation that writes an instrument's recordings under these attributes, as its views have it;
    nothing is recorded. None where the SDK gives them to none of ours, or to several, or where this process
    does not count yet."""
    question = _Question()
    record(question, attributes)
    writers = [one for one in question.answers if one.writes and one.cell.before is None]
    return writers[0] if len(writers) == 1 else None


@contextmanager
def third_party_only() -> Iterator[None]:
    """What this thread collects is without ours: a scrape renders those by itself."""
    _scraping.on = True
    try:
        yield
    finally:
        _scraping.on = False
