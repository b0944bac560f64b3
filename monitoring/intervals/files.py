"""The intervals that YAML files say: found, compared with the source, replaced where they stand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

from monitoring.intervals.source import SOURCE, Intervals

COMMAND = "python -m monitoring.intervals"
KEYS = {"scrape_interval", "evaluation_interval", "timeInterval"}
# Where such keys may stand. One that the source does not list is a number said twice.
SEARCHED = (
    "monitoring/*.yml",
    "monitoring/*/*.yml",
    "monitoring/alerts/tests/*.yml",
    "monitoring/grafana/provisioning/*/*.yml",
    "otel-collector/**/*.yaml",
)


class StatedInterval(NamedTuple):
    """One interval in a file: its place in the text, without quotes, and what it says."""

    begin: int
    end: int
    value: str


def stated(text: str) -> dict[str, StatedInterval]:
    """Every interval of a YAML text by its keys, joined by dots."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    return dict(_walk(root, ())) if root else {}


def _walk(node: yaml.Node, path: tuple[str, ...]) -> Iterator[tuple[str, StatedInterval]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*path, key.value)
            if key.value in KEYS:
                quote = 1 if value.style else 0
                at = value.start_mark.index + quote, value.end_mark.index - quote
                yield ".".join(here), StatedInterval(*at, value.value)
            else:
                yield from _walk(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _walk(item, (*path, _name(item)))


def _name(item: yaml.Node) -> str:
    keys = item.value if isinstance(item, yaml.MappingNode) else ()
    return next((str(value.value) for key, value in keys if key.value in {"job_name", "name"}), "")


def _listed(intervals: Intervals, root: Path) -> dict[Path, dict[str, str]]:
    """Every file that may say an interval, with the keys and names that the source lists for it."""
    listed: dict[Path, dict[str, str]] = {path: {} for glob in SEARCHED for path in sorted(root.glob(glob))}
    for glob, keys in intervals.said_in.items():
        for path in sorted(root.glob(glob)) or [root / glob]:
            listed.setdefault(path, {}).update(keys)
    return listed


def faults(intervals: Intervals, root: Path) -> list[str]:
    """Where a file below `root` and the source disagree, one line each."""
    return [
        f"{path.relative_to(root)}: {fault}"
        for path, keys in _listed(intervals, root).items()
        for fault in _faults_of(path, keys, intervals)
    ]


def _faults_of(path: Path, keys: dict[str, str], intervals: Intervals) -> Iterator[str]:
    if not path.exists():
        yield f"is not there; {SOURCE} lists it"
        return
    found = stated(path.read_text(encoding="utf-8"))
    for key, name in keys.items():
        expected = f"expected {intervals.every[name]} ({name} in {SOURCE})"
        if key not in found:
            yield f"{key} is missing: {expected}"
        elif found[key].value != intervals.every[name]:
            yield f"{key}: {found[key].value}: {expected}; mend with: {COMMAND}"
    yield from (f"{key}: list it in {SOURCE}, said_in" for key in found if key not in keys)


def write(intervals: Intervals, root: Path) -> list[Path]:
    """Put the source's numbers into every listed place below `root`; the files that changed."""
    changed = []
    for path, keys in _listed(intervals, root).items():
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        after = _replaced(before, {key: intervals.every[name] for key, name in keys.items()})
        if after != before:
            path.write_text(after, encoding="utf-8")
            changed.append(path)
    return changed


def _replaced(text: str, values: dict[str, str]) -> str:
    places = [(place, values[key]) for key, place in stated(text).items() if key in values]
    for place, value in sorted(places, reverse=True):  # from the end: what stands before keeps its place
        text = text[: place.begin] + value + text[place.end :]
    return text
