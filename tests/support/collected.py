"""A pipeline that pushes to a collector, and what the collector then shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client.parser import text_string_to_metric_families
from support.servers import HTTP, ROOT, Collector

from telemetry.metrics import dialogue_turns_total
from telemetry.testing import Recorded, recording

FOLDER = ROOT / "otel-collector"


@contextmanager
def pushing(gate: Collector, instance: str = "host:8000") -> Iterator[Recorded]:
    """A pipeline that pushes to the collector when it is flushed."""
    environment = {
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_METRIC_EXPORT_INTERVAL": "3600000",
        "OTEL_EXPORTER_OTLP_ENDPOINT": gate.http,
        "OTEL_EXPORTER_OTLP_TIMEOUT": "2",
        "OTEL_RESOURCE_ATTRIBUTES": f"service.instance.id={instance},host.arch=amd64",
    }
    with recording(environment, exporter=None) as recorded:
        yield recorded


def turn(recorded: Recorded) -> None:
    """One more turn, pushed."""
    dialogue_turns_total.labels(category="chair").inc()
    recorded.pipeline.flush()


def page(address: str) -> dict[str, dict[frozenset[tuple[str, str]], float]]:
    """Sample name -> label sets and values of a metrics page."""
    samples: dict[str, dict[frozenset[tuple[str, str]], float]] = {}
    for family in text_string_to_metric_families(HTTP.get(f"http://{address}/metrics").text):
        for sample in family.samples:
            samples.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return samples


def own(gate: Collector, metric: str) -> float:
    """The sum of one of the collector's own metrics; 0 before it is there."""
    return sum(page(gate.telemetry).get(f"otelcol_{metric}", {}).values())
