"""What each metric means, which labels it has, and which boards and alerts read it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from telemetry.look.boards import Board
from telemetry.record.schema import Metric

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_SUFFIXES = ("_bucket", "_sum", "_count", "_total", "_created")
_EXPRESSIONS = frozenset({"expr", "query", "definition"})


def catalogue(
    metadata: Mapping[str, list[dict[str, str]]],
    known: Iterable[Metric],
    boards: Iterable[Board],
    rules: Iterable[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """A row for each metric that Prometheus has or we know, by name. `labels` is None where unknown."""
    rows = {name: row for name, row in map(_scraped, metadata.items())}
    rows.update({metric.name: _known(metric) for metric in known})
    readers = _readers(boards, list(rules))
    return [{**row, "readers": _of(name, readers)} for name, row in sorted(rows.items())]


def _scraped(entry: tuple[str, list[dict[str, str]]]) -> tuple[str, dict[str, Any]]:
    """OpenMetrics names a counter's family without the _total of its series."""
    name, told = entry[0], entry[1][0] if entry[1] else {}
    kind = told.get("type", "unknown")
    if kind == "counter" and not name.endswith("_total"):
        name += "_total"
    words = {"kind": kind, "unit": told.get("unit", ""), "description": told.get("help", "")}
    return name, {"name": name, **words, "labels": None}


def _known(metric: Metric) -> dict[str, Any]:
    return {
        "name": metric.name,
        "kind": metric.kind,
        "unit": metric.unit,
        "description": metric.description,
        "labels": list(metric.label_names),
    }


def _of(name: str, readers: Mapping[str, set[str]]) -> list[str]:
    return sorted(set().union(*(readers.get(name + suffix, ()) for suffix in ("", *_SUFFIXES))))


def _readers(boards: Iterable[Board], rules: list[Mapping[str, Any]]) -> dict[str, set[str]]:
    """Name of a series -> titles of boards and names of alerts, also of those that read it through a
    recording rule."""
    records = {rule["name"]: _names(rule["query"]) for rule in rules if rule.get("type") == "recording"}
    named = [(board.title, set().union(*map(_names, _expressions(board.model)))) for board in boards]
    named += [(rule["name"], _names(rule["query"])) for rule in rules if rule.get("type") == "alerting"]
    readers: dict[str, set[str]] = {}
    for reader, names in named:
        for name in _through(names, records):
            readers.setdefault(name, set()).add(reader)
    return readers


def _through(names: set[str], records: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = set(names)
    while waiting:
        seen |= waiting
        waiting = set().union(*(records.get(name, set()) for name in waiting)) - seen
    return seen


def _names(expression: str) -> set[str]:
    return set(_NAME.findall(expression))


def _expressions(part: Any, key: str = "") -> Iterator[str]:
    """Every query in a board, wherever it stands."""
    if isinstance(part, str):
        if key in _EXPRESSIONS:
            yield part
    elif isinstance(part, dict):
        for name, value in part.items():
            yield from _expressions(value, str(name))
    elif isinstance(part, list):
        for value in part:
            yield from _expressions(value, key)
