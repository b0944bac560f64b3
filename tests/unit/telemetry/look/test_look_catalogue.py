"""The catalogue: meaning, labels and readers of each metric."""

from __future__ import annotations

from pathlib import Path

from support.looked import board, write

from telemetry.look.boards import Folders
from telemetry.look.catalogue import catalogue
from telemetry.record.schema import Label, Metric

KNOWN = Metric("orders_total", "counter", "{order}", "Orders.", (Label("shop", ("a",)),))
RULES = [
    {"type": "recording", "name": "job:orders:rate5m", "query": "sum by (job) (rate(orders_total[5m]))"},
    {"type": "recording", "name": "job:loop", "query": "job:loop + job:orders:rate5m"},
    {"type": "alerting", "name": "NoOrders", "query": "job:loop == 0"},
    {
        "type": "alerting",
        "name": "Slow",
        "query": "histogram_quantile(0.9, rate(wait_seconds_bucket[5m])) > 1",
    },
]


def test_a_metric_has_its_meaning_and_its_readers(tmp_path: Path) -> None:
    """Also those that read it by a recording rule, or by one series of a histogram."""
    boards = Folders(
        [write(tmp_path, board("a", "rate(orders_total[5m])"), board("b", "wait_seconds_sum"))]
    ).read()
    metadata = {
        "wait_seconds": [{"type": "histogram", "help": "Waits.", "unit": "seconds"}],
        "visits": [{"type": "counter", "help": "Visits.", "unit": ""}],
        "orders_total": [{"type": "counter", "help": "as scraped", "unit": ""}],
        "odd": [],
    }
    rows = catalogue(metadata, [KNOWN], boards.boards.values(), RULES)
    assert rows == [
        {"name": "odd", "kind": "unknown", "unit": "", "description": "", "labels": None, "readers": []},
        {
            "name": "orders_total",
            "kind": "counter",
            "unit": "{order}",
            "description": "Orders.",
            "labels": ["shop"],
            "readers": ["Board a", "NoOrders"],
        },
        {
            "name": "visits_total",
            "kind": "counter",
            "unit": "",
            "description": "Visits.",
            "labels": None,
            "readers": [],
        },
        {
            "name": "wait_seconds",
            "kind": "histogram",
            "unit": "seconds",
            "description": "Waits.",
            "labels": None,
            "readers": ["Board b", "Slow"],
        },
    ]
