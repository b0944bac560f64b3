"""Panels of latency ask for exemplars, which lead from a point on the graph to a trace; others do not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from support.panels import DASHBOARDS, FILLED, load, panels

from monitoring.queries import fill, selectors
from telemetry.catalog import CATALOG

HISTOGRAMS = {
    f"{metric.name}_bucket" for metric in CATALOG if metric.kind == "histogram" and metric.unit == "s"
}
OVER_TIME = {"timeseries", "heatmap"}
LATENCIES = {
    "reviewlens-demo-kr": ["시나리오: 느린 LLM 제공자"],
    "reviewlens-production-kr-v2": [
        "응답 시간 (p50/p95/p99)",
        "제공자별 p95 응답 시간",
        "첫 바이트까지 p95",
        "근거 검색 p95",
        "점수 계산 p95",
        "가져오기 시간 p95",
    ],
    "reviewlens_dashboard": ["HTTP Latency (p50/p95/p99)", "p95 latency by endpoint", "Latency distribution"],
}


class Target(NamedTuple):
    """One query of a panel."""

    board: str
    panel: dict[str, Any]
    asked: dict[str, Any]

    @property
    def is_latency(self) -> bool:
        """Whether it draws seconds over time, from the buckets of a histogram."""
        read = {selector.metric for selector in selectors(fill(self.asked["expr"], FILLED))}
        seconds = self.panel["fieldConfig"]["defaults"]["unit"] == "s"
        return self.panel["type"] in OVER_TIME and seconds and bool(read & HISTOGRAMS)

    def __str__(self) -> str:
        return f"{self.board}: {self.panel['title']} ({self.asked['refId']})"


def targets() -> Iterator[Target]:
    """Every query of every panel."""
    for path in DASHBOARDS:
        for panel in panels(load(path)):
            yield from (Target(path.stem, panel, asked) for asked in panel.get("targets", []))


@pytest.mark.parametrize("target", list(targets()), ids=str)
def test_a_query_asks_for_exemplars_when_it_draws_a_latency(target: Target) -> None:
    """And only then; of a range, as an instant answer has no time to draw them at."""
    assert target.asked.get("exemplar", False) is target.is_latency
    if target.is_latency:
        assert (target.asked["range"], target.asked.get("instant", False)) == (True, False)


def test_these_panels_do() -> None:
    """By name, so that a rule that finds too few is seen."""
    asking = {
        path.stem: [
            panel["title"]
            for panel in panels(load(path))
            if any(asked.get("exemplar") for asked in panel.get("targets", []))
        ]
        for path in DASHBOARDS
    }
    assert asking == LATENCIES
