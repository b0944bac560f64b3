"""The engine's registry and those beside it, as a pipeline has them: rows, handles, series at 0."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from telemetry.builtin import BUILTIN, telemetry_overflow_total
from telemetry.record import preinitialise
from telemetry.record.gauges import Gauge
from telemetry.record.handles import Handle, Histogram, Instrumented
from telemetry.record.registry import Extension, Registry
from telemetry.record.schema import CatalogError, Label, Metric

DEFAULT: list[Registry] = []
"""The registries beside the engine's of a pipeline that is given none."""


def known(**values: Iterable[str]) -> None:
    """Put every label set at 0 that follows from the catalogue and from run-time `values`,
    such as known(category=("chair", "mattress"))."""
    preinitialise.label_sets(_handles(DEFAULT), **values)


def catalogue(metrics: Iterable[Metric], extensions: Iterable[tuple[str, Extension]]) -> tuple[Metric, ...]:
    """The engine's metrics and the given ones, in the order of their registries and each with what
    `extensions` add to it. CatalogError where a name stands twice, or a wrong entry results."""
    given = [*BUILTIN.metrics.values(), *metrics]
    by_name = {row.name: row for row in given}
    if len(by_name) != len(given):
        raise CatalogError("a metric name stands twice in the catalogue")
    for name, more in extensions:
        if name not in by_name:
            raise CatalogError(f"an extension is for {name!r}, expected one of {', '.join(by_name)}")
        row = by_name[name]
        at_zero = tuple(dict.fromkeys((*more.preinitialised, *row.preinitialised)))
        by_name[name] = replace(row, preinitialised=at_zero, read_by=(*row.read_by, *more.read_by))
    overflow = telemetry_overflow_total.metric.name
    is_open = tuple(row.name for row in given if row.is_open)
    by_name[overflow] = replace(by_name[overflow], labels=(Label("metric", is_open),))
    return tuple(by_name.values())


def rows(beside: Sequence[Registry]) -> tuple[Metric, ...]:
    """The catalogue of the engine's registry and those beside it."""
    return catalogue(
        (metric for registry in beside for metric in registry.metrics.values()),
        [extension for registry in beside for extension in registry.extensions.items()],
    )


class Attached:
    """What a pipeline has of its registries: their rows and handles, and which of these are of one kind.
    From now on a handle has its row with all that the registries add to it."""

    def __init__(self, registries: Sequence[Registry] | None = None) -> None:
        beside = DEFAULT if registries is None else registries
        self.handles = _handles(beside)
        self.metrics = rows(beside)
        for metric in self.metrics:
            self.handles[metric.name].extend(metric)
        for handle in self.handles.values():
            if handle.metric.is_open:
                handle.overflow = telemetry_overflow_total.labels(metric=handle.metric.name).inc

    @property
    def gauges(self) -> list[Gauge]:
        """Those whose series come and go."""
        return [handle for handle in self.handles.values() if isinstance(handle, Gauge)]

    @property
    def instrumented(self) -> list[Instrumented[Any, Any]]:
        """Those with an instrument behind them."""
        return [handle for handle in self.handles.values() if isinstance(handle, Instrumented)]

    @property
    def histograms(self) -> list[Histogram]:
        """Those that keep a distribution."""
        return [handle for handle in self.handles.values() if isinstance(handle, Histogram)]


def _handles(beside: Iterable[Registry]) -> dict[str, Handle[Any]]:
    return {name: handle for registry in (BUILTIN, *beside) for name, handle in registry.handles.items()}
