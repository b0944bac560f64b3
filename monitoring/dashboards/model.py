"""Dashboards as data: a board has rows of panels with queries. Nothing here knows Grafana's JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["timeseries", "stat", "bargauge", "piechart", "table", "heatmap", "statetimeline", "text"]

GREEN, YELLOW, RED, BLUE = "green", "yellow", "red", "blue"


@dataclass(frozen=True)
class Thresholds:
    """A base colour and the values from which another begins. `drawn` shows them as lines in a graph."""

    base: str = GREEN
    steps: tuple[tuple[float, str], ...] = ()
    drawn: bool = False


def plain() -> Thresholds:
    """No value is good or bad."""
    return Thresholds(base=BLUE)


def bad_from(limit: float, warn: float | None = None) -> Thresholds:
    """Red from the limit on; yellow from `warn` on."""
    early = () if warn is None else ((warn, YELLOW),)
    return Thresholds(GREEN, (*early, (limit, RED)), drawn=True)


def good_from(target: float, warn: float | None = None) -> Thresholds:
    """Green from the target on; yellow from `warn` on; red below."""
    early = () if warn is None else ((warn, YELLOW),)
    return Thresholds(RED, (*early, (target, GREEN)), drawn=True)


def share(part: str, whole: str) -> str:
    """PromQL: `part` over `whole`, both with the same labels; 0 where only the whole has a series."""
    return f"({part} or 0 * {whole}) /\n{whole}"


@dataclass(frozen=True)
class Query:
    """One expression and what its lines are called.

    `zero_is_fine` says that a service in which everything happens may still answer 0 here.
    """

    expr: str
    legend: str
    zero_is_fine: bool = False


@dataclass(frozen=True)
class Link:
    """Where a panel leads to."""

    title: str
    url: str


@dataclass(frozen=True)
class Panel:
    """One panel. `width` is of 24; `names` are what lines are called instead of their legend; `text` is the
    Markdown of a text panel, which has no queries."""

    kind: Kind
    title: str
    description: str
    queries: tuple[Query, ...] = ()
    unit: str = "short"
    width: int = 8
    height: int = 8
    thresholds: Thresholds = field(default_factory=plain)
    least: float | None = 0
    most: float | None = None
    decimals: int | None = None
    links: tuple[Link, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True)
class PanelRow:
    """Panels under one heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class DashboardVariable:
    """A choice at the head of a board. A `label_of` variable lists the values of (metric, label)."""

    name: str
    label: str
    description: str
    label_of: tuple[str, str] | None = None
    default: str = ""


@dataclass(frozen=True)
class Dashboard:
    """One dashboard, kept in `file` without .json."""

    file: str
    title: str
    description: str
    tags: tuple[str, ...]
    rows: tuple[PanelRow, ...]
    variables: tuple[DashboardVariable, ...] = ()
    refresh: str = "10s"
    since: str = "now-1h"

    @property
    def panels(self) -> Iterator[Panel]:
        """Every panel, in reading order."""
        return (panel for row in self.rows for panel in row.panels)
