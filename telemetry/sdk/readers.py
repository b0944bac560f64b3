"""What several workers have counted, as one: on /metrics of whichever is asked, and in what each pushes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricReader,
    MetricsData,
    PeriodicExportingMetricReader,
    ResourceMetrics,
)
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry

from telemetry.guard import guard
from telemetry.scrape.page import Scraped
from telemetry.scrape.sums_with_sdk import with_cells
from telemetry.sdk.aggregation import CellHistograms, CellStorage, CellSums, InCell, third_party_only
from telemetry.sdk.clean import cleaned
from telemetry.workers.worker import Worker


def in_cells(reader: MetricReader, storage: CellStorage) -> None:
    """Let a reader's counters and histograms be kept in cells, where no view says how. Histograms that the
    environment wants exponential have no buckets to keep: the SDK keeps them."""
    chosen: dict[type, Any] = reader._instrument_class_aggregation  # type: ignore[assignment]
    for kind, aggregation in chosen.items():
        if issubclass(kind, Counter):
            chosen[kind] = CellSums(storage)
        elif issubclass(kind, Histogram) and not isinstance(
            aggregation, ExponentialBucketHistogramAggregation
        ):
            chosen[kind] = CellHistograms(storage)


class ThirdPartyReader(PrometheusMetricReader):
    """The Prometheus exporter for other people's instruments; ours are rendered without it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(disable_target_info=True, scope_info_enabled=False, registry=registry)
        self._collector._translate_metric = _guarded(self._collector._translate_metric)  # type: ignore[method-assign]

    def collect(self, timeout_millis: float = 10_000) -> None:  # type: ignore[misc] # final to type checkers
        """Hand other people's instruments to the exporter's collector."""
        with third_party_only():
            super().collect(timeout_millis)

    def _receive_metrics(self, metrics_data: MetricsData | None, *args: Any, **kwargs: Any) -> None:
        super()._receive_metrics(metrics_data and cleaned(metrics_data), *args, **kwargs)  # type: ignore[arg-type]


def _guarded(translate: Callable[..., None]) -> Callable[..., None]:
    """A metric that cannot be shown takes no other with it."""

    def guarded(*args: Any, **kwargs: Any) -> None:
        try:
            translate(*args, **kwargs)
        except Exception as error:
            guard.report("render", "a metric of another meter cannot be shown: %s", error)

    return guarded


class GroupReader(ThirdPartyReader):
    """As that, with what the other workers have counted added to what this one has."""

    def __init__(self, worker: Worker, scraped: Scraped, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self._worker, self._scraped = worker, scraped
        self._is_empty = True
        in_cells(self, CellStorage(worker.cells))

    def collect(self, timeout_millis: float = 10_000) -> None:  # type: ignore[misc] # final to type checkers
        """This worker's own; where it has nothing yet, the others' all the same."""
        self._is_empty = True
        super().collect(timeout_millis)
        if self._is_empty:
            self._receive_metrics(MetricsData([ResourceMetrics(Resource.get_empty(), [], schema_url="")]))

    def _receive_metrics(self, metrics_data: MetricsData | None, *args: Any, **kwargs: Any) -> None:
        if metrics_data is None:
            return
        self._is_empty = False
        third_party = list(self._scraped.third_party())
        if third_party or self._worker.is_filed:
            metrics_data = with_cells(
                metrics_data, self._worker.cells, third_party, self._scraped.is_third_party
            )
        super()._receive_metrics(metrics_data, *args, **kwargs)


def hold_back(reader: MetricReader, may_push: Callable[[], bool]) -> None:
    """Let a reader of a provider collect only where `may_push` says so: the SDK's goes on by itself in every
    process that is forked."""
    collect: Any = reader._collect

    def collect_if(*args: Any, **kwargs: Any) -> Any:
        return collect(*args, **kwargs) if may_push() else None

    reader._set_collect_callback(collect_if)


def forget_copied(provider: MeterProvider, reader: MetricReader | None) -> None:
    """In a process just forked: what is not in cells (up-down counters, gauges) is exported by the parent."""
    consumer: Any = provider._measurement_consumer
    for storage in consumer._reader_storages.values():
        for matches in storage._instrument_view_instrument_matches.values():
            for match in matches:
                kept = match._attributes_aggregation
                match._attributes_aggregation = {
                    key: series for key, series in kept.items() if isinstance(series, InCell)
                }
    if isinstance(reader, PeriodicExportingMetricReader):
        if not hasattr(reader, "_export_lock"):
            raise AttributeError("PeriodicExportingMetricReader has no _export_lock")
        reader._export_lock = threading.Lock()  # a thread of the parent may have had it
