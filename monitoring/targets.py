"""Objectives (slo.yaml) and rules (alerts/*.yml) as typed entries: what dashboards show and tests compare."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Events:
    """The series that count events, as PromQL selects them, and the name of their recorded rate."""

    record: str
    series: str


@dataclass(frozen=True)
class Objective:
    """A share of good events among all events, the share that was promised, and the area that is at fault."""

    key: str
    title: dict[str, str]
    meaning: dict[str, str]
    target: float
    area: str
    good: Events
    all: Events
    within_seconds: float | None = None

    def share(self, window: str) -> str:
        """PromQL: the share of good events over `window`, each moment weighed by its traffic."""
        return f"sum_over_time({self.good.record}[{window}]) / sum_over_time({self.all.record}[{window}])"

    def budget_left(self, window: str) -> str:
        """PromQL: the part of the allowed bad events left over `window`; below 0 is too much spent."""
        return f"1 - (1 - {self.share(window)}) / (1 - {self.target})"


@dataclass(frozen=True)
class Limit:
    """The number an alert compares with, what draws the compared line, and the objective that suffers."""

    alert: str
    limit: float
    unit: str
    measure: str | None = None
    objective: str | None = None


@dataclass(frozen=True)
class Targets:
    """slo.yaml."""

    window: str
    objectives: tuple[Objective, ...]
    limits: tuple[Limit, ...]

    def objective(self, key: str) -> Objective:
        """The objective of that key; KeyError when there is none."""
        return {objective.key: objective for objective in self.objectives}[key]

    def limit(self, alert: str) -> float:
        """The number that an alert compares with; KeyError when there is none."""
        return {limit.alert: limit.limit for limit in self.limits}[alert]


@dataclass(frozen=True)
class Rule:
    """One recording rule or alert, with the file and group it stands in."""

    name: str
    is_alert: bool
    expr: str
    file: str
    group: str
    hold: str
    labels: dict[str, str]
    annotations: dict[str, str]


def read_targets(path: Path = HERE / "slo.yaml") -> Targets:
    """slo.yaml, typed; an unknown or missing key raises TypeError with its name."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Targets(
        window=data["window"],
        objectives=tuple(_objective(key, **entry) for key, entry in data["objectives"].items()),
        limits=tuple(Limit(alert=alert, **entry) for alert, entry in data["alerts"].items()),
    )


def _objective(key: str, good: dict[str, str], all: dict[str, str], **entry: Any) -> Objective:
    return Objective(key=key, good=Events(**good), all=Events(**all), **entry)


def read_rules(folder: Path = HERE / "alerts") -> tuple[Rule, ...]:
    """Every rule of every *.yml file of a folder, in the order of file and place."""
    files = sorted(folder.glob("*.yml"))
    return tuple(rule for path in files for rule in _rules(path.name, path.read_text(encoding="utf-8")))


@cache  # a second for each reader, a dozen of them
def _rules(file: str, text: str) -> tuple[Rule, ...]:
    groups = yaml.safe_load(text)["groups"]
    return tuple(_rule(entry, file, group["name"]) for group in groups for entry in group["rules"])


def _rule(entry: dict[str, Any], file: str, group: str) -> Rule:
    return Rule(
        name=entry.get("alert") or entry["record"],
        is_alert="alert" in entry,
        expr=entry["expr"],
        file=file,
        group=group,
        hold=entry.get("for", "0s"),
        labels=entry.get("labels", {}),
        annotations=entry.get("annotations", {}),
    )
