"""What the committed dashboards, rules and runbooks ask of Prometheus, with Grafana's variables filled."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitoring.contract import (
    COLLECTOR_SERIES,
    PROMETHEUS_SERIES,
    KnownSeries,
    alert_series,
    catalogue_series,
    recorded_series,
)
from monitoring.intervals.rules import MACROS
from monitoring.queries import fill
from monitoring.targets import HERE, Rule, read_rules

DASHBOARDS = sorted((HERE / "grafana" / "dashboards").glob("*.json"))
RUNBOOKS = sorted((HERE / "runbooks").glob("*.md"))
CHOICES: Mapping[str, str] = {"category": ".*", "provider": ".*", "endpoint": ".*", "price": "0.001"}
FILLED: Mapping[str, str] = {**CHOICES, **MACROS}


@dataclass(frozen=True)
class PanelQuery:
    """One expression, who asks it, and the names it gives to the lines of the answer."""

    source: str
    place: str
    raw: str
    legend: str = ""

    @property
    def expr(self) -> str:
        """The expression with every variable at "All"."""
        return fill(self.raw, FILLED)

    def __str__(self) -> str:
        return f"{self.source}: {self.place}"


def load(path: Path) -> dict[str, Any]:
    """A dashboard file."""
    board: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return board


def panels(board: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every panel, rows left out, those inside collapsed rows taken in."""
    for panel in board["panels"]:
        yield from (panel["panels"] if panel["type"] == "row" else [panel])


def of_dashboard(board: Mapping[str, Any]) -> Iterator[PanelQuery]:
    """Every panel's queries, and the series that the variables list."""
    for panel in panels(board):
        for target in panel.get("targets", []):
            place = f"{panel['title']} ({target['refId']})"
            yield PanelQuery(board["uid"], place, target["expr"], target["legendFormat"])
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            listed = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]["query"])
            assert listed, f"{variable['name']}: expected label_values(metric, label)"
            place = f"variable {variable['name']}"
            yield PanelQuery(board["uid"], place, f"count by ({listed[2]}) ({listed[1]})")


def of_rules(rules: tuple[Rule, ...]) -> Iterator[PanelQuery]:
    """Every rule's expression."""
    return (PanelQuery(rule.file.removesuffix(".yml"), rule.name, rule.expr) for rule in rules)


def of_runbooks() -> Iterator[PanelQuery]:
    """Every query that a runbook prints."""
    for path in RUNBOOKS:
        blocks = re.findall(r"```promql\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
        yield from (PanelQuery(path.name, block.strip().split("\n")[0], block) for block in blocks)


def everything() -> list[PanelQuery]:
    """All that is committed."""
    boards = [asked for path in DASHBOARDS for asked in of_dashboard(load(path))]
    return [*boards, *of_rules(read_rules()), *of_runbooks()]


def known_series() -> dict[str, KnownSeries]:
    """Every series that may be selected, by name."""
    rules = read_rules()
    series = [
        *catalogue_series(),
        *recorded_series(rules),
        alert_series(rules),
        *PROMETHEUS_SERIES,
        *COLLECTOR_SERIES,
    ]
    return {known.name: known for known in series}
