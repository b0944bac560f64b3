"""Which queries bring exemplars along: single requests, as points on the graph that lead to their traces."""

from __future__ import annotations

from monitoring.dashboards.model import Panel
from telemetry.catalog import CATALOG

KINDS = {"timeseries", "heatmap"}
BUCKETS = tuple(
    f"{metric.name}_bucket" for metric in CATALOG if metric.kind == "histogram" and metric.unit == "s"
)


def wanted(panel: Panel, expr: str) -> bool:
    """Whether a query of a panel shows a latency over time, read from its histogram's buckets.

    Elsewhere Prometheus has none (sums, counts, recording rules), or the panel, in another unit or with one
    number, has no place for a point of so many seconds.
    """
    return panel.kind in KINDS and panel.unit == "s" and any(name in expr for name in BUCKETS)
