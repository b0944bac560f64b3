"""Whether the installed SDK is of the shape that this room leans on."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.resources import Resource

from telemetry.sdk.aggregation import CellHistograms, InCell, Keeping, writer
from telemetry.sdk.readers import in_cells
from telemetry.store.cells import Cells


def sdk_is_supported() -> bool:
    """Whether this SDK's aggregations are of the shape that cells take the place of, and tell who writes: one
    of each is tried."""
    keeping, readers = Keeping(Cells()), [InMemoryMetricReader(), InMemoryMetricReader()]
    in_view = View(instrument_name="histogram", aggregation=CellHistograms(keeping, (1.0,)))
    for reader in readers:
        in_cells(reader, keeping)
    try:
        provider = MeterProvider(readers, Resource.get_empty(), shutdown_on_exit=False, views=[in_view])
        meter = provider.get_meter("probe")
        counter, histogram = meter.create_counter("counter"), meter.create_histogram("histogram")
        asked = [writer(counter.add, {"a": "b"}), writer(histogram.record, {})]
        counter.add(2, {"a": "b"})
        histogram.record(3.0)
        return all(_tells(reader, asked) for reader in readers)
    except (AttributeError, TypeError, ValueError):
        return False


def _tells(reader: InMemoryMetricReader, asked: list[InCell | None]) -> bool:
    """Whether a reader tells what was recorded, and the cells that were asked for hold it."""
    (resource,) = reader.get_metrics_data().resource_metrics  # type: ignore[union-attr]
    counter, histogram = [metric.data.data_points[0] for metric in resource.scope_metrics[0].metrics]
    told: Any = (counter.value, histogram.sum, histogram.bucket_counts)  # type: ignore[union-attr]
    held = [series.cell.read() if series else [] for series in asked]
    return bool(told == (2, 3.0, [0, 1]) and held == [[2.0], [0.0, 1.0, 3.0]])
