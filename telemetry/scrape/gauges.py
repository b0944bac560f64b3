"""Gauges whose series end, as a scrape sees them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from telemetry.record.gauges import Gauge


class LiveGaugeCollector(Collector):
    """The gauges as a scrape sees them: live series, and no other."""

    def __init__(self, gauges: Sequence[Gauge]) -> None:
        self._gauges = gauges

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """The families, so that registering reads no source."""
        return [self._family(gauge) for gauge in self._gauges]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The families with their live series."""
        for gauge in self._gauges:
            family = self._family(gauge)
            for values, amount in (gauge.live_unless_fault("render") or {}).items():
                family.add_metric(values, amount)
            yield family

    @staticmethod
    def _family(gauge: Gauge) -> GaugeMetricFamily:
        metric = gauge.metric
        return GaugeMetricFamily(metric.name, metric.description, labels=metric.label_names)
