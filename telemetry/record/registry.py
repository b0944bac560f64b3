"""Metrics of one owner, with their handles: the engine has a registry, and so has each product beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from telemetry.record.gauges import Gauge
from telemetry.record.handles import Counter, Handle, Histogram
from telemetry.record.schema import CatalogError, Kind, Metric, Values

HandleT = TypeVar("HandleT", bound=Handle[Any])


class Extension(NamedTuple):
    """A registry's additions to another's metric: label sets that exist from the start, and the dashboards
    and alerts that read it.
    """

    preinitialised: tuple[Values, ...] = ()
    read_by: tuple[str, ...] = ()


class Registry:
    """Metrics by name, with a handle each. `extensions` are for metrics of other registries, by name."""

    def __init__(self, extensions: Mapping[str, Extension] | None = None) -> None:
        self.metrics: dict[str, Metric] = {}
        self.handles: dict[str, Handle[Any]] = {}
        self.extensions = dict(extensions or {})

    def counter(self, metric: Metric) -> Counter:
        """Add a metric that only rises. CatalogError: it is of another kind, or its name is taken."""
        return self._added(Counter(metric), "counter")

    def histogram(self, metric: Metric) -> Histogram:
        """Add a distribution. CatalogError as of counter()."""
        return self._added(Histogram(metric), "histogram")

    def gauge(self, metric: Metric) -> Gauge:
        """Add a metric whose series come and go. CatalogError as of counter()."""
        return self._added(Gauge(metric), "gauge")

    def _added(self, handle: HandleT, kind: Kind) -> HandleT:
        metric = handle.metric
        if metric.kind != kind:
            raise CatalogError(f"metric {metric.name!r}: kind {metric.kind!r}, expected {kind!r}")
        if metric.name in self.handles:
            raise CatalogError(f"metric {metric.name!r}: the registry has this name already")
        self.metrics[metric.name] = metric
        self.handles[metric.name] = handle
        return handle
