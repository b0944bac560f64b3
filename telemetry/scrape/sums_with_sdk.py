"""Sums with the SDK: its data of this process, with the numbers that cells hold beside it, as its data again.

So other people's metrics are added up for a page, and ours for a push. Its sibling, sums_of_cells.py, adds up
ours for a page, without the SDK.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.metrics.export import Histogram as HistogramData
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from telemetry.scrape.sums_of_cells import Bounds, fitted
from telemetry.store.cells import Cells
from telemetry.store.key import InstrumentKey, attributes_of, key_of, parse, scope_from, scope_of

Amounts = Sequence[float]
Found = Iterable[tuple[bytes, Amounts]]


def with_cells(
    data: MetricsData, cells: Cells, others: Found = (), among: Callable[[bytes], bool] = lambda _: True
) -> MetricsData:
    """The data with the numbers of others added, and with what this process's cells hold that it lacks, as
    far as `among` asks for it.

    The cells are read after the data was collected: what came in between is there once.
    """
    if not data.resource_metrics:
        return data
    first, *more = data.resource_metrics
    exported = [[_Exported(scope.scope, metric) for metric in scope.metrics] for scope in first.scope_metrics]
    known = {one.what.metric: one.what for one in chain(*exported) if one.what}
    mine = {key for one in chain(*exported) for key in one.keys}
    sums = _sums(chain(cells.besides(mine, among), others), known)
    scopes = [
        replace(scope, metrics=[one.joined(sums, cells.began) for one in metrics])
        for scope, metrics in zip(first.scope_metrics, exported, strict=True)
    ]
    new = [_with_new(scope, sums, cells.began) for scope in [*scopes, *_missing(scopes, sums)]]
    return MetricsData([replace(first, scope_metrics=new), *more])


@dataclass
class _Series:
    """Series of one metric, by their attributes as keys have them."""

    what: InstrumentKey
    rows: dict[bytes, list[Amounts]] = field(default_factory=dict)

    def add(self, attributes: bytes, bounds: Bounds, numbers: Amounts) -> None:
        self.rows.setdefault(attributes, []).append(fitted(numbers, bounds, self.what.bounds))

    def points(self, began: int) -> list[Any]:
        now = time.time_ns()
        return [
            _point(self.what, attributes_of(text), _sum(rows), began, now) for text, rows in self.rows.items()
        ]


_Sums = dict[tuple[str, str, str, bool], _Series]


class _Exported:
    """A metric of the data, and its series' keys where it is of a kind that cells hold."""

    def __init__(self, scope: InstrumentationScope, metric: Metric) -> None:
        self.metric = metric
        self.what = _what(scope, metric)
        points: Any = metric.data.data_points
        self.keys = [key_of(self.what, point.attributes) for point in points] if self.what else []

    def joined(self, sums: _Sums, began: int) -> Metric:
        """With the numbers of the same series elsewhere, and the series that it lacks; out of `sums`."""
        series = sums.pop(self.what.metric, None) if self.what else None
        if series is None:
            return self.metric
        data: Any = self.metric.data
        pairs = zip(data.data_points, self.keys, strict=True)
        own = [_plus(point, series.rows.pop(parse(key)[1], [])) for point, key in pairs]
        return replace(self.metric, data=replace(data, data_points=own + series.points(began)))


def _what(scope: InstrumentationScope, metric: Metric) -> InstrumentKey | None:
    bounds: Bounds = None
    if isinstance(metric.data, HistogramData) and metric.data.data_points:
        bounds = tuple(metric.data.data_points[0].explicit_bounds)
    elif not (isinstance(metric.data, Sum) and metric.data.is_monotonic):
        return None
    return InstrumentKey(scope_of(scope), metric.name, metric.unit or "", metric.description or "", bounds)


def _sums(found: Found, known: Mapping[Any, InstrumentKey]) -> _Sums:
    """Those of one series added up, in the buckets that are `known`, or of whose comes first."""
    sums: _Sums = {}
    for key, numbers in found:
        what, attributes = parse(key)
        name = what.metric
        series = sums.get(name)
        if series is None:
            series = sums[name] = _Series(known.get(name, what))
        series.add(attributes, what.bounds, numbers)
    return sums


def _missing(scopes: list[ScopeMetrics], sums: _Sums) -> list[ScopeMetrics]:
    there = {scope_of(scope.scope) for scope in scopes}
    texts = dict.fromkeys(series.what.scope for series in sums.values() if series.what.scope not in there)
    return [ScopeMetrics(scope_from(text), [], schema_url="") for text in texts]


def _with_new(scope: ScopeMetrics, sums: _Sums, began: int) -> ScopeMetrics:
    text = scope_of(scope.scope)
    new = [_metric(series, began) for series in sums.values() if series.what.scope == text]
    return replace(scope, metrics=[*scope.metrics, *new])


def _metric(series: _Series, began: int) -> Metric:
    what, points, cumulative = series.what, series.points(began), AggregationTemporality.CUMULATIVE
    data = Sum(points, cumulative, True) if what.bounds is None else HistogramData(points, cumulative)
    return Metric(what.name, what.description, what.unit, data)


def _sum(rows: Sequence[Amounts]) -> Amounts:
    """Rounded once, so that it does not matter in which order workers are added up."""
    return [*map(_exact, zip(*rows, strict=True))]


def _exact(numbers: Iterable[float]) -> float:
    try:
        return math.fsum(numbers)
    except OverflowError:  # beyond the largest float, by numbers that are not
        return math.inf


def _plus(point: Any, rows: Sequence[Amounts]) -> Any:
    if not rows:
        return point
    if isinstance(point, NumberDataPoint):
        (value,) = _sum([[point.value], *rows])
        return replace(point, value=value)
    *counts, total = _sum([[*point.bucket_counts, point.sum], *rows])
    counted = [int(count) for count in counts]
    return replace(point, bucket_counts=counted, count=sum(counted), sum=total)


def _point(what: InstrumentKey, attributes: dict[str, Any], numbers: Amounts, began: int, now: int) -> Any:
    if what.bounds is None:
        return sum_point(attributes, began, now, numbers[0])
    return histogram_point(attributes, began, now, numbers, what.bounds)


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
